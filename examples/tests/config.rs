//! Sample configurations: the bad ones by their complete messages, the good ones by what is read from them.
//!
//! Each file under `bad/` says on its first line what is wrong with it. To accept changed messages run with
//! `INSTA_UPDATE=always` and read the diff as a user would.

#![expect(clippy::unwrap_used, clippy::panic, reason = "that is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

use eventcenter_core::config::HumanDuration;
use eventcenter_core::plain;
use eventcenter_core::testing::fuzz::fuzz;
use eventcenter_examples::config::{self, Config, ReplicasConfig, SpoolConfig};
use eventcenter_kube::Start;

fn samples(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Secrets of the samples are files in `/run/secrets`; here they are in a folder of the test.
fn parse(file: &Path) -> Config {
    let secrets = tempfile::tempdir().unwrap();
    fs::write(secrets.path().join("hook"), "Bearer abc\n").unwrap();
    let folder = format!("{}/", secrets.path().display());
    let text = fs::read_to_string(file).unwrap().replace("/run/secrets/", &folder);
    config::parse(&file.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"))
}

/// What is said of a bad sample: when it is read, or when its sinks are built.
fn mistake(file: &Path) -> String {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    match config.sinks.into_iter().find_map(|sink| sink.build().err()) {
        // Here the component is `config`.
        Some(error) => error.message().to_owned(),
        None => panic!("{} was accepted", file.display()),
    }
}

#[test]
fn every_mistake_is_named_with_file_line_and_key() {
    let mut report = String::new();
    for file in samples("tests/bad") {
        let name = file.display().to_string();
        let text = fs::read_to_string(&file).unwrap();
        let what = text.lines().next().unwrap();
        assert!(what.starts_with("# ") && what.ends_with('.'), "{name} does not say what is wrong");
        let message = mistake(&file);
        let place = message.strip_prefix(&format!("{name}:"));
        let place = place.unwrap_or_else(|| panic!("{name}: {message}"));
        let has_line = place.starts_with(|c: char| c.is_ascii_digit());
        assert!(has_line || name.ends_with("empty.yaml"), "{message}");
        assert!(!message.contains('\n'), "{message}");
        report += &format!("{what}\n{message}\n\n");
    }
    insta::assert_snapshot!("bad", report);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = config::load("tests/bad/nonexistent.yaml").unwrap_err().to_string();
    assert!(error.starts_with("tests/bad/nonexistent.yaml: cannot read the file: "), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latin1.yaml");
    fs::write(&file, b"grace: \xe9").unwrap();
    assert!(config::load(&file).unwrap_err().to_string().ends_with("the file is no UTF-8"));
}

#[test]
fn the_samples_are_accepted() {
    let files = samples("config");
    assert!(files.len() >= 2);
    for file in files {
        if file.ends_with("event-center.yaml") {
            config::load_center(&file).unwrap_or_else(|error| panic!("{error}"));
        } else {
            parse(&file);
        }
    }
}

#[test]
fn the_sample_of_the_event_center_shows_the_defaults() {
    let text = fs::read_to_string("config/event-center.yaml").unwrap();
    let sample = config::parse_center("config/event-center.yaml", &text).unwrap();
    let built_in = config::built_in_center().unwrap();
    assert_eq!(sample.store, built_in.store);
    assert_eq!(format!("{:?}", sample.console), format!("{:?}", built_in.console));
    for (text, says) in [
        (
            "console: { listen: 0.0.0.0:8085 }",
            "x:1:10: console.auth: others can reach this address",
        ),
        ("store: { retention: { age: 1m } }", "x:1:28: store.retention.age: this is too little"),
        ("store: { filter: {} }", "x:1:18: store.filter"),
        ("http: { listen: 127.0.0.1:1 }", "x:1:7: http: event-center answers"),
        ("replicas: {}", "x:1:11: replicas: event-center keeps what it sees on its own disk"),
        ("console: { auth: { token: ' ' } }", "x:1:27: console.auth.token: the token is empty"),
        (
            "console: { auth: { token: { file: /dev/null } } }",
            "x:1:27: console.auth.token: the token is empty",
        ),
        (
            "console:\n  auth: { proxy: { header: 'X User', trusted: ['::1'] } }",
            "x:2:28: console.auth.proxy.header: \"X User\" is no name of a header",
        ),
        ("console: { limits: { body: 0 } }", "x:1:28: console.limits.body: nobody could ask"),
        ("stores: {}", "unknown key \"stores\""),
    ] {
        let error = config::parse_center("x", text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn the_minimal_sample_gets_the_defaults() {
    let config = parse(Path::new("config/minimal.yaml"));
    assert_eq!(config.clusters.len(), 1);
    assert_eq!(config.clusters[0].start, Start::All);
    assert_eq!(config.state_dir, Path::new("./state"));
    assert_eq!(config.spool, SpoolConfig::default());
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8084");
    assert_eq!(config.grace, HumanDuration::from_secs(20));
    assert_eq!(config.sinks[0].name(), "out");
}

#[test]
fn the_full_sample_spells_the_defaults_out() {
    let full = parse(Path::new("config/full.yaml"));
    let minimal = parse(Path::new("config/minimal.yaml"));
    assert_eq!(full.spool, minimal.spool);
    assert_eq!(full.http, minimal.http);
    assert_eq!(full.grace, minimal.grace);
    let mut replicas = full.replicas.unwrap();
    assert!(replicas.lease.namespace.take().is_some() && minimal.replicas.is_none());
    assert_eq!(replicas, ReplicasConfig::default());
    // But for the name.
    let mut cluster = full.clusters[0].clone();
    cluster.name = None;
    assert_eq!(format!("{cluster:?}"), format!("{:?}", minimal.clusters[0]));
    let names: Vec<_> = full.sinks.iter().map(|sink| sink.name()).collect();
    assert_eq!(names, ["out", "archive", "ops", "hook", "sls"]);
    // A limit of its own has no default to spell out.
    let mut layers = full.sinks[3].layers().clone();
    assert!(layers.rate_limit.take().is_some());
    assert_eq!(layers, eventcenter_core::layer::LayerConfig::default());
    let spool: eventcenter_core::SpoolConfig = full.spool.into();
    assert_eq!(spool, eventcenter_core::SpoolConfig::default());
}

#[test]
fn without_a_file_events_go_to_standard_output() {
    let config = config::built_in().unwrap();
    assert_eq!(config.sinks[0].name(), "stdout");
    assert!(config.state_dir.ends_with("eventcenter"));
}

#[test]
fn no_secret_is_shown() {
    let config = format!("{:?}", parse(Path::new("config/full.yaml")));
    assert!(!config.contains("Bearer") && !config.contains("SEC000"), "{config}");
}

/// What a configuration is made of.
const PIECES: &[&[u8]] = &[
    b":",
    b"- ",
    b"\n",
    b"\n  ",
    b"\n    ",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"'",
    b"\"",
    b"#",
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!str ",
    b"|\n",
    b">-\n",
    b"---\n",
    b"~",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e99",
    b"99999999999999999999",
    b"10h",
    b"0s",
    b"4GiB",
    b"name: ",
    b"sinks: ",
    b"routes: ",
    b"clusters: ",
    b"webhook: ",
    b"query: ",
    b"match: ",
    b"\t",
    b"\0",
    b"\xff",
    "\u{202e}".as_bytes(),
    "镜".as_bytes(),
];

#[test]
fn no_configuration_breaks_the_reader_or_is_refused_without_its_place() {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for file in samples("config").into_iter().chain(samples("tests/bad")) {
        texts.push(fs::read(file).unwrap());
    }
    let corpus: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    let tried = fuzz(&corpus, PIECES, 1_500, |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let read =
            [config::parse("f.yaml", text).err(), config::parse_center("f.yaml", text).err()];
        let mut refused = 0;
        for error in read.into_iter().flatten() {
            refused += 1;
            let said = error.to_string();
            let place = said.strip_prefix("f.yaml").unwrap_or_else(|| panic!("{said}"));
            assert!(plain(&said) == said && !said.contains('\n'), "{said:?}");
            // A line of the file, if it is about one.
            let line =
                place.strip_prefix(':').and_then(|rest| rest.split(':').next()?.parse().ok());
            assert!(line.is_none_or(|line: usize| line <= text.split('\n').count() + 1), "{said}");
        }
        refused < 2
    });
    assert!(tried.read > 0 && tried.read < tried.inputs, "{tried:?}");
}
