//! Engines that are not well.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::{Cluster, Result};
use eventcenter_store::ask::{
    Answer, Counts, CountsAsk, EventsAsk, GapGrade, GapRecord, Occurrence, OccurrencesAsk, Page,
    State, Table, TableAsk,
};
use eventcenter_store::{EventQuery, MemoryStore};

/// What happens to an engine in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never says what it keeps.
    Silent,
    /// An hour is missing, and a file cannot be read.
    Lacking,
    /// The same, but it turns out behind the first page only.
    LackingLater,
    /// Each question takes somewhat less than an answer may.
    Tardy,
}

/// How long that is.
const TARDY: Duration = Duration::from_secs(9);

#[derive(Debug)]
pub(crate) struct Faulty(pub(crate) MemoryStore, pub(crate) Fault);

pub(crate) fn gap() -> GapRecord {
    GapRecord {
        cluster: Cluster { id: "c-1".to_owned(), name: "prod".to_owned() },
        grade: GapGrade::Events,
        since: None,
        until: "2100-01-01T00:00:00Z".parse().unwrap(),
        count: Some(7),
        reason: "the disk was full".to_owned(),
    }
}

#[async_trait]
impl EventQuery for Faulty {
    async fn events(&self, ask: &EventsAsk) -> Result<Answer<Page>> {
        if self.1 == Fault::Tardy {
            tokio::time::sleep(TARDY).await;
        }
        let mut answer = self.0.events(ask).await?;
        let is_lacking = match self.1 {
            Fault::Silent | Fault::Tardy => false,
            Fault::Lacking => true,
            Fault::LackingLater => ask.after.is_some(),
        };
        if is_lacking {
            answer.gaps.push(gap());
            answer.unread.push("a file is damaged".to_owned());
        }
        Ok(answer)
    }

    async fn counts(&self, ask: &CountsAsk) -> Result<Answer<Vec<Counts>>> {
        if self.1 == Fault::Tardy {
            tokio::time::sleep(TARDY).await;
        }
        self.0.counts(ask).await
    }

    async fn occurrences(&self, ask: &OccurrencesAsk) -> Result<Answer<Vec<Occurrence>>> {
        self.0.occurrences(ask).await
    }

    async fn table(&self, ask: &TableAsk) -> Result<Answer<Table>> {
        if self.1 != Fault::Lacking {
            return self.0.table(ask).await;
        }
        let rows = vec![vec!["=\u{1b}\u{9b}\u{202e}x".into()]];
        let table = Table { columns: vec!["x".to_owned()], rows, truncated: false };
        let unread = vec!["a file is damaged".to_owned()];
        Ok(Answer { value: table, gaps: vec![gap()], unread })
    }

    async fn state(&self) -> Result<State> {
        match self.1 {
            Fault::Silent => pending().await,
            _ => self.0.state().await,
        }
    }
}
