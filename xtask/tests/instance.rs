//! A real control plane does what `xtask::testbed` promises: start, stop, kill, freeze, compact.

#![expect(clippy::expect_used, reason = "tests")]

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use xtask::testbed::{Instance, Options, Process, Program, Subset, records, shared};

fn api_server() -> Option<Instance> {
    shared::own_instance_possible().then(|| {
        let options = Options { subset: Subset::Api, ..Options::default() };
        Instance::start(&options).expect("the API server starts")
    })
}

#[test]
fn a_dropped_instance_leaves_nothing_behind() -> Result<()> {
    let Some(bed) = api_server() else { return Ok(()) };
    let dir = bed.dir().to_owned();
    let record = records()?.into_iter().find(|record| record.dir == dir).expect("recorded");
    assert!(record.is_up());
    assert_eq!(record.owner, Some(Process::this()?));
    drop(bed);
    assert!(record.servers.iter().all(|server| !server.process.is_alive()));
    assert!(!dir.exists());
    Ok(())
}

#[test]
fn an_api_server_that_was_killed_comes_back_with_what_it_had() -> Result<()> {
    let Some(mut bed) = api_server() else { return Ok(()) };
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}});
    let path = "/api/v1/namespaces/default/configmaps";
    assert_eq!(bed.api("POST", path, Some(&object))?.status, 201);

    for kill in [true, false] {
        if kill {
            bed.kill_apiserver()?;
        } else {
            bed.stop_apiserver()?;
        }
        assert!(bed.api("GET", path, None).is_err());
        bed.start_apiserver()?;
        assert_eq!(bed.api("GET", &format!("{path}/kept"), None)?.status, 200);
    }
    assert!(bed.start_apiserver().is_err(), "a second one beside the first");
    bed.stop()
}

#[test]
fn after_a_compaction_old_revisions_are_gone() -> Result<()> {
    let Some(bed) = api_server() else { return Ok(()) };
    let list = "/api/v1/namespaces/default/configmaps";
    // Events, because the API server keeps no cache of them that would know older versions.
    let exactly = |revision: u64| {
        format!("/api/v1/events?limit=1&resourceVersion={revision}&resourceVersionMatch=Exact")
    };
    let before = bed.revision()?;
    assert_eq!(bed.api("GET", &exactly(before), None)?.status, 200);
    for number in 1..=3 {
        let name = format!("fill-{number}");
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        assert_eq!(bed.api("POST", list, Some(&object))?.status, 201);
    }
    assert!(bed.compact()? > before);
    assert_eq!(bed.api("GET", &exactly(before), None)?.status, 410);
    bed.stop()
}

#[test]
fn a_frozen_server_answers_again_when_thawed() -> Result<()> {
    let Some(mut bed) = api_server() else { return Ok(()) };
    bed.freeze(Program::KubeApiserver)?;
    let silence = std::net::TcpStream::connect(("127.0.0.1", bed.api_port()))?;
    silence.set_read_timeout(Some(Duration::from_millis(300)))?;
    assert!(std::io::Read::read(&mut &silence, &mut [0; 1]).is_err());
    bed.thaw(Program::KubeApiserver)?;
    assert_eq!(bed.api("GET", "/readyz", None)?.status, 200);
    bed.stop()
}
