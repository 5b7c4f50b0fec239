//! LIST.

use eventcenter_tests::FakeApiServer;
use eventcenter_tests::fake_api_server::{Access, EventSpec, Fault, KubeSystem, On};
use http::Method;
use serde_json::json;

use crate::client::{get, names, send};

/// Creates Events with these names in namespace `default`, in this order.
fn create(server: &FakeApiServer, names: &[&str]) {
    for name in names {
        server.create(EventSpec::pod("default", "p").with_name(*name));
    }
}

#[tokio::test]
async fn pages_come_in_key_order_and_carry_one_version_whatever_happens_in_between() {
    let server = FakeApiServer::start();
    create(&server, &["c", "a", "e", "b", "d"]);
    server.create(EventSpec::pod("default-2", "p").with_name("a"));
    let revision = server.revision().to_string();

    let mut path = "/api/v1/events?limit=2".to_owned();
    let mut seen = Vec::new();
    let mut remaining = Vec::new();
    loop {
        let page = get(&server.url(), &path).await.json().await;
        assert_eq!(page["metadata"]["resourceVersion"], revision.as_str());
        seen.extend(names(&page).into_iter().map(str::to_owned));
        remaining.push(page["metadata"]["remainingItemCount"].as_u64());
        // None of this is seen by a list that is under way.
        create(&server, &["d1"]);
        if seen.len() == 2 {
            server.delete("default", "e");
            server.update("default", "c");
        }
        let Some(token) = page["metadata"]["continue"].as_str() else {
            break;
        };
        path = format!("/api/v1/events?limit=2&continue={token}");
    }
    // '-' sorts before '/': the keys of default-2 come first.
    assert_eq!(seen, ["a", "a", "b", "c", "d", "e"]);
    assert_eq!(remaining, [Some(4), Some(2), None]);
}

#[tokio::test]
async fn an_expired_token_is_refused_with_a_fresh_one_that_reads_on() {
    let server = FakeApiServer::start();
    create(&server, &["a", "b", "c", "d"]);
    for expire in [
        (|server: &FakeApiServer| server.expire_continue_tokens()) as fn(&FakeApiServer),
        |server| {
            server.advance_revision(1);
            server.compact(server.revision());
        },
        |server| server.inject(On::Continue, 1, Fault::ContinueExpired),
    ] {
        let page = get(&server.url(), "/api/v1/events?limit=2").await.json().await;
        let token = page["metadata"]["continue"].as_str().unwrap().to_owned();
        expire(&server);
        create(&server, &["c1"]);

        let path = format!("/api/v1/events?limit=9&continue={token}");
        let refused = get(&server.url(), &path).await;
        assert_eq!(refused.status, 410);
        let status = refused.json().await;
        assert_eq!(status["reason"], "Expired");
        let fresh = status["metadata"]["continue"].as_str().unwrap();

        let path = format!("/api/v1/events?limit=9&continue={fresh}");
        let rest = get(&server.url(), &path).await.json().await;
        assert_eq!(names(&rest), ["c", "c1", "d"]);
        assert_eq!(rest["metadata"]["resourceVersion"], server.revision().to_string());
        server.delete("default", "c1");
    }
}

#[tokio::test]
async fn a_list_of_an_exact_version_is_what_was_there_then() {
    let server = FakeApiServer::start();
    create(&server, &["a", "b"]);
    let then = server.revision();
    server.delete("default", "a");
    create(&server, &["c"]);
    let exact = format!("/api/v1/events?resourceVersionMatch=Exact&resourceVersion={then}");
    let list = get(&server.url(), &exact).await.json().await;
    assert_eq!(names(&list), ["a", "b"]);
    assert_eq!(list["metadata"]["resourceVersion"], then.to_string());

    let newer = format!("/api/v1/events?resourceVersionMatch=NotOlderThan&resourceVersion={then}");
    assert_eq!(names(&get(&server.url(), &newer).await.json().await), ["b", "c"]);

    server.compact(then + 1);
    let gone = get(&server.url(), &exact).await;
    assert_eq!((gone.status, gone.json().await["reason"].clone()), (410, json!("Expired")));
}

#[tokio::test]
async fn a_list_from_the_future_is_a_504_at_once() {
    let server = FakeApiServer::start();
    let asked = server.revision() + 100_000;
    let answer = get(&server.url(), &format!("/api/v1/events?resourceVersion={asked}")).await;
    assert_eq!(answer.status, 504);
    let status = answer.json().await;
    assert_eq!(
        status["message"],
        format!("Too large resource version: {asked}, current: {}", server.revision())
    );
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
}

#[tokio::test]
async fn a_version_that_is_no_number_is_a_500_without_a_reason() {
    let server = FakeApiServer::start();
    for watch in ["", "&watch=true"] {
        let path = format!("/api/v1/events?resourceVersion=abc{watch}");
        let answer = get(&server.url(), &path).await;
        assert_eq!(answer.status, 500);
        let status = answer.json().await;
        assert_eq!(status["kind"], "Status");
        assert!(status.get("reason").is_none());
    }
}

#[tokio::test]
async fn selectors_and_namespaces_select() {
    let server = FakeApiServer::start();
    create(&server, &["a", "b"]);
    server.create(EventSpec::node("n").with_name("c").warning().with_reason("Rebooted"));
    server.create(EventSpec::pod("other", "p").with_name("d").with_label("team", "x"));
    let base = "/api/v1/events?fieldSelector=";
    for (path, expected) in [
        (format!("{base}involvedObject.kind%3DPod"), &["a", "b", "d"][..]),
        (format!("{base}involvedObject.kind!=Pod"), &["c"]),
        (format!("{base}type=Warning"), &["c"]),
        (format!("{base}reason==Rebooted,type!=Normal"), &["c"]),
        (format!("{base}metadata.namespace=other"), &["d"]),
        (format!("{base}source=kubelet"), &["a", "b", "d"]),
        ("/api/v1/events?labelSelector=team%3Dx".to_owned(), &["d"]),
        ("/api/v1/events?labelSelector=!team".to_owned(), &["a", "b", "c"]),
        ("/api/v1/namespaces/other/events".to_owned(), &["d"]),
        ("/apis/events.k8s.io/v1/namespaces/default/events".to_owned(), &["a", "b", "c"]),
        ("/apis/events.k8s.io/v1/events?fieldSelector=regarding.kind=Node".to_owned(), &["c"]),
    ] {
        let list = get(&server.url(), &path).await.json().await;
        assert_eq!(names(&list), expected, "{path}");
    }
    for path in ["/api/v1/events?fieldSelector=message=x", "/api/v1/events?labelSelector=a in (b)"]
    {
        assert_eq!(get(&server.url(), &path.replace(' ', "%20")).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn pages_of_a_selected_list_do_not_say_how_many_remain() {
    let server = FakeApiServer::start();
    create(&server, &["a", "b", "c"]);
    let path = "/api/v1/events?limit=1&fieldSelector=type=Normal";
    let page = get(&server.url(), path).await.json().await;
    assert!(page["metadata"]["continue"].is_string());
    assert!(page["metadata"].get("remainingItemCount").is_none());
}

#[tokio::test]
async fn tokens_and_rights_are_checked() {
    let server = FakeApiServer::start();
    let url = server.url();
    let code = async |path: &str, token: &str| {
        let headers = [("authorization", token)];
        let headers = if token.is_empty() { &headers[..0] } else { &headers[..] };
        send(&url, Method::GET, path, headers, "").await.unwrap().status
    };
    assert_eq!(code("/api/v1/events", "Bearer fake-token").await, 200);
    assert_eq!(code("/api/v1/events", "Bearer wrong").await, 401);
    assert_eq!(code("/api/v1/events", "").await, 403);
    assert_eq!(code("/version", "").await, 200);

    server.set_access(Access::Namespaces(vec!["a".to_owned()]));
    assert_eq!(code("/api/v1/events?watch=1", "Bearer fake-token").await, 403);
    assert_eq!(code("/api/v1/namespaces/b/events", "Bearer fake-token").await, 403);
    assert_eq!(code("/api/v1/namespaces/a/events", "Bearer fake-token").await, 200);

    server.set_access(Access::Nowhere);
    let status = get(&url, "/apis/events.k8s.io/v1/events").await.json().await;
    assert_eq!(
        status["message"],
        "events is forbidden: User \"fake\" cannot list resource \"events\" in API group \
         \"events.k8s.io\" at the cluster scope"
    );

    server.set_token("rotated");
    assert_eq!(code("/api/v1/events", "Bearer fake-token").await, 401);
    assert!(server.kubeconfig_yaml().contains("token: rotated"));
}

#[tokio::test]
async fn the_cluster_has_an_identity_unless_it_is_withheld() {
    let server = FakeApiServer::start();
    let path = "/api/v1/namespaces/kube-system";
    server.set_kube_system(KubeSystem::Uid("u-1".to_owned()));
    assert_eq!(get(&server.url(), path).await.json().await["metadata"]["uid"], "u-1");
    server.set_kube_system(KubeSystem::Forbidden);
    assert_eq!(get(&server.url(), path).await.status, 403);
    server.set_kube_system(KubeSystem::Missing);
    assert_eq!(get(&server.url(), path).await.status, 404);
}

#[tokio::test]
async fn discovery_names_events_in_both_groups() {
    let server = FakeApiServer::start();
    assert_eq!(get(&server.url(), "/version").await.json().await["gitVersion"], "v1.37.2");
    assert_eq!(get(&server.url(), "/api").await.json().await["versions"][0], "v1");
    assert_eq!(
        get(&server.url(), "/apis").await.json().await["groups"][0]["name"],
        "events.k8s.io"
    );
    for (path, version) in [("/api/v1", "v1"), ("/apis/events.k8s.io/v1", "events.k8s.io/v1")] {
        let list = get(&server.url(), path).await.json().await;
        assert_eq!(list["groupVersion"], version);
        assert_eq!(list["resources"][0]["name"], "events");
        let verbs = list["resources"][0]["verbs"].as_array().unwrap();
        assert!(verbs.contains(&json!("watch")) && verbs.contains(&json!("list")));
    }
    assert_eq!(get(&server.url(), "/api/v1/pods").await.status, 404);
}
