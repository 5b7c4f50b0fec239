//! The naive engine: what each question means.

use serde_json::json;

use super::*;
use crate::ask::{Bounds, Dimension, Grouping};

fn event(uid: &str, count: u32, at: &str) -> Arc<Event> {
    eventcenter_core::testing::events::event(&json!({
        "metadata": {"name": uid, "namespace": "shop", "uid": uid, "resourceVersion": count.to_string()},
        "type": "Warning", "reason": "BackOff", "message": "m", "count": count,
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
        "lastTimestamp": at,
    }))
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn ask(order: Order, after: Option<Key>) -> EventsAsk {
    EventsAsk {
        query: Arc::new(eventcenter_core::Query::all()),
        range: Range::ALL,
        order,
        after,
        limit: 2,
        bounds: Bounds::default(),
    }
}

async fn total(store: &MemoryStore, from: &str, until: &str) -> u64 {
    let ask = CountsAsk {
        query: Arc::new(eventcenter_core::Query::all()),
        range: Range { from: time(from), until: time(until) },
        groupings: vec![Grouping::total()],
        bounds: Bounds::default(),
    };
    store.counts(&ask).await.expect("counts").value[0].total
}

#[tokio::test]
async fn a_repeat_counts_its_rise_only() {
    let store = MemoryStore::with_span(Duration::from_secs(86_400));
    assert!(store.take(&event("a", 1, "2026-11-25T01:00:00Z")));
    assert!(store.take(&event("a", 40, "2026-11-25T02:30:00Z")));
    assert!(!store.take(&event("a", 40, "2026-11-25T02:30:00Z")), "a replay is no news");
    assert!(!store.take(&event("a", 1, "2026-11-25T01:00:00Z")), "nor is an older state");
    assert!(store.take(&event("a", 43, "2026-11-26T00:10:00Z")));
    assert_eq!(total(&store, "2026-11-25T00:00:00Z", "2026-11-25T02:00:00Z").await, 1);
    assert_eq!(total(&store, "2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z").await, 39);
    assert_eq!(total(&store, "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z").await, 3);
    let page = store.events(&ask(Order::Newest, None)).await.expect("a page").value;
    assert_eq!(page.rows.len(), 1, "one Event, on both sides of midnight");
    assert_eq!(page.rows[0].occurrences, 43);
    assert_eq!(page.rows[0].event.count(), 43);
}

#[tokio::test]
async fn a_first_sight_of_many_is_one_and_an_estimate() {
    let store = MemoryStore::new();
    store.take(&event("a", 9, "2026-11-25T01:00:00Z"));
    let page = store.events(&ask(Order::Newest, None)).await.expect("a page").value;
    assert_eq!((page.rows[0].occurrences, page.rows[0].estimated), (1, true));
}

#[tokio::test]
async fn pages_follow_each_other_while_events_arrive() {
    let store = MemoryStore::new();
    for (uid, at) in [("a", "01"), ("b", "02"), ("c", "03"), ("d", "04")] {
        store.take(&event(uid, 1, &format!("2026-11-25T{at}:00:00Z")));
    }
    let uids = |page: &Page| {
        page.rows.iter().map(|row| row.event.uid().to_owned()).collect::<Vec<_>>().join("")
    };
    let first = store.events(&ask(Order::Newest, None)).await.expect("a page").value;
    assert_eq!(uids(&first), "dc");
    store.take(&event("e", 1, "2026-11-25T05:00:00Z"));
    let second = store.events(&ask(Order::Newest, first.next)).await.expect("a page").value;
    assert_eq!((uids(&second).as_str(), second.next), ("ba", None));
    let oldest = store.events(&ask(Order::Oldest, None)).await.expect("a page").value;
    assert_eq!(uids(&oldest), "ab");
    let tail = store.events(&ask(Order::Arrival, Some(Key::Mark(Mark(4))))).await.expect("a page");
    assert_eq!((uids(&tail.value).as_str(), tail.value.rows[0].mark), ("e", Mark(5)));
}

#[tokio::test]
async fn groups_beyond_the_top_are_summed_up() {
    let store = MemoryStore::new();
    for (uid, count) in [("a", 1), ("b", 1), ("c", 1)] {
        store.take(&event(uid, count, "2026-11-25T01:00:00Z"));
    }
    store.take(&event("a", 5, "2026-11-25T01:30:00Z"));
    let over_time = Grouping {
        offset_seconds: 3600,
        ..Grouping::over_time(Dimension::Reason, Duration::from_secs(7200))
    };
    let ask = CountsAsk {
        query: Arc::new(eventcenter_core::Query::all()),
        range: Range::ALL,
        groupings: vec![Grouping::top(Dimension::Object, 0), over_time],
        bounds: Bounds::default(),
    };
    let counts = store.counts(&ask).await.expect("counts").value;
    assert_eq!((counts[0].groups.len(), counts[0].others, counts[0].total), (0, 7, 7));
    assert_eq!(counts[1].groups.len(), 1);
    assert_eq!(counts[1].groups[0].at, Some(time("2026-11-25T01:00:00Z")), "01:00 is 02:00 there");
}
