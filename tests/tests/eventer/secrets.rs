//! Secrets are nowhere but where they belong.

use std::path::Path;

use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::receiver::Reply;
use eventcenter_tests::{FakeApiServer, Receiver, eventually};
use serde_json::json;

use crate::world::{LONG, setup};

/// One for each way to say a secret; each is a word that occurs nowhere else.
const INLINE: &str = "s3cr3t-inline-qhzvw";
const FILE: &str = "s3cr3t-file-mxkpd";
const ENV: &str = "s3cr3t-env-tgrlb";
const PATH: &str = "s3cr3t-path-wjnfc";
const QUERY: &str = "s3cr3t-query-ydsou";
const TOKEN: &str = "s3cr3t-token-aievk";
const SECRETS: [&str; 6] = [INLINE, FILE, ENV, PATH, QUERY, TOKEN];

#[tokio::test]
async fn a_secret_is_nowhere_but_in_the_request() {
    let (server, receiver) = (FakeApiServer::start(), Receiver::start());
    server.set_token(TOKEN);
    let setup = setup().env("RUST_LOG", "trace").env("HOOK_TOKEN", ENV);
    let file = setup.path("hook-token");
    std::fs::write(&file, format!("{FILE}\n")).unwrap();
    // The receiver repeats all that it was told, as some do.
    let echo = [INLINE, FILE, ENV, PATH, QUERY].join(" ");
    let answer = |code| Reply::Status { code, retry_after: None, body: echo.clone() };
    let url = format!("{}{PATH}?key={QUERY}", receiver.url());
    let headers = json!({
        "X-Inline": INLINE,
        "X-File": { "file": file },
        "Authorization": { "env": "HOOK_TOKEN" },
    });
    let mut setup = setup.cluster(&server.kubeconfig_yaml());
    for name in ["hook", "refused"] {
        let webhook = json!({ "url": url, "headers": headers, "batch": "ndjson" });
        setup = setup.sink(name, json!({ "webhook": webhook }));
    }
    let setup = setup.sink("out", json!({ "stdout": { "format": "json" } }));
    let mut eventer = setup.start();
    receiver.reply_next(2, &answer(400));
    server.create(EventSpec::pod("shop", "web"));
    let letters = eventually("two dead letters", None, async || {
        let letters = [setup.dead_letters("hook"), setup.dead_letters("refused")].concat();
        (letters.len() == 2).then_some(letters)
    })
    .await;
    assert!(letters[0]["reason"].as_str().unwrap().contains("body="), "{letters:?}");
    receiver.reply_next(1, &answer(500));
    receiver.reply_next(1, &Reply::Reset);
    let elsewhere = format!("http://127.0.0.1:9/{PATH}?key={QUERY}");
    receiver.reply_next(1, &Reply::Redirect(elsewhere));
    server.create(EventSpec::pod("shop", "web"));
    let seen = std::sync::Mutex::new(String::new());
    let note = |text: &str| seen.lock().unwrap().push_str(text);
    eventually("every kind of answer", LONG, async || {
        note(&eventer.readyz()?.body);
        note(&eventer.metrics());
        let replies: Vec<_> = receiver.requests().into_iter().map(|one| one.reply).collect();
        (replies.len() > 5).then_some(())
    })
    .await;
    // A credential that is refused, told to people.
    receiver.reply(answer(401));
    server.create(EventSpec::pod("shop", "last"));
    eventually("the suspension", LONG, async || {
        let body = eventer.readyz()?.body;
        note(&body);
        body.contains("status=401").then_some(())
    })
    .await;
    // And the API server's own.
    server.set_token("another");
    server.end_watches();
    eventually("the refusal", LONG, async || {
        let answer = eventer.readyz()?;
        note(&answer.body);
        (answer.status == 503).then_some(())
    })
    .await;
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0);

    // It did say them where it should.
    let requests = receiver.requests();
    let request = requests.first().unwrap();
    assert_eq!(request.header("x-inline"), Some(INLINE));
    assert_eq!(request.header("x-file"), Some(FILE));
    assert_eq!(request.header("authorization"), Some(ENV));
    assert!(request.path.contains(PATH) && request.path.contains(QUERY));
    let stderr = eventer.stderr();
    assert!(stderr.contains("TRACE"), "the filter does not let everything through");
    nowhere("the log", &stderr);
    nowhere("the standard output", &eventer.stdout());
    nowhere("a page", &seen.into_inner().unwrap());
    in_no_file(&setup.path("state"));
}

fn nowhere(what: &str, text: &str) {
    for secret in SECRETS {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in {what}");
        // A header may be written as bytes.
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        assert!(!text.contains(bytes), "{secret} is in {what}, as numbers");
    }
}

fn in_no_file(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            in_no_file(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            nowhere(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn a_setting_that_cannot_be_used_is_told_without_its_secret() {
    for (webhook, names) in [
        (json!({ "url": format!("ftp://x/{PATH}?{QUERY}") }), "url"),
        (
            json!({ "url": format!("http://x/{PATH}"), "headers": { "x": format!("{INLINE}\n") } }),
            "headers.x",
        ),
        (json!({ "url": { "file": format!("/nowhere/{FILE}"), "env": ENV } }), "url"),
        (json!({ "url": format!("http://x/{PATH}"), "headers": { "a b": INLINE } }), "a b"),
        (json!({ "url": format!("http://x/{PATH}"), "tls": { "ca_file": "/nowhere" } }), "ca_file"),
    ] {
        let server = FakeApiServer::start();
        let setup = setup()
            .env("RUST_LOG", "trace")
            .cluster(&server.kubeconfig_yaml())
            .sink("hook", json!({ "webhook": webhook }));
        let mut eventer = setup.start();
        assert_eq!(eventer.exit_code(LONG), 2, "{}", eventer.stderr());
        let said = eventer.stderr();
        assert!(said.contains(names), "{said}");
        // The name of a file is no secret, and the name of a variable neither; here they look like one.
        for secret in [INLINE, PATH, QUERY] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}
