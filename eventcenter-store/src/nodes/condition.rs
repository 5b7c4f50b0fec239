//! Conditions of a node, as far as its events say them.
//!
//! The kubelet and the node controller say each change in an Event whose reason is the new state (`Node n status is
//! now: NodeHasDiskPressure`); a reason that says the opposite ends it. node-problem-detector names the condition and
//! its status in the message (`Node condition NTPProblem is now: True, reason: NTPIsDown, …`, in ACK's and the
//! original wording alike), so that conditions that nobody here has heard of are told too. Its reasons alone would not
//! do: on ACK's nodes a healthy `ReadonlyFilesystem` has the reason `FilesystemIsReadOnly`.
//!
//! `Unknown` says neither, and changes nothing. Who has been rebooted or shut down is not ready until it says so.
//!
//! A Node that was removed from the cluster has no conditions any more, whatever was said before: the controllers say so
//! (`RemovingNode`, and `DeletingNode` where its machine is gone). It is there again once it is registered, or says
//! anything of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// The newest that is known of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its type: `Ready`, `DiskPressure`, `NTPProblem`.
    pub kind: String,
    /// Whether the node is in trouble.
    pub is_bad: bool,
    /// The first of the events that say so, without one in between that says otherwise.
    pub since: Timestamp,
    /// The last of them.
    pub until: Timestamp,
    /// Why, by the last of them.
    pub reason: String,
    /// The text for people, untrusted; empty in a list of nodes, if the reason says it all.
    pub message: String,
}

/// Events that say it in the message: those of the node agent.
pub(super) const BY_AGENT: &str = "kind : Node and message : \"Node condition\"";

/// Events that say it by their reason, or that the Node is removed or there again.
pub(super) fn by_reason() -> String {
    let reasons = KNOWN.iter().flat_map(|(_, bad, good)| bad.iter().chain(*good));
    let reasons = reasons.chain(REMOVED).chain(&[REGISTERED]);
    let terms: Vec<_> = reasons.map(|reason| format!("reason : {reason}")).collect();
    format!("kind : Node and ({})", terms.join(" or "))
}

/// Whether a node can be used at all: the condition of Kubernetes itself.
pub(super) const READY: &str = "Ready";

/// That the Node is no longer in the cluster.
const REMOVED: &[&str] = &["RemovingNode", "DeletingNode"];
/// That it is; a controller that has been started says it of every Node.
const REGISTERED: &str = "RegisteredNode";

/// A condition, the reasons that say it is bad, and those that say it is well.
type Reasons = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const KNOWN: &[Reasons] = &[
    (READY, &["NodeNotReady", "Rebooted", "Shutdown", "NodeShutdown"], &["NodeReady"]),
    ("MemoryPressure", &["NodeHasInsufficientMemory"], &["NodeHasSufficientMemory"]),
    ("DiskPressure", &["NodeHasDiskPressure"], &["NodeHasNoDiskPressure"]),
    ("PIDPressure", &["NodeHasInsufficientPID", "NodeHasPIDPressure", "PIDPressure"],
        &["NodeHasSufficientPID", "NodeHasNoPIDPressure"]),
    ("FDPressure", &["NodeHasFDPressure"], &["NodeHasNoFDPressure"]),
    ("InodesPressure", &["NodeHasInodesPressure"], &["NodeHasNoInodesPressure"]),
    ("NTPProblem", &["NTPIsDown"], &["NTPIsUp"]),
    ("Unschedulable", &["NodeNotSchedulable"], &["NodeSchedulable"]),
];

/// The condition that an event about a Node says something of, and whether it is bad.
pub(crate) fn said<'a>(reason: &str, message: &'a str) -> Option<(&'a str, bool)> {
    let by_agent = message.strip_prefix("Node condition ").and_then(|rest| {
        let (kind, rest) = rest.split_once(" is now: ")?;
        let status = rest.split([',', ' ']).next()?;
        let is_name = !kind.is_empty() && kind.len() <= 63 && !kind.contains(char::is_whitespace);
        is_name.then_some((kind, status))
    });
    if let Some((kind, status)) = by_agent {
        // Of all conditions this one alone is well when it is true.
        return match status {
            "True" => Some((kind, kind != READY)),
            "False" => Some((kind, kind == READY)),
            _ => None,
        };
    }
    KNOWN.iter().find_map(|(kind, bad, good)| {
        let is_bad = bad.contains(&reason);
        (is_bad || good.contains(&reason)).then_some((*kind, is_bad))
    })
}

/// What an event says of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saying<'a> {
    at: Timestamp,
    what: What<'a>,
    reason: &'a str,
    message: &'a str,
}

/// In the order in which they are believed when they are said in the same second, in which Kubernetes counts: that all
/// is well comes last of conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What<'a> {
    Bad(&'a str),
    Well(&'a str),
    Removed,
    Registered,
}

impl<'a> Saying<'a> {
    /// None if it says nothing of it.
    pub(super) fn new(at: Timestamp, reason: &'a str, message: &'a str) -> Option<Self> {
        let what = match said(reason, message) {
            Some((kind, true)) => What::Bad(kind),
            Some((kind, false)) => What::Well(kind),
            None if REMOVED.contains(&reason) => What::Removed,
            None if reason == REGISTERED => What::Registered,
            None => return None,
        };
        Some(Self { at, what, reason, message })
    }
}

/// What was said of one node.
#[derive(Debug, Default)]
pub(super) struct Sayings<'a>(Vec<Saying<'a>>);

/// What is known of a node.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Those in trouble first, of these that of which it is known longest.
    pub(super) conditions: Vec<Condition>,
    /// Since when it is no longer in the cluster.
    pub(super) removed: Option<Timestamp>,
}

impl<'a> Sayings<'a> {
    pub(super) fn add(&mut self, saying: Option<Saying<'a>>) {
        self.0.extend(saying);
    }

    /// Put together.
    pub(super) fn told(mut self) -> Known {
        self.0.sort_by_key(|saying| (saying.at, saying.what));
        let (mut conditions, mut removed) = (BTreeMap::new(), None);
        for saying in &self.0 {
            match saying.what {
                What::Removed => {
                    conditions.clear();
                    removed = removed.or(Some(saying.at));
                }
                What::Registered => removed = None,
                What::Bad(kind) | What::Well(kind) => {
                    removed = None;
                    saying.change(conditions.entry(kind).or_insert_with(|| saying.condition(kind)));
                }
            }
        }
        let mut conditions: Vec<_> = conditions.into_values().collect();
        conditions.sort_by_key(|condition| (!condition.is_bad, condition.since));
        Known { conditions, removed }
    }
}

impl Saying<'_> {
    fn is_bad(&self) -> bool {
        matches!(self.what, What::Bad(_))
    }

    /// The first that is said of a condition.
    fn condition(&self, kind: &str) -> Condition {
        Condition {
            kind: kind.to_owned(),
            is_bad: self.is_bad(),
            since: self.at,
            until: self.at,
            reason: String::new(),
            message: String::new(),
        }
    }

    /// What is said of it after that.
    fn change(&self, condition: &mut Condition) {
        if condition.is_bad != self.is_bad() {
            (condition.is_bad, condition.since) = (self.is_bad(), self.at);
        }
        condition.until = self.at;
        self.reason.clone_into(&mut condition.reason);
        self.message.clone_into(&mut condition.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_from_reasons_and_from_what_the_node_agent_says() {
        let agent = "Node condition ReadonlyFilesystem is now: False, reason: FilesystemIsReadOnly, msg: read-only";
        let unheard_of =
            "Node condition x.io/Strange is now: True, reason: Odd, message: \"it is\"";
        for (reason, message, expected) in [
            ("NodeNotReady", "Node n status is now: NodeNotReady", Some(("Ready", true))),
            ("NodeReady", "Node n status is now: NodeReady", Some(("Ready", false))),
            ("NodeHasNoDiskPressure", "", Some(("DiskPressure", false))),
            ("NodeHasPIDPressure", "", Some(("PIDPressure", true))),
            ("NTPIsDown", "ntp is down", Some(("NTPProblem", true))),
            ("FilesystemIsReadOnly", agent, Some(("ReadonlyFilesystem", false))),
            ("Odd", unheard_of, Some(("x.io/Strange", true))),
            ("Odd", "Node condition Strange is now: Unknown, reason: Odd", None),
            ("Odd", "Node condition two words is now: True, reason: Odd", None),
            ("Odd", "Node condition Ready is now: False", Some(("Ready", true))),
            ("RegisteredNode", "Node n event: Registered Node n in Controller", None),
        ] {
            assert_eq!(said(reason, message), expected, "{reason}: {message}");
        }
    }
}
