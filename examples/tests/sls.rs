//! The program `sls` against the service's double.

#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

use eventcenter_sls::testing::Double;
use tempfile::NamedTempFile;

const SECRET: &str = "a-secret-of-this-test";

struct Service {
    double: Double,
    secret: NamedTempFile,
}

impl Service {
    async fn start() -> Self {
        let double = Double::builder().key("an-id", SECRET).start().await;
        double.create("k8s-log-c1", "k8s-event");
        let mut secret = NamedTempFile::new().unwrap();
        writeln!(secret, "{SECRET}").unwrap();
        Self { double, secret }
    }

    /// Runs it to its end, without what this machine's environment would say.
    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sls"));
        command
            .env_clear()
            .args(["--access-key-id", "an-id", "--access-key-secret-file"])
            .arg(self.secret.path())
            .args(["--endpoint", &self.double.endpoint(), "--project", "k8s-log-c1"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let input = input.to_owned();
        // The double lives in this runtime, which must not block.
        let run = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            // It may have ended without reading.
            child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
            child.wait_with_output().unwrap()
        });
        let output = run.await.unwrap();
        let shown = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(!String::from_utf8_lossy(&shown).contains(SECRET));
        output
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_put_and_found_again() {
    let service = Service::start().await;
    let lines = "{\"level\":\"Warning\",\"pod\":\"web-0\"}\nplain text\n\n";
    let put = ["--logstore", "k8s-event", "put", "--topic", "t", "--tag", "cluster=c1"];
    let output = service.run(&put, lines).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "2 logs were taken\n");
    let logs = service.double.logs("k8s-log-c1", "k8s-event");
    assert_eq!(logs.len(), 2);
    assert_eq!((logs[0].get("pod"), logs[1].get("content")), (Some("web-0"), Some("plain text")));
    assert_eq!((logs[0].topic.as_str(), logs[0].tag("cluster")), ("t", Some("c1")));

    let query = ["--logstore", "k8s-event", "query", "Warning", "--format"];
    let output = service.run(&[&query[..], &["table"]].concat(), "").await;
    let found = text(&output.stdout);
    let lines: Vec<_> = found.lines().collect();
    assert!(lines[0].starts_with("TIME (UTC)"), "{found} {}", text(&output.stderr));
    assert!(lines.len() == 2 && lines[1].ends_with("level: Warning  pod: web-0"), "{found}");
    let output = service.run(&[&query[..], &["ndjson"]].concat(), "").await;
    assert!(text(&output.stdout).contains(r#""pod":"web-0""#));
    let output = service.run(&[&query[..], &["csv"]].concat(), "").await;
    assert!(text(&output.stdout).lines().any(|line| line.contains("web-0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_are_several_groups() {
    let service = Service::start().await;
    let lines: String = (0..10_000).map(|number| format!("line {number}\n")).collect();
    let output = service.run(&["-l", "k8s-event", "put"], &lines).await;
    assert_eq!(text(&output.stderr), "10000 logs were taken\n");
    assert_eq!(service.double.logs("k8s-log-c1", "k8s-event").len(), 10_000);
    let exchanges = service.double.exchanges();
    assert!(exchanges.iter().filter(|exchange| exchange.is_put()).count() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn logstores_are_listed_and_who_asks_is_told() {
    let service = Service::start().await;
    let output = service.run(&["logstores"], "").await;
    let listed = text(&output.stdout);
    assert!(listed.contains("k8s-event") && listed.contains("90"), "{listed}");
    let output = service.run(&["whoami", "--region", "cn-hangzhou"], "").await;
    let told = text(&output.stdout);
    for said in ["an-id (from: static)", "never", "cn-hangzhou", "v4", "accepted"] {
        assert!(told.contains(said), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_with_an_exit_code() {
    let service = Service::start().await;
    let output = service.run(&["put"], "").await;
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), "say --logstore\n".into()));
    let output = service.run(&["-l", "nowhere", "put"], "x\n").await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("0 logs were taken\nLogStoreNotExist: "), "{said}");
    let output = service.run(&["--endpoint", "ftp://x", "whoami"], "").await;
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_double_serves_who_signs_with_its_key_until_it_is_told_to_stop() {
    let mut secret = NamedTempFile::new().unwrap();
    writeln!(secret, "{SECRET}").unwrap();
    let sls = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sls"));
        command.env_clear().args(["--access-key", "an-id", "--access-key-secret-file"]);
        command.arg(secret.path()).args(["-p", "k8s-log-c1", "-l", "k8s-event"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut double = sls().args(["double", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut endpoint = String::new();
    BufReader::new(double.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
    let listed = sls().args(["logstores", "--endpoint", endpoint.trim()]).output().unwrap();
    let pid = rustix::process::Pid::from_child(&double);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = double.wait_with_output().unwrap();
    assert!(text(&listed.stdout).contains("k8s-event"), "{}", text(&listed.stderr));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains(SECRET));
}
