//! Conditions of a node, as far as its events say them.
//!
//! The kubelet and the node controller say each change in an Event whose reason is the new state (`Node n status is
//! now: NodeHasDiskPressure`); a reason that says the opposite ends it. node-problem-detector names the condition and
//! its status in the message (`Node condition NTPProblem is now: True, reason: NTPIsDown, …`, in ACK's and the
//! original wording alike), so that conditions that nobody here has heard of are told too. Its reasons alone would not
//! do: on ACK's nodes a healthy `ReadonlyFilesystem` has the reason `FilesystemIsReadOnly`.
//!
//! `Unknown` says neither, and changes nothing. Who has been rebooted or shut down is not ready until it says so.

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

/// Events that say it by their reason.
pub(super) fn by_reason() -> String {
    let reasons = KNOWN.iter().flat_map(|(_, bad, good)| bad.iter().chain(*good));
    let terms: Vec<_> = reasons.map(|reason| format!("reason : {reason}")).collect();
    format!("kind : Node and ({})", terms.join(" or "))
}

/// Whether a node can be used at all: the condition of Kubernetes itself.
pub(super) const READY: &str = "Ready";

/// A condition, the reasons that say it is bad, and those that say it is well.
type Known = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const KNOWN: &[Known] = &[
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

/// What an event says of a condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saying<'a> {
    at: Timestamp,
    is_bad: bool,
    kind: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl<'a> Saying<'a> {
    /// None if it says nothing of any.
    pub(super) fn new(at: Timestamp, reason: &'a str, message: &'a str) -> Option<Self> {
        said(reason, message).map(|(kind, is_bad)| Self { at, is_bad, kind, reason, message })
    }
}

/// What was said of the conditions of one node.
#[derive(Debug, Default)]
pub(super) struct Sayings<'a>(Vec<Saying<'a>>);

impl<'a> Sayings<'a> {
    pub(super) fn add(&mut self, saying: Option<Saying<'a>>) {
        self.0.extend(saying);
    }

    /// Put together: those that are bad first, of these that of which it is known longest.
    pub(super) fn told(mut self) -> Vec<Condition> {
        // Kubernetes counts in seconds. Of what is said in the same one, that all is well comes last.
        self.0.sort_by_key(|saying| (saying.at, !saying.is_bad));
        let mut told: BTreeMap<&str, Condition> = BTreeMap::new();
        for &Saying { at, is_bad, kind, reason, message } in &self.0 {
            let condition = told.entry(kind).or_insert_with(|| Condition {
                kind: kind.to_owned(),
                is_bad,
                since: at,
                until: at,
                reason: String::new(),
                message: String::new(),
            });
            if condition.is_bad != is_bad {
                (condition.is_bad, condition.since) = (is_bad, at);
            }
            condition.until = at;
            reason.clone_into(&mut condition.reason);
            message.clone_into(&mut condition.message);
        }
        let mut told: Vec<_> = told.into_values().collect();
        told.sort_by_key(|condition| (!condition.is_bad, condition.since));
        told
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
