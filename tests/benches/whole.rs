//! What the whole program costs: `cargo bench -p eventcenter-tests`.
//!
//! The release build of `eventer`, the fake API server and the fake receiver are processes of their own; what is
//! printed about `eventer` is what Linux says in `/proc`. Nothing is asserted but that everything arrived: figures
//! depend on the machine, whose processor is shared with the fakes.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, waits, and fails by panicking"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use eventcenter_tests::{Eventer, Setup};
use serde_json::{Value, json};

const MILLION: u64 = 1_000_000;

/// Between two looks at resident memory.
const SAMPLE: Duration = Duration::from_millis(100);

/// Nothing here takes that long, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(900);

fn main() {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let program = build();
    let cores = std::thread::available_parallelism().unwrap();
    println!("{cores} cores; the fakes run on them too");
    size(&program);
    idle(&program);
    throughput(&program);
    memory_of_a_stream(&program);
    memory_of_a_list(&program);
    delay(&program);
}

/// The program as it is shipped.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "-p", "eventcenter-examples", "--bin", "eventer"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next().unwrap()
}

fn size(program: &Path) {
    let bytes = std::fs::metadata(program).unwrap().len();
    println!("size: {:.1} MB (release, stripped)", bytes as f64 / 1e6);
}

fn idle(program: &Path) {
    let server = Helper::api_server(&["--bulk", "0"]);
    let eventer = server.setup(program).start();
    until("readiness", &eventer, |eventer| {
        eventer.readyz().is_some_and(|answer| answer.status == 200)
    });
    let cpu = eventer.cpu_seconds();
    sleep(Duration::from_secs(30));
    let (rss, cpu) = (eventer.rss_kib(), eventer.cpu_seconds() - cpu);
    println!("idle: {} resident after 30 s, {cpu:.2} s of processor in them", mib(rss));
}

/// The cheapest real sink is JSON to a standard output that goes to /dev/null: it formats and writes each event.
fn throughput(program: &Path) {
    let server = Helper::api_server(&["--bulk", &MILLION.to_string()]);
    let eventer = server.setup(program).start();
    let begun = Instant::now();
    until("a million events", &eventer, |eventer| delivered(eventer, "out") >= MILLION);
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), eventer.cpu_seconds());
    println!(
        "throughput: {:.0} events a second of processor ({cpu:.2} s, {wall:.2} s by the clock): watch of 1,600 bytes \
         each, spool, stdout as JSON to /dev/null",
        MILLION as f64 / cpu
    );
}

fn memory_of_a_stream(program: &Path) {
    let receiver = Helper::receiver(&["--delay-ms", "100"]);
    let server = Helper::api_server(&["--bulk", &MILLION.to_string()]);
    let setup = server.setup(program).webhook("hook", &receiver.says);
    let eventer = setup.start();
    // Until all are in the spool, and as long again while the webhook goes on.
    let begun = Instant::now();
    let mut rss = Vec::new();
    sample(&eventer, &mut rss, || delivered(&eventer, "out") >= MILLION);
    let arrived = begun.elapsed();
    let slow = delivered(&eventer, "hook");
    sample(&eventer, &mut rss, || begun.elapsed() > 2 * arrived + Duration::from_secs(10));
    println!(
        "memory of a stream: {}; a million events in {:.1} s, of which a webhook that takes 100 ms had {slow}",
        spread(rss),
        arrived.as_secs_f64(),
    );
}

fn memory_of_a_list(program: &Path) {
    let receiver = Helper::receiver(&["--delay-ms", "100"]);
    let server = Helper::api_server(&["--list", &MILLION.to_string()]);
    let setup = server.setup(program).webhook("hook", &receiver.says);
    let eventer = setup.start();
    let begun = Instant::now();
    let mut rss = Vec::new();
    sample(&eventer, &mut rss, || delivered(&eventer, "out") >= MILLION);
    println!(
        "memory of a list: {}; a million events in {:.1} s, the same webhook",
        spread(rss),
        begun.elapsed().as_secs_f64()
    );
}

/// From the moment that an event is written to the socket of the API server until the webhook has read its request.
fn delay(program: &Path) {
    let receiver = Helper::receiver(&["--latency"]);
    let server = Helper::api_server(&["--bulk", "60000", "--rate", "2000"]);
    let eventer = server.setup(program).webhook("hook", &receiver.says).start();
    until("60,000 events", &eventer, |eventer| delivered(eventer, "hook") >= 60_000);
    let cpu = eventer.cpu_seconds();
    drop(eventer);
    println!("delay at 2,000 events a second for 30 s, {cpu:.2} s of processor:");
    for line in receiver.end().lines() {
        println!("  {line}");
    }
}

fn delivered(eventer: &Eventer, sink: &str) -> u64 {
    let metric = format!(r#"eventcenter_events_delivered_total{{sink="{sink}"}}"#);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = eventer.metric(&metric).unwrap_or_default() as u64;
    count
}

fn sample(eventer: &Eventer, into: &mut Vec<u64>, end: impl Fn() -> bool) {
    let begun = Instant::now();
    loop {
        into.push(eventer.rss_kib());
        // Asking for metrics takes memory as well; less often than looking.
        if into.len().is_multiple_of(10) && end() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it takes too long: {}", eventer.stderr());
        sleep(SAMPLE);
    }
}

fn until(what: &str, eventer: &Eventer, there: impl Fn(&Eventer) -> bool) {
    let begun = Instant::now();
    while !there(eventer) {
        let in_vain = eventer.rss_kib() == 0 || begun.elapsed() > PATIENCE;
        assert!(!in_vain, "waited for {what}, in vain: {}", eventer.stderr());
        sleep(SAMPLE);
    }
}

fn spread(mut samples: Vec<u64>) -> String {
    samples.sort_unstable();
    let at = |place: usize| mib(samples.get(place).copied().unwrap_or_default());
    let (last, count) = (samples.len() - 1, samples.len());
    format!("resident min {} median {} max {} of {count} looks", at(0), at(last / 2), at(last))
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

/// One of the fakes; it ends with its input.
struct Helper {
    child: Child,
    out: BufReader<ChildStdout>,
    /// Its first line.
    says: String,
}

impl Helper {
    fn start(program: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut says = String::new();
        out.read_line(&mut says).unwrap();
        Self { child, out, says: says.trim_end().to_owned() }
    }

    fn receiver(flags: &[&str]) -> Self {
        Self::start(env!("CARGO_BIN_EXE_fake-receiver"), flags)
    }

    fn api_server(flags: &[&str]) -> Self {
        Self::start(env!("CARGO_BIN_EXE_fake-api-server"), flags)
    }

    /// The program with this API server, and events as JSON to nowhere.
    fn setup(&self, program: &Path) -> Setup {
        let (_, kubeconfig) = self.says.split_once(' ').unwrap();
        Setup::new(program)
            .cluster(&std::fs::read_to_string(kubeconfig).unwrap())
            .sink("out", json!({ "stdout": { "format": "json" } }))
            .without_stdout()
    }

    /// What else it has to say when its input is closed.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if self.child.wait().is_err() {
            println!("a helper did not end");
        }
    }
}
