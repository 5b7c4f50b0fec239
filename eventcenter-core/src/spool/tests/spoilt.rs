//! Segments and cursors that were written over by somebody else, at recovery.

use std::collections::BTreeSet;

use super::*;
use crate::spool::fs::Fs as _;
use crate::testing::fuzz::fuzz;

const PIECES: &[&[u8]] =
    &[b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01", b"\0\0\0\0\0\0\0\x01", b"{}", b"\n"];

/// A spool of some segments, by file.
fn files() -> Vec<(String, Vec<u8>)> {
    let fs = SimFs::new(1);
    run(async {
        for life in 0..3 {
            let (spool, committer) = open(&fs, &["a", "b"]);
            write(&spool, committer, life * 20 + 1..=life * 20 + 20).await;
        }
    });
    let names = fs.list().unwrap();
    let read = |name: &String| {
        let file = fs.open(name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        (name.clone(), bytes)
    };
    names.iter().map(read).collect()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

#[test]
fn no_segment_breaks_recovery_or_hands_out_what_was_not_written() {
    let files = files();
    let corpus: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let mut turn = 0;
    fuzz(&corpus, PIECES, 300, |bytes| {
        turn = (turn + 1) % files.len();
        let fs = SimFs::new(1);
        for (place, (name, whole)) in files.iter().enumerate() {
            let bytes = if place == turn { bytes } else { whole };
            fs.create(name).unwrap().write_at(bytes, 0).unwrap();
        }
        run(async {
            let (spool, committer) = open(&fs, &["a", "b"]);
            end(&spool, committer).await;
            for place in 0..2 {
                let (seen, damaged) = read(&spool, place).await;
                let known: BTreeSet<u64> = (1..=60).collect();
                assert!(seen.iter().all(|number| known.contains(number)), "{seen:?}");
                assert!(seen.is_sorted() || damaged > 0 || turn < 2, "{seen:?}, {damaged} damaged");
            }
        });
        true
    });
}
