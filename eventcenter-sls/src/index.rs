//! The index of a logstore: without one, nothing can be asked.
//!
//! It holds for logs that are put after it was made. A change replaces it as a whole, so [`IndexOf::ensure`] lays the
//! wanted one over what is there: keys that others added stay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::client::Call;
use crate::error::Result;
use crate::logstore::Logstore;
use crate::object::{Ensured, Other, Slot};

/// What is indexed.
///
/// ```no_run
/// use eventcenter_sls::index::{Index, Key};
/// # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
/// let index = Index::full_text()
///     .key("level", Key::text())
///     .key("eventId", Key::json([("reason", Key::text()), ("count", Key::long())]));
/// logstore.index().ensure(&index).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Index {
    /// The words of whole logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The values of keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<BTreeMap<String, Key>>,
    /// How much of a text SQL sees, in bytes: 64 to 16384, and 2048 unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_text_len: Option<u32>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// How whole logs are cut into words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// What words are cut at.
    pub token: Vec<String>,
    /// Whether `A` is not `a`.
    #[serde(rename = "caseSensitive")]
    pub case_sensitive: bool,
    /// Whether Chinese is cut into words.
    pub chn: bool,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// How the values of one key are indexed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// `text`, `long`, `double` or `json`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What words are cut at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Vec<String>>,
    /// Whether `A` is not `a`.
    #[serde(rename = "caseSensitive", skip_serializing_if = "Option::is_none")]
    pub case_sensitive: Option<bool>,
    /// Whether Chinese is cut into words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chn: Option<bool>,
    /// Another name in SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Whether SQL sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_value: Option<bool>,
    /// Of `json`: whether all that is in it is indexed as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_all: Option<bool>,
    /// Of `json`: how deep that goes; -1 for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<i32>,
    /// Of `json`: what of it is a key of its own, by paths such as `involvedObject.kind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_keys: Option<BTreeMap<String, Self>>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// Where words end, if nothing else is said: what the console proposes.
const TOKENS: &[&str] = &[
    ",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":",
    "\n", "\t", "\r",
];

fn tokens() -> Vec<String> {
    TOKENS.iter().map(|token| (*token).to_owned()).collect()
}

impl Index {
    /// The words of whole logs, with Chinese cut into words, and texts that SQL sees whole.
    pub fn full_text() -> Self {
        let line = Line { token: tokens(), chn: true, ..Line::default() };
        Self { line: Some(line), max_text_len: Some(16384), ..Self::default() }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, name: impl Into<String>, key: Key) -> Self {
        self.keys.get_or_insert_default().insert(name.into(), key);
        self
    }
}

impl Key {
    fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), doc_value: Some(true), ..Self::default() }
    }

    /// Words, for search and SQL.
    pub fn text() -> Self {
        let words = Some(tokens());
        Self { token: words, case_sensitive: Some(false), chn: Some(true), ..Self::of("text") }
    }

    /// Whole numbers, for search and SQL.
    pub fn long() -> Self {
        Self::of("long")
    }

    /// Numbers, for search and SQL.
    pub fn double() -> Self {
        Self::of("double")
    }

    /// A document, of which all is found, and these keys are seen by SQL.
    pub fn json<K: Into<String>>(keys: impl IntoIterator<Item = (K, Self)>) -> Self {
        // Keys within a document have a kind, and no words of their own.
        let leaf = |key: Self| Self { token: None, case_sensitive: None, chn: None, ..key };
        let keys = keys.into_iter().map(|(name, key)| (name.into(), leaf(key))).collect();
        Self {
            index_all: Some(true),
            max_depth: Some(-1),
            json_keys: Some(keys),
            kind: "json".to_owned(),
            ..Self::text()
        }
    }
}

/// The index of one logstore, whether it is there or not.
pub struct IndexOf(Slot);

impl Logstore {
    /// Its index.
    pub fn index(&self) -> IndexOf {
        let place = Call::get("/logstores").segment(self.name()).words("index");
        let place = place.project(self.project().name());
        IndexOf(Slot {
            client: self.project().client().clone(),
            collection: place.clone(),
            item: place,
            read_only: &["index_mode", "storage", "ttl", "createTime", "lastModifyTime"],
            set_once: &[],
        })
    }
}

impl IndexOf {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// [`is_already_there`](crate::Error::is_already_there) when there is one.
    pub async fn create(&self, index: &Index) -> Result<()> {
        self.0.create(index).await
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when there is none.
    pub async fn get(&self) -> Result<Index> {
        self.0.get().await
    }

    /// Replaces it, as a whole.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when there is none.
    pub async fn update(&self, index: &Index) -> Result<()> {
        self.0.update(index).await
    }

    /// Removes it. Whether it was there.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn delete(&self) -> Result<bool> {
        self.0.delete().await
    }

    /// Makes it, or adds to it. See [`object`](crate::object).
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn ensure(&self, wanted: &Index) -> Result<Ensured> {
        self.0.ensure(wanted).await
    }
}

impl std::fmt::Debug for IndexOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IndexOf").field(&self.0.item.path()).finish()
    }
}
