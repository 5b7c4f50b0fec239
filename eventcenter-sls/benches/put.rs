//! What a log costs on its way into a request, step by step: encode, compress, hash, sign; and decode.
//!
//! `cargo bench -p eventcenter-sls --all-features --bench put`. Prints nanoseconds of CPU time a log, for logs of ten
//! fields and about 0.9 kB of English words, 2,000 in a group, and what compression makes of them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a program that prints"
)]

use std::borrow::Cow;
use std::hint::black_box;

use eventcenter_sls::sign::{Request, content_md5, content_sha256, v4};
use eventcenter_sls::wire::Encoder;
use eventcenter_sls::{Compression, Credential, LogGroup};
use rand::seq::IndexedRandom as _;
use rand::{SeedableRng as _, rngs::StdRng};

const LOGS: usize = 2000;
const ROUNDS: u32 = 100;
const WORDS: &str = "the node was not ready for pod and image pull failed with back off restarting container \
    probe http status volume mount timeout scheduler assigned replica set scaled deployment memory disk pressure";

/// CPU time of this thread, in nanoseconds.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Prints what a log costs in one step.
fn measure(step: &str, mut run: impl FnMut()) {
    run();
    let start = cpu();
    for _ in 0..ROUNDS {
        run();
    }
    let logs = u64::from(ROUNDS) * u64::try_from(LOGS).unwrap();
    println!("{step:<16}{:>6} ns a log", (cpu() - start) / logs);
}

fn main() {
    let mut random = StdRng::seed_from_u64(7);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut text = || {
        let mut text = String::new();
        while text.len() < 78 {
            text += words.choose(&mut random).unwrap();
            text.push(' ');
        }
        text
    };
    let mut log = || -> Vec<(String, String)> {
        (0..10).map(|field| (format!("field_{field:02}"), text())).collect()
    };
    let logs: Vec<_> = (0..LOGS).map(|_| log()).collect();

    let mut encoder = Encoder::default();
    measure("encode", || {
        encoder.clear();
        for log in &logs {
            let contents = log.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            encoder.push(1_700_000_000, Some(7), contents);
        }
    });
    let raw = encoder.bytes().to_vec();
    println!("{:<16}{:>6} bytes a log", "encoded", raw.len() / LOGS);
    for compression in Compression::ALL {
        let Some(name) = compression.name() else { continue };
        measure(name, || drop(black_box(compression.compress(&raw).unwrap())));
        let len = compression.compress(&raw).unwrap().len();
        println!("{:<16}{:>6} % of it", "", len * 100 / raw.len());
    }
    let body = Compression::default().compress(&raw).unwrap();
    measure("sha256", || drop(black_box(content_sha256(&body))));
    measure("md5", || drop(black_box(content_md5(&body))));
    let mut signer = v4::Signer::new("cn-hangzhou");
    let credential = Credential::new("an id", "a secret");
    let headers = [
        ("host", "k8s-log-c1.cn-hangzhou.log.aliyuncs.com"),
        ("content-type", "application/x-protobuf"),
        ("x-log-date", "20231114T221320Z"),
        ("x-log-bodyrawsize", "1000000"),
    ];
    let headers = headers.map(|(name, value)| (Cow::from(name), Cow::from(value)));
    let path = "/logstores/k8s-event/shards/lb";
    let request = Request { method: "POST", path, query: &[], headers: &headers };
    measure("sign", || drop(black_box(signer.authorization(&request, &credential))));
    measure("decode", || drop(black_box(LogGroup::decode(&raw).unwrap())));
}
