//! Kubeconfigs that are there, that are wrong, and that are not there.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
async fn what_is_wrong_with_a_kubeconfig_is_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config").display().to_string();
    let error = ApiServer::connect(&config(&dir, KUBECONFIG, Some("three"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.root_cause(), None);
    assert_eq!(
        error.to_string(),
        format!(
            "cluster: the kubeconfig has no such context (kubeconfig={path}, context=three, \
             contexts=[one, two])"
        )
    );
    let text = KUBECONFIG.replace("current-context: one", "");
    let error = ApiServer::connect(&config(&dir, &text, None)).await.unwrap_err();
    assert!(error.to_string().contains("contexts=[one, two]"), "{error}");
    let missing = dir.path().join("missing");
    let config = ClusterConfig { kubeconfig: Some(missing.clone()), ..Default::default() };
    let error = ApiServer::connect(&config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.root_cause(), None);
    assert_eq!(error.to_string().matches("No such file").count(), 1, "{error}");
    assert_eq!(error.to_string().matches(&*missing.to_string_lossy()).count(), 1, "{error}");
}

/// kube's parse errors quote the lines around the place.
#[tokio::test]
async fn a_kubeconfig_that_cannot_be_parsed_is_not_quoted() {
    let dir = tempfile::tempdir().unwrap();
    for text in [
        KUBECONFIG.replace("{token: t}", "[SUPERSECRET]"),
        KUBECONFIG.replace("{token: t}", "{token: SUPERSECRET"),
        KUBECONFIG.replace("{token: t}", "{token: [SUPERSECRET]}"),
        KUBECONFIG.replace("user: {token: t}", "user: SUPERSECRET"),
        KUBECONFIG.replace("{token: t}", "{client-key-data: SUPERSECRET, client-key-data: x}"),
    ] {
        let error = ApiServer::connect(&config(&dir, &text, None)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        for error in chain {
            let said = format!("{error} {error:?} {error:#?}");
            assert!(!said.contains("SUPERSECRET"), "{said}");
        }
        assert!(error.to_string().contains("the kubeconfig cannot be parsed"), "{error}");
        assert!(error.to_string().contains(", line="), "{error}");
    }
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

/// What `identify` makes of an answer.
async fn identify(answer: &'static [u8]) -> Error {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let read = stream.read(&mut [0; 4096]).await.unwrap();
        assert!(read > 0);
        stream.write_all(answer).await.unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let text = KUBECONFIG.replace("https://127.0.0.1:1", &format!("http://{address}"));
    let config = config(&dir, &text, None);
    let server = ApiServer::connect(&config).await.unwrap();
    tokio::join!(server.identify(&config), answering).0.unwrap_err()
}

#[tokio::test]
async fn only_a_missing_grant_is_told_to_be_granted() {
    let error = identify(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n").await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("grant get on namespaces"), "{error}");
    let error = identify(b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n").await;
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("the credential is refused"), "{error}");
    // What Go says on a port for https.
    let said = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let error = identify(said).await;
    assert!(!error.to_string().contains("grant"), "{error}");
    let cause = error.root_cause().unwrap();
    assert!(cause.contains("Client sent an HTTP request to an HTTPS server."), "{cause}");
}

/// A plugin that prints a token at its first `good` runs, and something with another secret after that.
fn plugin(dir: &tempfile::TempDir, good: u32, then: &str) -> String {
    let (script, runs) = (dir.path().join("plugin"), dir.path().join("runs"));
    let text = format!(
        r#"echo x >> {runs}
if [ $(wc -l < {runs}) -le {good} ]; then
echo '{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{{"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"}}}}'
else
{then}
fi
"#,
        runs = runs.display(),
    );
    std::fs::write(&script, text).unwrap();
    let exec = format!(
        r#"{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: ["{}", "--secret=SUPERSECRET"], env: [{{name: K, value: SUPERSECRET}}]}}}}"#,
        script.display()
    );
    KUBECONFIG.replace("{token: t}", &exec)
}

fn nothing_secret(error: &Error) {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    for error in chain {
        let said = format!("{error} {error:?} {error:#?}");
        assert!(!said.contains("SUPERSECRET"), "{said}");
        // As the bytes that an `Output` is shown as.
        assert!(!said.contains("83, 85, 80"), "{said}");
    }
}

#[tokio::test]
async fn a_credential_plugin_that_fails_is_not_quoted() {
    for (then, says) in [
        ("echo SUPERSECRET; echo SUPERSECRET >&2; exit 3", "plugin failed: exit status: 3"),
        ("echo '{\"status\": {\"token\": [\"SUPERSECRET\"]}}'", "printed no ExecCredential"),
        ("echo SUPERSECRET: [", "printed no ExecCredential"),
    ] {
        // At the start, which runs it twice (for a certificate, and for a token), and when that token is over.
        let dir = tempfile::tempdir().unwrap();
        let text = plugin(&dir, 0, then);
        let error = ApiServer::connect(&config(&dir, &text, None)).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        nothing_secret(&error);

        let dir = tempfile::tempdir().unwrap();
        let config = config(&dir, &plugin(&dir, 2, then), None);
        let server = ApiServer::connect(&config).await.unwrap();
        let error = server.identify(&config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
        nothing_secret(&error);
    }
}

#[test]
fn files_of_a_list_that_do_not_exist_are_left_out_unless_none_exists() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("one"), KUBECONFIG).unwrap();
    std::fs::write(path("two"), KUBECONFIG.replace("name: two", "name: three")).unwrap();
    let found = merged(&[path("gone"), path("one"), path("lost"), path("two")]).unwrap().unwrap();
    let names: Vec<_> = found.contexts.iter().map(|context| context.name.as_str()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert!(merged(&[]).unwrap().is_none());
    let error = merged(&[path("gone"), path("lost")]).unwrap_err();
    assert!(error.to_string().contains(&path("gone").display().to_string()), "{error}");
    // What exists and is wrong is not passed over.
    std::fs::write(path("wrong"), "[").unwrap();
    assert!(merged(&[path("one"), path("wrong")]).is_err());
}
