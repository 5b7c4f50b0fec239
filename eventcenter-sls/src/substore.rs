//! Sub-stores: tables in a logstore, sorted by their keys; what metrics are kept in.

use serde::{Deserialize, Serialize};

use crate::client::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::logstore::Logstore;
use crate::object::{Object, Objects, Other};

/// A sub-store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubStore {
    /// Its name.
    pub name: String,
    /// Days that its rows are kept: 1 to 3650.
    pub ttl: u32,
    /// How many of the first keys rows are sorted by.
    pub sorted_key_count: usize,
    /// Which key is the time.
    pub time_index: usize,
    /// Its columns.
    pub keys: Vec<SubStoreKey>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// A column of a sub-store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubStoreKey {
    /// Its name.
    pub name: String,
    /// `text`, `long` or `double`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl SubStore {
    /// Whether the service would take it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] names what is wrong.
    pub fn check(&self) -> Result<()> {
        let keys = &self.keys;
        let known = |kind: &str| matches!(kind, "text" | "long" | "double");
        let wrong = if !(1..=3650).contains(&self.ttl) {
            "ttl is 1 to 3650 days"
        } else if keys.iter().any(|key| key.name.is_empty() || !known(&key.kind)) {
            "each key has a name and is text, long or double"
        } else if self.sorted_key_count == 0 || self.sorted_key_count >= keys.len() {
            "rows are sorted by at least one key and not by all"
        } else if self.time_index < self.sorted_key_count {
            "the time is none of the keys that rows are sorted by"
        } else if keys.get(self.time_index).is_none_or(|key| key.kind != "long") {
            "the time is a key of type long"
        } else if keys.iter().take(self.sorted_key_count).any(|key| key.kind == "double") {
            "rows are not sorted by a double"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Usage, wrong))
    }
}

impl Object for SubStore {
    const PATH: &'static str = "/logstores";
    const LISTED: &'static str = "substores";
    type Listed = String;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Logstore {
    /// Its sub-stores.
    ///
    /// ```no_run
    /// # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
    /// for name in logstore.sub_stores().all().await? {
    ///     println!("{name}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn sub_stores(&self) -> Objects<SubStore> {
        let place = Call::get(SubStore::PATH).segment(self.name()).words("substores");
        let project = self.project();
        Objects::at(project.client().clone(), place.project(project.name()))
    }

    /// The days that rows of sub-stores are kept.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn sub_store_ttl(&self) -> Result<u32> {
        #[derive(Deserialize)]
        struct Answer {
            ttl: u32,
        }
        let call = Call::get("/logstores").segment(self.name()).words("substores/storage/ttl");
        Ok(self.project().call(call).await?.json::<Answer>()?.ttl)
    }

    /// Changes the days that rows of sub-stores are kept.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn set_sub_store_ttl(&self, days: u32) -> Result<()> {
        let call = Call::put("/logstores").segment(self.name()).words("substores/storage/ttl");
        self.project().call(call.query("ttl", days.to_string())).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_would_refuse_is_refused_here() {
        let key = |name: &str, kind: &str| SubStoreKey { name: name.into(), kind: kind.into() };
        let good = SubStore {
            name: "prom".to_owned(),
            ttl: 30,
            sorted_key_count: 2,
            time_index: 2,
            keys: vec![
                key("name", "text"),
                key("labels", "text"),
                key("time", "long"),
                key("value", "double"),
            ],
            other: Other::new(),
        };
        good.check().unwrap();
        let wrong = |change: fn(&mut SubStore), said: &str| {
            let mut store = good.clone();
            change(&mut store);
            let error = store.check().unwrap_err();
            assert!(error.message().contains(said), "{error}");
        };
        wrong(|store| store.ttl = 0, "ttl");
        wrong(|store| store.ttl = 3651, "ttl");
        wrong(|store| store.keys[0].name.clear(), "has a name");
        wrong(|store| store.keys[0].kind = "json".to_owned(), "text, long or double");
        wrong(|store| store.sorted_key_count = 0, "at least one key");
        wrong(|store| store.sorted_key_count = 4, "not by all");
        wrong(|store| store.time_index = 1, "none of the keys");
        wrong(|store| store.time_index = 4, "type long");
        wrong(|store| store.keys[2].kind = "text".to_owned(), "type long");
        wrong(|store| store.keys[0].kind = "double".to_owned(), "not sorted by a double");
    }
}
