//! What is known of the program and the store when a page is asked for: the notices above it, and the clusters that can be
//! chosen. The page has it from its first line on, and renews it by `/api/v1/status`, of which it is a part.

use std::time::Duration;

use eventcenter_core::plain;
use eventcenter_store::ask::ClusterState;
use maud::{Markup, html};
use serde::Serialize;
use tokio::time::timeout;

use super::words::Words;
use crate::Shared;

/// A store that is asked for longer than this is in trouble, which the page will say.
const SOON: Duration = Duration::from_millis(300);

#[derive(Serialize)]
pub(super) struct Known {
    health: Health,
    store: Store,
}

#[derive(Serialize)]
struct Health {
    ready: bool,
}

#[derive(Serialize)]
struct Store {
    clusters: Vec<ClusterState>,
    set_aside: Vec<String>,
}

impl Known {
    /// None if the store does not answer at once.
    pub(super) async fn of(shared: &Shared) -> Option<Self> {
        let state = timeout(SOON, shared.state()).await.ok()?.ok()?;
        let health = Health { ready: shared.health.report().ready };
        let store = Store { clusters: state.clusters, set_aside: state.set_aside };
        Some(Self { health, store })
    }

    /// Whether a cluster can be chosen.
    pub(super) fn has_choice(&self) -> bool {
        self.store.clusters.len() > 1
    }

    /// The notices, as `shell.js` shows them later: it leaves what says the same.
    pub(super) fn notices(&self, words: &Words) -> Markup {
        let word = |key: &str| words.get(key).map_or("", String::as_str);
        html! {
            @if self.store.clusters.iter().any(|cluster| cluster.recorded) {
                div.notice { (word("shell.recorded")) }
            }
            @if !self.health.ready {
                div.notice.bad {
                    strong { (word("shell.not_ready")) } " " a href="/status" { (word("page.status")) }
                }
            }
            @for text in &self.store.set_aside { div.notice.bad { (plain(text)) } }
        }
    }
}
