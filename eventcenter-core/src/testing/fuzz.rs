//! Input that nobody would send, made of what is sent, for readers of bytes.
//!
//! **No coverage guides it**: what a generator that learns would find after hours, this may not find at all; it asks
//! little of the machine, and runs with every test. `FUZZ_SECONDS` lets it run that long, from a seed of its own or that
//! of `FUZZ_SEED`; else it takes a fixed number of inputs from a fixed seed. Where a reader panics, seed and input are
//! printed.

use std::env;
use std::io::Write as _;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// How many inputs there were, and of how many the reader made sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// All of them.
    pub inputs: u64,
    /// Those that were read.
    pub read: u64,
}

/// Hands inputs to `read`, which panics where something does not hold, and says whether it made sense of one. They are
/// made of `corpus`, of which each is handed in as it is first, and of `pieces`, of which the format is made. `usual` is
/// how many there are without `FUZZ_SECONDS`.
pub fn fuzz(
    corpus: &[&[u8]],
    pieces: &[&[u8]],
    usual: u64,
    read: impl FnMut(&[u8]) -> bool,
) -> Tried {
    fuzz_with(corpus, |random| spoilt(random, corpus, pieces), usual, read)
}

/// The same with inputs that are `made` otherwise: for a grammar that few spoilt inputs keep to.
pub fn fuzz_with(
    corpus: &[&[u8]],
    mut made: impl FnMut(&mut StdRng) -> Vec<u8>,
    usual: u64,
    mut read: impl FnMut(&[u8]) -> bool,
) -> Tried {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let long = number("FUZZ_SECONDS").map(Duration::from_secs);
    let seed = number("FUZZ_SEED").unwrap_or_else(|| long.map_or(1, |_| rand::random()));
    say(&format!("seed {seed}"));
    let mut tried = Tried { inputs: 0, read: 0 };
    let mut hand = |input: &[u8]| {
        let shown = Shown(input);
        tried.inputs += 1;
        tried.read += u64::from(read(input));
        drop(shown);
        tried.inputs
    };
    for input in corpus {
        hand(input);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let (begun, mut count) = (Instant::now(), 0);
    while long.map_or(count < usual, |long| begun.elapsed() < long) {
        count = hand(&made(&mut random));
    }
    say(&format!("{} inputs, {} of them read, the others refused", tried.inputs, tried.read));
    tried
}

/// Prints the input at hand if a reader panics in the middle of it.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&format!("the input: b\"{}\"", self.0.escape_ascii()));
        }
    }
}

/// Past the test harness, which shows what a test prints only if it fails.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// An input like those of the corpus, and unlike them.
fn spoilt(random: &mut StdRng, corpus: &[&[u8]], pieces: &[&[u8]]) -> Vec<u8> {
    let pick = |random: &mut StdRng, from: &[&[u8]]| {
        from.choose(random).map_or(Vec::new(), |it| it.to_vec())
    };
    let mut bytes = pick(random, corpus);
    for _ in 0..random.random_range(0..6) {
        let from = random.random_range(0..=bytes.len());
        let until = random.random_range(from..=bytes.len().min(from + 40));
        match random.random_range(0..8) {
            0 => drop(bytes.drain(from..until)),
            1 => drop(bytes.splice(from..from, pick(random, pieces))),
            2 => drop(bytes.splice(from..until, pick(random, pieces))),
            3 => {
                let other = pick(random, corpus);
                bytes.truncate(from);
                bytes.extend(other.iter().skip(random.random_range(0..=other.len())));
            }
            4 => {
                let part = bytes.get(from..until).unwrap_or_default().to_vec();
                let times = if random.random_ratio(1, 50) { 300 } else { 3 };
                drop(bytes.splice(from..from, part.repeat(times)));
            }
            5 => bytes.truncate(from),
            6 => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            _ => bytes.insert(from, random.random()),
        }
    }
    bytes
}
