//! Programs that die at any instant, on a disk that tears what was not synced.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

/// Twenty lives of a program, each ended at a random instant by a kill or a power cut; the last one runs to the end.
async fn lives(seed: u64, power: bool) {
    const LAST: u64 = 3000;
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let mut fs = SimFs::new(seed);
    let (fast, slow) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    for life in 0..20 {
        let is_last = life == 19;
        let lagging = Keeper {
            pause: if is_last { Duration::ZERO } else { Duration::from_millis(40) },
            ..Keeper::new("slow", &slow)
        };
        let pipeline = open(folder.path(), &fs, vec![Keeper::new("fast", &fast), lagging]);
        let attach = pipeline.attach();
        let pause = Duration::from_millis(u64::from(random.random_range(0..2_u8)));
        attach.source(Numbers::boxed(&attach, LAST, pause), cluster());
        let stop = Stop::new();
        let begun = (fast.lock().unwrap().len(), slow.lock().unwrap().len());
        let instant = Duration::from_micros(random.random_range(0..400_000));
        if !is_last && random.random() {
            // In the middle of a commit, or of beginning a segment. (Paused time does not move while a thread is busy.)
            fs.die_after(random.random_range(0..300));
        }
        if is_last {
            let ending = stop.clone();
            let (fast, slow) = (Arc::clone(&fast), Arc::clone(&slow));
            let running = tokio::spawn(async move { pipeline.run(&stop).await });
            until(|| [&fast, &slow].iter().all(|kept| kept.lock().unwrap().contains(&LAST))).await;
            ending.begin();
            assert_eq!(running.await.unwrap().unwrap(), Summary::default());
        } else {
            // Dropping the future is the end of every task of it.
            tokio::time::timeout(instant, pipeline.run(&stop)).await.ok();
            fs = if power { fs.power_cut() } else { fs.kill() };
        }
        for (kept, begun) in [(&fast, begun.0), (&slow, begun.1)] {
            let kept = kept.lock().unwrap();
            let back = kept[begun..].windows(2).find(|pair| pair[0] > pair[1]);
            assert!(back.is_none(), "seed {seed}, life {life}: out of order: {back:?}");
        }
    }
    for kept in [fast, slow] {
        let kept: BTreeSet<u64> = kept.lock().unwrap().iter().copied().collect();
        let missing: Vec<_> = all(LAST).difference(&kept).copied().collect();
        assert!(missing.is_empty(), "seed {seed}: lost {missing:?}");
    }
}

/// How many seeds: `SEEDS` of the environment, for runs that last.
pub(super) fn seeds(default: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_kills() {
    for seed in 0..seeds(20) {
        lives(seed, false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_power_cuts_that_tear_writes_and_drop_unsynced_ones() {
    for seed in 100..100 + seeds(30) {
        lives(seed, true).await;
    }
}
