//! Reading a shard from a place on, group by group, as logs arrive: cursors and PullLogs.
//!
//! A [`Cursor`] is a place in one shard: the base64 of a number that only grows. To read costs nothing else, so whatever
//! failed is read again from the same cursor. The end is reached when the next cursor is the one that was asked for;
//! what arrives later is behind it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Logstore;
use super::query::accepted;
use crate::client::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::LogGroup;

/// A place in a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor as the service wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The cursor of a number.
    ///
    /// ```
    /// use eventcenter_sls::logstore::Cursor;
    ///
    /// let cursor = Cursor::of(1_729_070_618_428_044_655);
    /// assert_eq!(cursor.as_str(), "MTcyOTA3MDYxODQyODA0NDY1NQ==");
    /// assert_eq!(cursor.number(), Some(1_729_070_618_428_044_655));
    /// ```
    pub fn of(number: u64) -> Self {
        Self(STANDARD.encode(number.to_string()))
    }

    /// The number, which tells the order of cursors of one shard.
    pub fn number(&self) -> Option<u64> {
        std::str::from_utf8(&STANDARD.decode(&self.0).ok()?).ok()?.parse().ok()
    }

    /// As the service writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where to begin. Times are those of arrival, not those in the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum From {
    /// With the oldest that is kept.
    Begin,
    /// With what arrives from now on.
    End,
    /// With what arrived from this second on.
    Time(i64),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin => f.write_str("begin"),
            Self::End => f.write_str("end"),
            Self::Time(second) => write!(f, "{second}"),
        }
    }
}

/// What is pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// From here on.
    pub cursor: Cursor,
    /// Before here; none for all there is.
    pub end: Option<Cursor>,
    /// How many groups at most: 1 to 1000.
    pub count: u32,
    /// What the service does to logs before it sends them, in SPL.
    pub query: Option<String>,
}

impl Pull {
    /// A hundred groups from a cursor on.
    pub fn new(cursor: Cursor) -> Self {
        Self { cursor, end: None, count: 100, query: None }
    }
}

/// What was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The groups, in their order.
    pub groups: Vec<LogGroup<'static>>,
    /// From where to go on.
    pub next: Cursor,
    /// Whether there was nothing more.
    pub at_end: bool,
    /// The cursor of the last group; with SPL, the last that was read for it.
    pub last: Option<Cursor>,
}

impl Logstore {
    /// The cursor of a place.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn cursor(&self, shard: u32, from: From) -> Result<Cursor> {
        #[derive(Deserialize)]
        struct Answer {
            cursor: Cursor,
        }
        let call = self.shard(Call::get("/logstores"), shard).query("type", "cursor");
        Ok(self.call(call.query("from", from.to_string())).await?.json::<Answer>()?.cursor)
    }

    /// The second at which the group at a cursor arrived.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn cursor_time(&self, shard: u32, cursor: &Cursor) -> Result<i64> {
        #[derive(Deserialize)]
        struct Answer {
            cursor_time: i64,
        }
        let call = self.shard(Call::get("/logstores"), shard).query("type", "cursor_time");
        let call = call.query("cursor", cursor.as_str().to_owned());
        Ok(self.call(call).await?.json::<Answer>()?.cursor_time)
    }

    /// The groups from a cursor on.
    ///
    /// ```no_run
    /// use eventcenter_sls::logstore::{From, Pull};
    ///
    /// # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
    /// let mut pull = Pull::new(logstore.cursor(0, From::Begin).await?);
    /// loop {
    ///     let pulled = logstore.pull(0, &pull).await?;
    ///     println!("{} groups", pulled.groups.len());
    ///     if pulled.at_end {
    ///         break;
    ///     }
    ///     pull.cursor = pulled.next;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The service's; [`ErrorKind::Protocol`] when what it sends cannot be read.
    pub async fn pull(&self, shard: u32, pull: &Pull) -> Result<Pulled> {
        let mut call = self
            .shard(Call::get("/logstores"), shard)
            .query("type", "logs")
            .query("cursor", pull.cursor.as_str().to_owned())
            .query("count", pull.count.to_string())
            .query_opt("end_cursor", pull.end.as_ref().map(|end| end.as_str().to_owned()))
            .header("accept", "application/x-protobuf")
            .header("accept-encoding", accepted());
        if let Some(query) = &pull.query {
            call = call.query("query", query.clone()).query("pullMode", "scan_on_stream");
        }
        let answer = self.call(call).await?;
        let cursor = |name| answer.header(name).filter(|text| !text.is_empty()).map(Cursor::new);
        let next = cursor("x-log-cursor")
            .ok_or_else(|| Error::new(ErrorKind::Protocol, "the answer has no cursor"))?;
        let most = usize::try_from(pull.count).unwrap_or(usize::MAX);
        let groups = LogGroup::decode_list(answer.body(), most)?;
        let groups: Vec<_> = groups.into_iter().map(LogGroup::into_owned).collect();
        let at_end = next == pull.cursor || pull.end.as_ref() == Some(&next);
        let last = cursor("x-log-read-last-cursor").map(|last| match last.number() {
            // A bare number occurs as well.
            None => last.as_str().parse().map_or(last, Cursor::of),
            Some(_) => last,
        });
        Ok(Pulled { groups, next, at_end, last })
    }
}
