//! The shards of a logstore: each takes 5 MB and 500 writes a second.

use serde::{Deserialize, Serialize};

use super::Logstore;
use crate::client::Call;
use crate::error::Result;
use crate::object::Other;

/// One shard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shard {
    /// Its number.
    #[serde(rename = "shardID")]
    pub id: u32,
    /// `readwrite`, or `readonly` when it was split or merged.
    pub status: String,
    /// The first key that belongs to it, 32 hexadecimal digits.
    pub inclusive_begin_key: String,
    /// The first key behind it.
    pub exclusive_end_key: String,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl Shard {
    /// Whether logs can be put into it.
    pub fn is_writable(&self) -> bool {
        self.status.eq_ignore_ascii_case("readwrite")
    }
}

impl Logstore {
    /// Its shards.
    ///
    /// ```no_run
    /// # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
    /// let writable = logstore.shards().await?.iter().filter(|shard| shard.is_writable()).count();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn shards(&self) -> Result<Vec<Shard>> {
        self.call(self.path(Call::get("/logstores")).words("shards")).await?.json()
    }

    /// Splits a shard at a key, or in the middle. The shards that come of it.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn split_shard(&self, shard: u32, at: Option<&str>) -> Result<Vec<Shard>> {
        let call = self.shard(Call::post("/logstores"), shard).query("action", "split");
        self.call(call.query_opt("key", at.map(str::to_owned))).await?.json()
    }

    /// Merges a shard with the one behind it. The shards that come of it.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn merge_shard(&self, shard: u32) -> Result<Vec<Shard>> {
        let call = self.shard(Call::post("/logstores"), shard).query("action", "merge");
        self.call(call).await?.json()
    }

    pub(super) fn shard(&self, call: Call, shard: u32) -> Call {
        self.path(call).words("shards").words(&shard.to_string())
    }
}
