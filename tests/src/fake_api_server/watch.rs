//! WATCH: what is stored or what has happened since, then what happens, until somebody ends it.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::bulk::{BASE, BulkRun, Chunks, Stamp, Template};
use super::fault::Fault;
use super::list::{plain_only, wanted};
use super::object::Api;
use super::outlet::{Framing, Outlet, Over};
use super::query::{Query, Version};
use super::state::{OpenWatch, Shared};
use super::status::Status;
use super::store::Change;
use crate::loopback::{Body, Burst, Stopping};

/// Where a watch begins.
enum From {
    /// All that is stored, then on.
    Start,
    /// After this version.
    After(u64),
}

/// Opens a watch, or refuses it by status.
pub(crate) fn open(
    shared: &Arc<Shared>,
    query: Query,
    fault: Option<Fault>,
    gzip: bool,
    stopping: Stopping,
) -> Result<Body, Status> {
    let mut refusal = None;
    let (bulk, generation) = {
        let state = shared.state();
        if state.bulk.is_some() {
            plain_only(&query)?;
        }
        if let Version::At(version) = query.version
            && !query.initial_events
            && state.watch_is_too_old(version)
        {
            let status = Status::too_old("watch");
            if state.too_old_by_status {
                return Err(status);
            }
            refusal = Some(status.line());
        }
        let current = state.store.revision();
        if let Version::At(version) = query.version
            && query.initial_events
            && state.bulk.is_none()
            && version > current
        {
            refusal = Some(Status::too_large(version, current).line());
        }
        (state.bulk.clone(), state.generation)
    };
    let from = match query.version {
        Version::At(version) if !query.initial_events => From::After(version),
        _ => From::Start,
    };

    let (to, rest) = mpsc::channel(4);
    let mut burst = None;
    let mut sent_by_burst = false;
    if let (Some(run), From::After(version), None, false, None) =
        (&bulk, &from, &fault, gzip, &refusal)
        && !run.is_paced()
    {
        run.begin();
        burst = Some(burst_of(run, query.api, version - BASE, &query, stopping.clone()));
        sent_by_burst = true;
    }

    let lost_peer = matches!(fault, Some(Fault::HalfOpen { .. }));
    let mut out = Outlet::new(to.clone(), fault, Framing::Lines, gzip);
    let watch = OpenWatch::of(shared);
    let shared = Arc::clone(shared);
    let mut stopping = stopping;
    tokio::spawn(async move {
        let timeout = query.timeout;
        let work = async {
            out.settle().await?;
            if let Some(line) = refusal {
                out.raw(&line);
                return out.flush().await;
            }
            match bulk {
                Some(_) if sent_by_burst => std::future::pending().await,
                Some(run) => generated(&run, from, &query, &mut out).await,
                None => stored(&shared, from, &query, generation, &mut out).await,
            }
        };
        let timeout = async {
            match timeout {
                Some(timeout) if !lost_peer => tokio::time::sleep(timeout).await,
                _ => std::future::pending().await,
            }
        };
        let stop = async {
            stopping.set().await;
            if lost_peer {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = work => {}
            () = timeout => {}
            () = stop => {}
            () = to.closed() => {}
        }
        // Counted out before the client can see the end: `out` and `to` go after this.
        drop(watch);
    });
    Ok(Body::Stream { burst, rest })
}

/// The fast way: the connection asks for the next chunk itself, no task in between.
fn burst_of(run: &Arc<BulkRun>, api: Api, after: u64, query: &Query, stopping: Stopping) -> Burst {
    let run = Arc::clone(run);
    let mut chunks = Chunks::new(Template::new(&run, api, Framing::Lines), after);
    let until = query.timeout.map(|timeout| std::time::Instant::now() + timeout);
    Box::new(move || {
        if stopping.is_set() || until.is_some_and(|until| std::time::Instant::now() >= until) {
            return None;
        }
        chunks.next(&run)
    })
}

/// Generated Events one by one: paced, or for a fault to strike at.
async fn generated(run: &BulkRun, from: From, query: &Query, out: &mut Outlet) -> Result<(), Over> {
    run.begin();
    let template = Template::new(run, query.api, Framing::Lines);
    let mut line = template.blank();
    let mut place = match from {
        From::After(version) => version - BASE,
        From::Start => 0,
    };
    let mut end_of_stored = match from {
        From::Start if query.initial_events_end => Some(run.present()),
        _ => None,
    };
    while place < run.total() || end_of_stored.is_some() {
        while place < run.present() {
            place += 1;
            template.render(&mut line, run, place, &Stamp::now());
            out.event(&line).await?;
        }
        if let Some(there) = end_of_stored.take_if(|there| *there <= place) {
            out.raw(&end_of_initial_events(query.api, BASE + there));
        }
        out.settle().await?;
        if place < run.total() {
            tokio::time::sleep(run.due_in(place + 1)).await;
        }
    }
    std::future::pending().await
}

/// Stored Events: the snapshot if asked for, the history from there, and then each change.
async fn stored(
    shared: &Shared,
    from: From,
    query: &Query,
    generation: u64,
    out: &mut Outlet,
) -> Result<(), Over> {
    let mut changes = shared.changes();
    let (mut place, after) = match from {
        From::After(version) => (0, version),
        From::Start => {
            let (snapshot, revision, place) = {
                let store = &shared.state().store;
                let revision = store.revision();
                (store.snapshot(revision), revision, store.end_of_history())
            };
            for object in snapshot.values().filter(|object| wanted(query, object)) {
                out.event(&object.line("ADDED", query.api)).await?;
            }
            if query.initial_events_end {
                out.raw(&end_of_initial_events(query.api, revision));
            }
            out.settle().await?;
            (place, revision)
        }
    };
    loop {
        changes.borrow_and_update();
        let lines: Vec<Vec<u8>> = {
            let state = shared.state();
            if state.generation != generation {
                break;
            }
            let new = state.store.changes(place);
            place += new.len();
            new.iter()
                .filter(|change| change.revision > after)
                .filter_map(|change| line(change, query))
                .collect()
        };
        for line in lines {
            out.event(&line).await?;
        }
        out.settle().await?;
        if changes.changed().await.is_err() {
            break;
        }
    }
    Ok(())
}

/// How a change looks through the selector of a watch: what comes into it is ADDED, what leaves it
/// is DELETED.
fn line(change: &Change, query: &Query) -> Option<Vec<u8>> {
    let before = change.before.as_ref().is_some_and(|object| wanted(query, object));
    let now = !change.deleted && wanted(query, &change.object);
    let kind = match (before, now) {
        (false, true) => "ADDED",
        (true, true) => "MODIFIED",
        (true, false) => "DELETED",
        (false, false) => return None,
    };
    Some(change.object.line(kind, query.api))
}

/// The only bookmark that Events get.
fn end_of_initial_events(api: Api, revision: u64) -> Vec<u8> {
    let rest = match api {
        Api::Core => concat!(
            r#""involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,"#,
            r#""eventTime":null,"reportingComponent":"","reportingInstance":"""#
        ),
        Api::Events => concat!(
            r#""eventTime":null,"regarding":{},"deprecatedSource":{},"#,
            r#""deprecatedFirstTimestamp":null,"deprecatedLastTimestamp":null"#
        ),
    };
    let version = api.version();
    format!(
        "{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"Event\",\"apiVersion\":\"{version}\",\
         \"metadata\":{{\"resourceVersion\":\"{revision}\",\
         \"annotations\":{{\"k8s.io/initial-events-end\":\"true\"}}}},{rest}}}}}\n"
    )
    .into_bytes()
}
