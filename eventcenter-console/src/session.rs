//! Who has shown the token: sessions of browsers, and how often a peer may be wrong.
//!
//! **Sessions** are 256 random bits in a cookie, which say nothing of the token. They live in memory for 12 h, end with
//! the program, and when the token changes. There are at most 1024; one more ends the oldest.
//!
//! **Wrong tokens.** A peer may be wrong ten times in a minute; after that no token of its is looked at until the minute
//! is over, the right one neither, or guessing would cost nothing. Sessions go on meanwhile: whoever shares an address
//! with a fool is not put out. A peer is an IPv4 address or an IPv6 network of 64 bits; behind a reverse proxy all are one.
//! 4096 peers are remembered; one more drops who was wrong longest ago.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::reader::cookie;

/// The name of the cookie.
pub(crate) const COOKIE: &str = "eventcenter";
/// The life of a session.
pub(crate) const LIFE: Duration = Duration::from_secs(12 * 3600);
const SESSIONS: usize = 1024;

const MINUTE: Duration = Duration::from_secs(60);
const WRONG: u32 = 10;
const PEERS: usize = 4096;

/// Sessions that are open.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

struct Session {
    /// What was shown: one that is replaced opens nothing any more.
    token: String,
    since: Instant,
}

impl Sessions {
    /// A new one, for who has shown `token`.
    pub(crate) fn open(&self, token: &str) -> String {
        let mut bits = [0; 32];
        rand::rng().fill_bytes(&mut bits);
        let id = URL_SAFE_NO_PAD.encode(bits);
        let session = Session { token: token.to_owned(), since: Instant::now() };
        let mut sessions = lock(&self.0);
        sessions.retain(|_, session| session.since.elapsed() < LIFE);
        make_room(&mut sessions, SESSIONS, |session| session.since);
        sessions.insert(id.clone(), session);
        id
    }

    /// Whether this is one, opened with what the token still is.
    pub(crate) fn knows(&self, id: &str, token: &str) -> bool {
        lock(&self.0)
            .get(id)
            .is_some_and(|session| session.since.elapsed() < LIFE && is_same(&session.token, token))
    }

    pub(crate) fn close(&self, id: &str) {
        lock(&self.0).remove(id);
    }
}

/// Compares in a time that tells nothing of where they differ.
pub(crate) fn is_same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// The session that a request comes with.
pub(crate) fn given(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// Peers that were wrong.
#[derive(Default)]
pub(crate) struct Mistakes(Mutex<HashMap<IpAddr, Mistake>>);

struct Mistake {
    since: Instant,
    times: u32,
}

impl Mistakes {
    /// How long this peer is not listened to.
    pub(crate) fn pause(&self, peer: IpAddr) -> Option<Duration> {
        let mistakes = lock(&self.0);
        let mistake = mistakes.get(&network(peer)).filter(|mistake| mistake.times >= WRONG)?;
        MINUTE.checked_sub(mistake.since.elapsed()).filter(|left| !left.is_zero())
    }

    /// This peer was wrong.
    pub(crate) fn note(&self, peer: IpAddr) {
        let (mut mistakes, peer) = (lock(&self.0), network(peer));
        mistakes.retain(|_, mistake| mistake.since.elapsed() < MINUTE);
        if !mistakes.contains_key(&peer) {
            make_room(&mut mistakes, PEERS, |mistake| mistake.since);
        }
        let new = Mistake { since: Instant::now(), times: 0 };
        let mistake = mistakes.entry(peer).or_insert(new);
        mistake.times = mistake.times.saturating_add(1);
    }
}

/// Whoever has one address of an IPv6 network has all of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Drops the oldest of a map that is full.
fn make_room<K: Clone + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    most: usize,
    age: impl Fn(&V) -> Instant,
) {
    if map.len() < most {
        return;
    }
    let oldest = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone());
    oldest.and_then(|oldest| map.remove(&oldest));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_after_half_a_day_or_with_its_token_or_when_it_is_closed() {
        let sessions = Sessions::default();
        let id = sessions.open("one");
        assert_eq!(id.len(), 43, "256 bits");
        assert!(sessions.knows(&id, "one"));
        assert!(!sessions.knows(&id, "two") && !sessions.knows("one", "one"));
        tokio::time::advance(LIFE - Duration::from_secs(1)).await;
        assert!(sessions.knows(&id, "one"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!sessions.knows(&id, "one"));
        let (one, other) = (sessions.open("one"), sessions.open("one"));
        assert_eq!(lock(&sessions.0).len(), 2, "what is over is forgotten");
        sessions.close(&one);
        assert!(!sessions.knows(&one, "one") && sessions.knows(&other, "one"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_session_too_many_ends_the_oldest() {
        let sessions = Sessions::default();
        let mut ids = Vec::new();
        for _ in 0..=SESSIONS {
            tokio::time::advance(Duration::from_millis(1)).await;
            ids.push(sessions.open("t"));
        }
        assert!(!sessions.knows(&ids[0], "t"));
        assert!(ids[1..].iter().all(|id| sessions.knows(id, "t")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_was_wrong_ten_times_waits_for_the_end_of_its_minute() {
        let mistakes = Mistakes::default();
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        for _ in 0..WRONG {
            assert_eq!(mistakes.pause(peer("2001:db8::1")), None);
            mistakes.note(peer("2001:db8::2"));
        }
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(mistakes.pause(peer("2001:db8::1")), Some(Duration::from_secs(40)));
        assert_eq!(mistakes.pause(peer("2001:db8:1::1")), None, "another network");
        assert_eq!(mistakes.pause(peer("192.0.2.1")), None);
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(mistakes.pause(peer("2001:db8::1")), None);
        for n in 0..=u32::try_from(PEERS).unwrap() {
            mistakes.note(std::net::Ipv4Addr::from_bits(n).into());
        }
        assert_eq!(lock(&mistakes.0).len(), PEERS);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = |lines: &[&'static str]| {
            let values = lines.iter().map(|line| header::HeaderValue::from_static(line));
            values.map(|value| (header::COOKIE, value)).collect::<HeaderMap>()
        };
        assert_eq!(given(&headers(&["a=b; eventcenter=xyz ;c=d"])), Some("xyz"));
        assert_eq!(given(&headers(&["a=b", "eventcenter=xyz"])), Some("xyz"));
        assert_eq!(given(&headers(&["eventcenter2=xyz", "not eventcenter"])), None);
    }
}
