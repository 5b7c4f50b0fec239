//! Consumer groups: several programs read one logstore, each shard by one of them, and go on where the last one stopped.
//!
//! The service keeps, for each shard of a group, who reads it and a *checkpoint*: the cursor from which to go on. A
//! consumer says every third of the group's timeout that it lives and which shards it holds, and is told which ones it
//! should hold. Who was not heard of for the timeout loses its shards.
//!
//! [`Consumer`] does all this and hands out [`Batch`]es, one shard after the other:
//!
//! ```no_run
//! use eventcenter_sls::consumer::ConsumerOptions;
//! # fn handle(_: &eventcenter_sls::consumer::Batch) {}
//!
//! # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
//! let mut consumer = ConsumerOptions::new("audit", "host-1").join(&logstore).await?;
//! loop {
//!     let batch = consumer.next().await?;
//!     handle(&batch);
//!     consumer.done(&batch).await?;
//! }
//! # }
//! ```
//!
//! **At least once.** Whoever reads a shard next, here or elsewhere, begins behind the last batch that was
//! [done](Consumer::done); so what was read and not done comes again. The heartbeat has a task of its own: who takes
//! long over a batch keeps its shards, and who hangs does too.
//!
//! **A shard that goes to another consumer** is kept until the batch that is being handled is through, that is until
//! [`next`](Consumer::next) is called again. There is no way to leave a group but to fall silent: the shards of who
//! stops are others' after the timeout.

mod shards;
mod worker;

use serde::{Deserialize, Serialize};

use crate::client::{Body, Call};
use crate::error::Result;
use crate::logstore::{Cursor, Logstore};
use crate::object::Other;

pub use worker::{Batch, Consumer, ConsumerOptions};

/// A consumer group. At most 30 a logstore.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsumerGroup {
    /// Its name.
    #[serde(rename = "consumerGroup", alias = "name")]
    pub name: String,
    /// After how many seconds without a heartbeat a consumer has lost its shards.
    pub timeout: u32,
    /// Whether the shards that came of a split are read after the one that was split.
    pub order: bool,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// How far a shard was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Checkpoint {
    /// The shard.
    pub shard: u32,
    /// From where to go on; empty when nothing was read.
    pub checkpoint: String,
    /// When that was said, in microseconds since 1970.
    pub update_time: i64,
    /// Who said so.
    pub consumer: String,
}

impl Checkpoint {
    /// From where to go on; `None` when nothing was read.
    pub fn cursor(&self) -> Option<Cursor> {
        (!self.checkpoint.is_empty()).then(|| Cursor::new(self.checkpoint.clone()))
    }
}

impl Logstore {
    fn groups(&self, call: Call) -> Call {
        call.segment(self.name()).words("consumergroups")
    }

    /// Its consumer groups.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn consumer_groups(&self) -> Result<Vec<ConsumerGroup>> {
        self.project().call(self.groups(Call::get("/logstores"))).await?.json()
    }

    /// Makes a consumer group.
    ///
    /// # Errors
    ///
    /// [`is_already_there`](crate::Error::is_already_there) when there is one of this name.
    pub async fn create_consumer_group(&self, group: &ConsumerGroup) -> Result<()> {
        let call = self.groups(Call::post("/logstores")).body(Body::json(group)?);
        self.project().call(call).await.map(drop)
    }

    /// Changes timeout and order of a consumer group.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when there is none of this name.
    pub async fn update_consumer_group(&self, group: &ConsumerGroup) -> Result<()> {
        let settings = serde_json::json!({ "timeout": group.timeout, "order": group.order });
        let call = self.groups(Call::put("/logstores")).segment(&group.name);
        self.project().call(call.body(Body::json(&settings)?)).await.map(drop)
    }

    /// Removes a consumer group, with its checkpoints. Whether it was there.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn delete_consumer_group(&self, name: &str) -> Result<bool> {
        let call = self.groups(Call::delete("/logstores")).segment(name);
        match self.project().call(call).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How far each shard was read.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn checkpoints(&self, group: &str) -> Result<Vec<Checkpoint>> {
        let call = self.groups(Call::get("/logstores")).segment(group);
        self.project().call(call).await?.json()
    }

    /// Says that a consumer lives and which shards it holds; the first time, none. The shards that it should hold.
    ///
    /// # Errors
    ///
    /// [`Code::NotExistConsumerWithBody`](crate::Code::NotExistConsumerWithBody) when it was forgotten.
    pub async fn heartbeat(&self, group: &str, consumer: &str, held: &[u32]) -> Result<Vec<u32>> {
        let call = self.groups(Call::post("/logstores")).segment(group);
        let call = call.query("type", "heartbeat").query("consumer", consumer.to_owned());
        self.project().call(call.body(Body::json(&held)?).repeatable()).await?.json()
    }

    /// Says how far a shard was read. With `force`, also if the consumer does not hold it.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidShardCheckPoint`](crate::Code::InvalidShardCheckPoint) when the consumer does not hold the shard.
    pub async fn set_checkpoint(
        &self,
        group: &str,
        consumer: &str,
        shard: u32,
        cursor: &Cursor,
        force: bool,
    ) -> Result<()> {
        let call = self
            .groups(Call::post("/logstores"))
            .segment(group)
            .query("type", "checkpoint")
            .query("consumer", consumer.to_owned())
            .query("forceSuccess", force.to_string());
        let body = Body::json(&serde_json::json!({ "shard": shard, "checkpoint": cursor }))?;
        self.project().call(call.body(body).repeatable()).await.map(drop)
    }
}
