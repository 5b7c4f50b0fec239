//! Kubeconfigs that are there, that are wrong, and that are not there.

use super::*;

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts:
  - {name: one, context: {cluster: c, user: u}}
  - {name: two, context: {cluster: c, user: u}}
"#;

fn config(dir: &tempfile::TempDir, text: &str, context: Option<&str>) -> ClusterConfig {
    let path = dir.path().join("config");
    std::fs::write(&path, text).unwrap();
    let context = context.map(str::to_owned);
    ClusterConfig { kubeconfig: Some(path), context, ..Default::default() }
}

#[tokio::test]
async fn a_context_is_chosen_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let server = ApiServer::connect(&config(&dir, KUBECONFIG, None)).await.unwrap();
    assert_eq!(server.to_string(), "https://127.0.0.1:1 (context one)");
    let server = ApiServer::connect(&config(&dir, KUBECONFIG, Some("two"))).await.unwrap();
    assert_eq!(server.to_string(), "https://127.0.0.1:1 (context two)");
}

#[tokio::test]
async fn what_is_wrong_with_a_kubeconfig_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let error = ApiServer::connect(&config(&dir, KUBECONFIG, Some("three"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("three"), "{error}");
    let error = ApiServer::connect(&config(&dir, "]", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let missing = dir.path().join("missing");
    let config = ClusterConfig { kubeconfig: Some(missing.clone()), ..Default::default() };
    let error = ApiServer::connect(&config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
}

#[tokio::test]
async fn an_id_that_is_set_needs_no_api_server() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir, KUBECONFIG, None);
    let server = ApiServer::connect(&config).await.unwrap();
    let error = server.identify(&config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("https://127.0.0.1:1"), "{error}");
    config.id = Some("c1".to_owned());
    let cluster = server.identify(&config).await.unwrap();
    assert_eq!(cluster, Cluster { id: "c1".into(), name: "one".into() });
    config.name = Some("prod".to_owned());
    assert_eq!(server.identify(&config).await.unwrap().name, "prod");
}
