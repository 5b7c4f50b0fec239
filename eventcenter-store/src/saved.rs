//! What people keep on purpose: saved queries, and whatever else is made by hand and shared by all who use a server.
//!
//! A [`Saved`] thing is a name and a JSON object, with who made and who changed it, and a revision. It belongs to no
//! range of time: retention never removes it. [`SavedThings`] keeps them; [`SavedFile`] does so in a file of its own
//! beside the partitions.
//!
//! **Two who write at a time.** Who changes a thing says which revision he has seen; if there is a newer one nothing is
//! changed, and he is told what there is now. That is a value, [`Written`], and no error.
//!
//! **Limits.** [`MOST`] things of a kind, [`MOST_NAME`] characters of a name, [`MOST_BODY`] bytes of a body.

#[cfg(feature = "sqlite")]
mod file;
#[cfg(any(test, feature = "testing"))]
mod memory;

use std::fmt::Debug;

use async_trait::async_trait;
use eventcenter_core::{Error, ErrorKind, Result, plain};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(feature = "sqlite")]
pub(crate) use file::FILE;
#[cfg(feature = "sqlite")]
pub use file::SavedFile;
#[cfg(any(test, feature = "testing"))]
pub use memory::SavedInMemory;

/// Things of a kind. A menu of more would be read by nobody.
pub const MOST: u32 = 1000;
/// Characters of a name.
pub const MOST_NAME: usize = 120;
/// Bytes of a body, as JSON: a statement has 16 KiB at most.
pub const MOST_BODY: usize = 32 << 10;
/// Characters that are kept of who it was.
const MOST_WHO: usize = 200;

/// Keeps things. Object-safe, without default methods.
///
/// # Errors
///
/// All methods alike: kind `Storage` when the file cannot be used; [`create`](Self::create) and
/// [`replace`](Self::replace) also `Refused`, with the reason in words, for what can never be kept.
#[async_trait]
pub trait SavedThings: Debug + Send + Sync + 'static {
    /// All of a kind, or all; by kind and name.
    async fn list(&self, kind: Option<Kind>) -> Result<Vec<Saved>>;

    /// One.
    async fn get(&self, id: &str) -> Result<Option<Saved>>;

    /// Keeps a new one, under this id or one that is made up.
    async fn create(&self, draft: &Draft, id: Option<&str>, by: &str) -> Result<Written>;

    /// Changes one; with a revision, only if it is still at that.
    async fn replace(
        &self,
        id: &str,
        revision: Option<u32>,
        draft: &Draft,
        by: &str,
    ) -> Result<Written>;

    /// Removes one; with a revision, only if it is still at that. [`Written::Done`] is what it was.
    async fn delete(&self, id: &str, revision: Option<u32>) -> Result<Written>;
}

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A statement, and how to look at what it finds.
    Query,
    /// What is different of a cluster than its configuration says; its name is the cluster's id.
    Cluster,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Query, Self::Cluster];

    /// Its name, as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Cluster => "cluster",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A thing, as kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Saved {
    /// What it is known by; never used again for another.
    pub id: String,
    /// What it is, what it is called, and what it says.
    #[serde(flatten)]
    pub draft: Draft,
    /// Who made it, and when.
    pub created: Stamp,
    /// Who changed it last, and when.
    pub changed: Stamp,
    /// 1, and one more with each change.
    pub revision: u32,
}

/// Who and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamp {
    /// As the console knows him; empty if it does not.
    pub by: String,
    /// To the microsecond.
    pub at: Timestamp,
}

impl Stamp {
    #[cfg(any(test, feature = "sqlite", feature = "testing"))]
    fn new(by: &str, at: Timestamp) -> Self {
        // As precise as it is read again.
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        Self { by: by.chars().take(MOST_WHO).collect(), at }
    }
}

/// What somebody wants to be kept; it was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    kind: Kind,
    name: String,
    body: Map<String, Value>,
}

impl Draft {
    /// Checks what can be checked of any kind.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when the name is empty, too long, more than a line, or has characters that nobody sees, or
    /// the body is too large.
    pub fn new(kind: Kind, name: &str, body: Map<String, Value>) -> Result<Self> {
        let refuse = |message: String| Err(refused(message));
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MOST_NAME {
            return refuse(format!("a name has 1 to {MOST_NAME} characters"));
        }
        if plain(name) != name {
            return refuse("a name is one line of text that anybody can read".to_owned());
        }
        let bytes = serde_json::to_vec(&body).map_or(usize::MAX, |text| text.len());
        if bytes > MOST_BODY {
            return refuse(format!("it has {bytes} bytes, {MOST_BODY} are kept at most"));
        }
        Ok(Self { kind, name: name.to_owned(), body })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it is called; no other of its kind is called so.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it says.
    pub fn body(&self) -> &Map<String, Value> {
        &self.body
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// It is durable.
    Done(Saved),
    /// Nothing has changed: this is what there is under the id now.
    Conflict(Saved),
    /// Nothing has changed: this one is called so already.
    NameTaken(Saved),
    /// There is none with this id.
    Absent,
}

fn refused(message: impl Into<String>) -> Error {
    Error::new("saved", ErrorKind::Refused, message)
}

#[cfg(any(test, feature = "sqlite", feature = "testing"))]
fn too_many(kind: Kind) -> Error {
    refused(format!("there are {MOST} of kind {} already: delete one", kind.as_str()))
}

#[cfg(any(test, feature = "sqlite", feature = "testing"))]
fn other_kind(found: &Saved) -> Error {
    refused(format!("it is of kind {}, and stays so", found.draft.kind.as_str()))
}

#[cfg(test)]
mod tests;
