//! Clusters that are added and removed: what the console asks of who does it, and what it refuses before.

use std::sync::Mutex;

use eventcenter_console::clusters::{
    ClusterChange, ClusterRemoved, ClusterWatch, Clusters, Kept, NewCluster,
};
use eventcenter_core::{Error, ErrorKind, Result};

use super::*;

/// Notes what it is told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Clusters for Told {
    async fn list(&self) -> Result<Vec<ClusterWatch>> {
        Ok(Vec::new())
    }

    async fn change(&self, _: &str, _: &ClusterChange, _: &str) -> Result<Option<ClusterWatch>> {
        Ok(None)
    }

    async fn add(&self, new: &NewCluster, by: &str) -> Result<ClusterWatch> {
        let kubeconfig = new.kubeconfig.reveal()?;
        let kubeconfig = kubeconfig.trim();
        self.0.lock().unwrap().push(format!("add {kubeconfig} {:?} {by}", new.context));
        if kubeconfig == "bad" {
            return Err(Error::new("clusters", ErrorKind::Refused, "it names a file"));
        }
        let cluster = Cluster { id: "c-2".to_owned(), name: new.name.clone().unwrap_or_default() };
        Ok(ClusterWatch { cluster, watched: true, added: true, paused: false, changed: None })
    }

    async fn remove(&self, id: &str, events: Kept, by: &str) -> Result<Option<ClusterRemoved>> {
        self.0.lock().unwrap().push(format!("remove {id} {events:?} {by}"));
        Ok((id == "c-2").then_some(ClusterRemoved { returns: false }))
    }
}

fn managed(config: &str) -> (Console, Arc<Told>) {
    let told = Arc::new(Told::default());
    let clusters: Option<Arc<dyn Clusters>> = Some(told.clone());
    let around = Surroundings { clusters, ..Surroundings::default() };
    let config = serde_json::from_str(config).unwrap();
    (Console::build(Arc::new(store()), config, Health::new(), around), told)
}

fn asks(method: &str, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = request.header(header::CONTENT_TYPE, "application/json");
    request.header(header::AUTHORIZATION, "Bearer t0ken").body(body.to_string().into()).unwrap()
}

const ADD: &str = "/api/v1/clusters";

#[tokio::test]
async fn a_cluster_is_added_and_removed_by_who_may_ask() {
    let (console, told) = managed(r#"{"auth": {"token": "t0ken"}}"#);
    let new = json!({ "name": "prod", "kubeconfig": "k", "context": "x" });
    let (status, body, _) = send(&console, asks("POST", ADD, &new)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let added: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&added["cluster"]["id"], &added["added"]), (&json!("c-2"), &json!(true)));
    let mut removed = Vec::new();
    for path in
        ["c-2", "c-2?events=keep", "c-2?events=delete", "c-3?events=delete", "c-2?events=no"]
    {
        let path = format!("{ADD}/{path}");
        removed.push(send(&console, asks("DELETE", &path, &Value::Null)).await.0.as_u16());
    }
    assert_eq!(removed, [200, 200, 200, 404, 400]);
    let keep = "remove c-2 Keep token";
    let delete = ["remove c-2 Delete token", "remove c-3 Delete token"];
    let expected = [r#"add k Some("x") token"#, keep, keep, delete[0], delete[1]];
    assert_eq!(*told.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_is_pasted_is_a_text_and_why_it_will_not_do_is_told_without_it() {
    let (console, told) = managed("{}");
    for (body, expected) in [
        (json!({ "kubeconfig": "bad" }), StatusCode::UNPROCESSABLE_ENTITY),
        // As in a configuration, where it is the administrator who writes it.
        (json!({ "kubeconfig": { "file": "/etc/passwd" } }), StatusCode::BAD_REQUEST),
        (json!({ "kubeconfig": { "env": "HOME" } }), StatusCode::BAD_REQUEST),
        (json!({ "name": "x" }), StatusCode::BAD_REQUEST),
        // With the certificates of many clusters it is long.
        (
            json!({ "kubeconfig": format!("bad{}", " ".repeat(200 << 10)) }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({ "kubeconfig": "x".repeat(256 << 10) }), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, said, _) = send(&console, asks("POST", ADD, &body)).await;
        assert_eq!(status, expected, "{said}");
        assert!(!said.contains("root:") && said.len() < 1000, "{said}");
        assert!(status != StatusCode::PAYLOAD_TOO_LARGE || said.contains("256KiB"), "{said}");
    }
    assert_eq!(*told.0.lock().unwrap(), ["add bad None ", "add bad None "]);
}

#[tokio::test]
async fn an_open_console_on_a_network_adds_and_removes_no_cluster() {
    let (console, told) = managed(r#"{"listen": "0.0.0.0:8085", "auth": "none"}"#);
    let new = json!({ "kubeconfig": "k" });
    assert_eq!(send(&console, asks("POST", ADD, &new)).await.0, StatusCode::FORBIDDEN);
    let path = format!("{ADD}/c-2?events=delete");
    let (status, said, _) = send(&console, asks("DELETE", &path, &Value::Null)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(said.contains("console.auth"), "{said}");
    assert!(told.0.lock().unwrap().is_empty());
}
