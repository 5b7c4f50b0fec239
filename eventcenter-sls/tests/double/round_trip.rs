//! What is put is found: searched, counted and pulled.

use eventcenter_sls::client::Signature;
use eventcenter_sls::index::{Index, Key};
use eventcenter_sls::logstore::{From, Pull, Query, Route};
use eventcenter_sls::{Compression, Credential};

use super::*;

#[tokio::test]
async fn logs_arrive_with_either_signature_and_each_compression() {
    let credential = key().with_token("a-token");
    let double = Double::builder().credential(&credential).start().await;
    double.create(PROJECT, STORE);
    let mut put = 0;
    for signature in [Signature::V1, Signature::V4] {
        for compression in Compression::ALL {
            let client = client(&double).credentials(credential.clone()).region("cn-hangzhou");
            let client = client.signature(signature).compression(*compression).build().unwrap();
            client.logstore(PROJECT, STORE).put(&group(&double, [put])).await.unwrap();
            put += 1;
        }
    }
    let logs = double.logs(PROJECT, STORE);
    assert_eq!(logs.len(), put);
    assert_eq!(double.counters().refused, 0);
    assert_eq!((logs[0].topic.as_str(), logs[0].source.as_str()), ("t", "10.0.0.1"));
    assert_eq!((logs[0].tag("cluster"), logs[0].log.time_ns), (Some("c1"), Some(7)));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_by_who_verifies() {
    let (double, _) = store().await;
    for signature in [Signature::V1, Signature::V4] {
        let client = client(&double).credentials(Credential::new("test-id", "wrong"));
        let client = client.region("cn-hangzhou").signature(signature).build().unwrap();
        let error = client.logstore(PROJECT, STORE).put(&group(&double, [1])).await.unwrap_err();
        assert_eq!(error.code(), Some(eventcenter_sls::Code::SignatureNotMatch));
        assert!(!format!("{error:?}").contains("wrong"));
    }
}

#[tokio::test]
async fn names_and_statements_of_all_kinds_are_signed_as_they_arrive() {
    let (double, _) = store().await;
    for signature in [Signature::V1, Signature::V4] {
        let client = client(&double).region("cn-hangzhou").signature(signature).build().unwrap();
        let project = client.project(PROJECT);
        for name in ["my dash", "重启", "a+b&c=d?e/f#g%20", "~'\"*()!", "\u{1f600}"] {
            // Any answer but a wrong signature will do: there is no such thing.
            let error = project.dashboards().get(name).await.unwrap_err();
            assert!(error.is_not_found(), "{name}: {error}");
            let query = Query::new(0, 1).statement(format!("level: \"{name}\""));
            let found = project.logstore(STORE).histogram(&query, 0).await;
            if let Err(error) = found {
                assert_ne!(error.status(), Some(401), "{name}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_put_is_searched_and_counted() {
    let (double, store) = store().await;
    store.index().ensure(&Index::default().key("level", Key::text())).await.unwrap();
    for start in [0, 100, 200] {
        store.put(&group(&double, start..start + 100)).await.unwrap();
    }
    let now = now(&double);
    let query = Query::new(now - 60, now + 60).statement("level: Warning").oldest_first();
    let mut pages = store.search(query.clone());
    let mut numbers = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        assert!(page.meta.is_complete());
        numbers.extend(
            page.data.iter().map(|row| row.get("number").unwrap().parse::<usize>().unwrap()),
        );
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
    let buckets = store.histogram(&query, 30).await.unwrap();
    assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 300);
    let none = query.statement("level: Error");
    assert_eq!(store.search(none).next().await.unwrap(), None);
}

#[tokio::test]
async fn each_shard_is_pulled_to_its_end() {
    let (double, store) = store().await;
    for number in 0..20 {
        store.put(&group(&double, [number])).await.unwrap();
    }
    let mut numbers = Vec::new();
    for shard in store.shards().await.unwrap() {
        let mut pull = Pull::new(store.cursor(shard.id, From::Begin).await.unwrap());
        pull.count = 3;
        loop {
            let pulled = store.pull(shard.id, &pull).await.unwrap();
            assert!(pulled.groups.len() <= 3);
            let logs = pulled.groups.iter().flat_map(|group| &group.logs);
            numbers.extend(logs.map(|log| log.get("number").unwrap().to_owned()));
            if pulled.at_end {
                break;
            }
            pull.cursor = pulled.next;
        }
        let end = store.cursor(shard.id, From::End).await.unwrap();
        assert_eq!(pull.cursor, end);
    }
    numbers.sort_by_key(|number| number.parse::<usize>().unwrap());
    assert_eq!(numbers, (0..20).map(|number: usize| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn logs_of_one_key_go_to_one_shard() {
    let (double, store) = store().await;
    let route = Route::of("10.0.0.1", 64).unwrap();
    for number in 0..10 {
        let group = group(&double, [number]);
        store.put_encoded(&group.encode(), &route).await.unwrap();
    }
    let mut filled = 0;
    for shard in store.shards().await.unwrap() {
        let cursor = store.cursor(shard.id, From::Begin).await.unwrap();
        filled += usize::from(!store.pull(shard.id, &Pull::new(cursor)).await.unwrap().at_end);
    }
    assert_eq!(filled, 1);
}
