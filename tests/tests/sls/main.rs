//! The double of SLS, tried with official clients: what was not written from the same notes must get along with it.
//!
//! The clients come from PyPI and npm: `cargo xtask test` installs them, and so do these tests where they find none. They
//! are told that the double is their HTTP proxy: what they ask of `PROJECT.cn-hangzhou.log.aliyuncs.com` it is asked, and
//! no name is looked up.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests are tests"
)]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use eventcenter_sls::testing::{Double, Fault};
use tokio::process::Command;
use xtask::sls_clients;

/// A machine that also builds may take its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a script of `tests/testbed/sls` with the double as its proxy.
async fn run(double: &Double, script: &str, arguments: &[&str]) {
    let is_python = script.ends_with(".py");
    let install = move || {
        let say = |text: &str| eprintln!("{text}");
        if is_python { sls_clients::python(&say) } else { sls_clients::node(&say) }
    };
    let clients = tokio::task::spawn_blocking(install).await.unwrap();
    let clients = clients.unwrap_or_else(|error| panic!("{error:#}"));
    let folder = xtask::testbed::workspace_root().unwrap().join("tests/testbed/sls");
    let (program, path) = if is_python { ("python3", "PYTHONPATH") } else { ("node", "NODE_PATH") };
    let mut command = Command::new(program);
    command.arg(folder.join(script)).args(arguments).env(path, clients);
    for name in ["NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
        command.env_remove(name);
    }
    command.env("HTTP_PROXY", double.endpoint()).env("http_proxy", double.endpoint());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the client must end").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let last = double.exchanges().into_iter().next_back();
    assert!(output.status.success(), "{script} {arguments:?}: {said}\nthe last it asked: {last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_python_client_is_served_under_both_signatures() {
    let double = Double::start().await;
    for version in ["v1", "v4"] {
        run(&double, "client.py", &[version]).await;
        let project = format!("k8s-log-{version}");
        let logs = double.logs(&project, "k8s-event");
        let mut counts = BTreeMap::new();
        for log in &logs {
            *counts.entry(log.get("n").unwrap().parse::<u32>().unwrap()).or_insert(0) += 1;
            assert_eq!((log.get("message"), log.topic.as_str()), (Some("重启"), "k8s"));
        }
        let expected = (0..10).map(|n| (n, 2)).chain([(10, 1)]);
        assert_eq!(counts, expected.collect(), "{version}");
        assert!(double.object(&project, "dashboards", "board").is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_for_node_is_served() {
    let double = Double::start().await;
    run(&double, "client.js", &[]).await;
    let logs = double.logs("k8s-log-node", "k8s-event");
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].get("message"), logs[0].tag("cluster")), (Some("重启"), Some("c1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_rust_producer_delivers_through_faults() {
    let double = Double::start().await;
    double.create("k8s-log-c1", "k8s-event");
    double.fail_next(Fault::refuse(503, "ServerBusy", "the server is busy"));
    double.fail_next(Fault::refuse(403, "WriteQuotaExceed", "Project write quota exceed"));
    double.fail_next(Fault::foreign(502, "<html>Tengine</html>"));
    double.fail_next(Fault::cut());
    run(&double, "producer.py", &[]).await;
    let mut counts: BTreeMap<(String, u32), u32> = BTreeMap::new();
    for log in double.logs("k8s-log-c1", "k8s-event") {
        let n = log.get("n").unwrap().parse().unwrap();
        *counts.entry((log.topic, n)).or_default() += 1;
    }
    assert_eq!(counts.len(), 2 * 2000, "each log once, and under its own compression");
    assert!(counts.values().all(|count| *count == 1));
    assert!(double.counters().refused >= 3, "the faults were met");
}
