//! A list that is under way, over pages, faults and new beginnings. Pure.
//!
//! A list is a *pass* over all keys in pages. A page that fails is asked for again; a pass whose `continue` token
//! is no longer honoured begins anew. Either way items come again that were handed out already. They are told by
//! place and version: pages come in the order of keys (`namespace/name`, bytewise, as etcd sorts them), so a
//! place in that order is all that has to be remembered, however long the list is.
//!
//! **An item is left out if its key is at or before the furthest key that was handed out, and its version at or
//! below that of the very first page.** Nothing is lost by that: the first pass, which showed the Events as of
//! that version, has handed out everything up to that key, or a later pass has, which showed newer ones; and an
//! item whose version is no higher has not changed since, so it is the very same that was handed out. What was
//! created or changed in the meantime has a higher version, and is handed out. So is everything if versions are
//! no numbers, or if keys turn out not to be in order: then a new beginning hands things out twice.
//!
//! **The version that a list settles is that of its very first page**, whatever came later. All pages of a pass
//! show one snapshot, so usually that is the version of all of it. After an expired token for which the server gave
//! a fresh one, the pages are newer than those before; after a new beginning, all of them are. What was handed out
//! before then is known up to the older version only, and changes after it that were themselves changed again are
//! on no page. So the watch begins there, and brings them, even if a few come twice. If the server has forgotten
//! that version too, which is likely after an expired token, the watch says so: a gap is declared, and a relist
//! hands out what is newer.

use std::cmp::Ordering;

use eventcenter_core::{Event, Position};
use jiff::Timestamp;

use super::page::ListMeta;
use super::resume::compare;

/// A list under way.
#[derive(Debug)]
pub(super) struct List {
    /// Of a first start: what happened before this is not wanted.
    since: Option<Timestamp>,
    /// The page to ask for; none for the first one.
    token: Option<String>,
    /// The version of the first page of the first pass, and when it was asked for.
    first: Option<Position>,
    /// The highest key that was handed out, or left out on purpose.
    furthest: Option<String>,
    /// The key before this one, on this page or the one before.
    previous: Option<String>,
    /// Whether keys have come out of order.
    disordered: bool,
}

/// How a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There is another page.
    Page,
    /// That was all: everything is known up to here.
    Settled(Position),
}

impl List {
    pub(super) fn new(since: Option<Timestamp>) -> Self {
        Self { since, token: None, first: None, furthest: None, previous: None, disordered: false }
    }

    /// The page to ask for, or to ask for again.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A page says which version it shows; it was asked for at `asked`, so that was the newest then or later.
    pub(super) fn shows(&mut self, version: &str, asked: Timestamp) {
        if self.first.is_none() {
            self.first = Some(Position::new(version, asked));
        }
    }

    /// Whether an event is to be handed out; notes that it was.
    pub(super) fn admit(&mut self, event: &Event) -> bool {
        // An event without any time says 1970: nobody knows when it was.
        let is_old = self
            .since
            .is_some_and(|since| event.time() < since && event.time() != Timestamp::UNIX_EPOCH);
        let is_new = self.admit_key(event.namespace(), event.name(), event.resource_version());
        is_new && !is_old
    }

    /// The same for an item that is no event, but has a name.
    pub(super) fn admit_key(&mut self, namespace: &str, name: &str, version: &str) -> bool {
        let key = format!("{namespace}/{name}");
        if self.previous.as_ref().is_some_and(|previous| *previous > key) {
            self.disordered = true;
        }
        let was_reached = self.furthest.as_ref().is_some_and(|furthest| key <= *furthest);
        let is_unchanged = self.first.as_ref().is_some_and(|first| {
            matches!(compare(version, &first.value), Some(Ordering::Less | Ordering::Equal))
        });
        if !was_reached {
            self.furthest = Some(key.clone());
        }
        self.previous = Some(key);
        self.disordered || !was_reached || !is_unchanged
    }

    /// A page is complete.
    pub(super) fn page_done(&mut self, meta: ListMeta, asked: Timestamp) -> Next {
        self.shows(&meta.resource_version, asked);
        match self.first.take() {
            Some(first) if meta.token.is_empty() => Next::Settled(first),
            first => {
                self.first = first;
                self.token = Some(meta.token);
                Next::Page
            }
        }
    }

    /// A page failed half-way, and will be asked for again.
    pub(super) fn page_failed(&mut self) {
        self.previous = None;
    }

    /// The token is no longer honoured: go on with the fresh one, or begin anew. Says whether it goes on.
    pub(super) fn token_expired(&mut self, fresh: Option<String>) -> bool {
        self.token = fresh;
        self.page_failed();
        self.token.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(version: &str, token: &str) -> ListMeta {
        ListMeta { resource_version: version.into(), token: token.into() }
    }

    fn at(version: &str) -> Next {
        Next::Settled(Position::new(version, Timestamp::UNIX_EPOCH))
    }

    const T: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_page_that_comes_again_is_not_handed_out_again() {
        let mut list = List::new(None);
        list.shows("10", T);
        assert!(list.admit_key("a", "1", "5"));
        assert!(list.admit_key("a", "2", "3"));
        list.page_failed();
        list.shows("12", T);
        assert!(!list.admit_key("a", "1", "5"));
        assert!(list.admit_key("a", "1x", "11"), "created in the meantime");
        assert!(list.admit_key("a", "2", "12"), "changed in the meantime");
        assert!(list.admit_key("a", "3", "4"));
        assert_eq!(list.page_done(page("12", ""), T), at("10"));
    }

    #[test]
    fn keys_are_compared_as_etcd_does() {
        // "a-b/x" sorts before "a/x", since '-' is less than '/'.
        let mut list = List::new(None);
        list.shows("10", T);
        assert!(list.admit_key("a-b", "x", "1"));
        assert!(list.admit_key("a", "x", "2"));
        list.page_failed();
        assert!(!list.admit_key("a-b", "x", "1"));
        assert!(!list.disordered);
    }

    #[test]
    fn an_inconsistent_rest_settles_the_older_version() {
        let mut list = List::new(None);
        list.shows("10", T);
        assert_eq!(list.page_done(page("10", "t"), T), Next::Page);
        assert!(list.token_expired(Some("fresh".into())));
        assert_eq!(list.token(), Some("fresh"));
        assert_eq!(list.page_done(page("20", ""), T), at("10"));
    }

    #[test]
    fn a_new_pass_settles_the_version_of_the_first() {
        let mut list = List::new(None);
        list.shows("10", T);
        assert!(list.admit_key("a", "1", "5"));
        assert_eq!(list.page_done(page("10", "t"), T), Next::Page);
        assert!(list.admit_key("b", "1", "6"));
        assert!(!list.token_expired(None));
        assert_eq!(list.token(), None);
        list.shows("20", T);
        assert!(!list.admit_key("a", "1", "5"));
        assert!(!list.admit_key("b", "1", "6"));
        assert!(list.admit_key("c", "1", "7"));
        assert_eq!(list.page_done(page("20", ""), T), at("10"));
    }

    #[test]
    fn without_order_or_numbers_everything_is_handed_out() {
        let mut list = List::new(None);
        list.shows("10", T);
        assert!(list.admit_key("b", "1", "5"));
        list.page_failed();
        assert!(!list.admit_key("b", "1", "5"));
        assert!(list.admit_key("a", "1", "5"), "out of order: nothing can be told");
        assert!(list.admit_key("b", "1", "5"));

        let mut list = List::new(None);
        list.shows("x", T);
        assert!(list.admit_key("a", "1", "y"));
        list.page_failed();
        assert!(list.admit_key("a", "1", "y"));
    }
}
