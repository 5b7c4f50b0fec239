//! The rules of remembering, with a clock that only moves when it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::ErrorKind;

#[derive(Debug, Clone)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    fn move_on(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Yields `key-1`, `key-2`, …, each for this many seconds, unless it is told to fail.
#[derive(Debug, Clone)]
struct Mint {
    hand: Hand,
    life: Option<i64>,
    max_age: Option<Duration>,
    minted: Arc<AtomicUsize>,
    fails: Arc<Mutex<bool>>,
}

impl Mint {
    fn fetched(&self) -> usize {
        self.minted.load(Ordering::Relaxed)
    }

    fn fail(&self, fails: bool) {
        *self.fails.lock().unwrap() = fails;
    }
}

#[async_trait]
impl Source for Mint {
    async fn fetch(&self) -> Result<Option<Credential>> {
        tokio::task::yield_now().await;
        let number = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        if *self.fails.lock().unwrap() {
            return Err(failed("the mint is closed"));
        }
        let credential = Credential::new(format!("key-{number}"), "s3cr3t");
        Ok(Some(match self.life {
            Some(life) => credential.with_expiry(self.hand.now() + SignedDuration::from_secs(life)),
            None => credential,
        }))
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

fn mint(life: Option<i64>, max_age: Option<u64>) -> (Hand, Mint, Cached) {
    let hand = Hand(Arc::new(Mutex::new("2023-11-14T22:13:20Z".parse().unwrap())));
    let max_age = max_age.map(Duration::from_secs);
    let minted = Arc::default();
    let mint = Mint { hand: hand.clone(), life, max_age, minted, fails: Arc::default() };
    let surroundings = Surroundings::new().clock(Arc::new(hand.clone()));
    (hand, mint.clone(), Cached::new(&surroundings, mint))
}

async fn id(cached: &Cached) -> String {
    cached.get().await.unwrap().id().to_owned()
}

/// Lets what was spawned run; there is one thread.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_fresh_one_is_remembered_and_one_fetch_serves_all_who_wait() {
    let (hand, mint, cached) = mint(Some(3600), None);
    let ids = futures_of(&cached, 50).await;
    assert!(ids.iter().all(|id| id == "key-1"));
    hand.move_on(2800);
    assert_eq!(id(&cached).await, "key-1");
    settle().await;
    assert_eq!(mint.fetched(), 1);
}

async fn futures_of(cached: &Cached, count: usize) -> Vec<String> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let cached = cached.clone();
        tasks.spawn(async move { id(&cached).await });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn before_it_expires_a_new_one_is_fetched_behind_the_request() {
    let (hand, mint, cached) = mint(Some(3600), None);
    assert_eq!(id(&cached).await, "key-1");
    // A fifth of an hour before the end, less a tenth of that at most.
    hand.move_on(3600 - 640);
    assert_eq!(futures_of(&cached, 50).await, vec!["key-1"; 50]);
    settle().await;
    assert_eq!((id(&cached).await.as_str(), mint.fetched()), ("key-2", 2));
}

#[tokio::test]
async fn one_that_has_not_expired_is_served_while_the_source_fails_and_no_longer() {
    let (hand, mint, cached) = mint(Some(3600), None);
    assert_eq!(id(&cached).await, "key-1");
    mint.fail(true);
    hand.move_on(3500);
    for _ in 0..10 {
        assert_eq!(id(&cached).await, "key-1");
        settle().await;
    }
    assert_eq!(mint.fetched(), 2, "after a failure the source is left alone");
    hand.move_on(2);
    assert_eq!(id(&cached).await, "key-1");
    settle().await;
    assert_eq!(mint.fetched(), 3);
    hand.move_on(100);
    let error = cached.get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(error.to_string().contains("the mint is closed"), "{error}");
    mint.fail(false);
    hand.move_on(60);
    assert_eq!(id(&cached).await, "key-5");
}

#[tokio::test]
async fn a_refused_one_is_replaced_at_once_and_seldom() {
    let (hand, mint, cached) = mint(Some(3600), None);
    let first = cached.get().await.unwrap();
    cached.invalidate(&first).await;
    let second = cached.get().await.unwrap();
    assert_eq!(second.id(), "key-2");
    // Not the current one any more: somebody else's news.
    cached.invalidate(&first).await;
    assert_eq!(id(&cached).await, "key-2");
    cached.invalidate(&second).await;
    assert_eq!(id(&cached).await, "key-2", "within ten seconds it is not asked again");
    hand.move_on(10);
    mint.fail(true);
    cached.invalidate(&second).await;
    assert_eq!(id(&cached).await, "key-2", "the refused one is better than none");
    assert_eq!(mint.fetched(), 3);
}

#[tokio::test]
async fn one_that_does_not_expire_is_looked_for_again_after_its_age() {
    let (hand, mint, cached) = mint(None, Some(10));
    assert_eq!(id(&cached).await, "key-1");
    hand.move_on(10);
    assert_eq!(id(&cached).await, "key-1");
    settle().await;
    assert_eq!(id(&cached).await, "key-2");
    let (hand, mint_for_ever, cached) = self::mint(None, None);
    assert_eq!(id(&cached).await, "key-1");
    hand.move_on(1_000_000);
    settle().await;
    assert_eq!((id(&cached).await.as_str(), mint_for_ever.fetched()), ("key-1", 1));
    drop(mint);
}

#[test]
fn a_cache_shows_no_secret() {
    let (_, _, cached) = mint(None, None);
    assert!(!format!("{cached:?}").contains("s3cr3t"));
}
