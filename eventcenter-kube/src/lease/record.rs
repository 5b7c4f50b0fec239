//! A Lease object, as far as it matters here; what else stands in it is kept as it is.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

/// Where the holder leaves word for its successor. An object's annotations may hold 256 KiB together.
const NOTE: &str = "eventcenter/positions";

/// A Lease as it was read, or as it is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    document: Value,
}

impl Record {
    /// One that is not there yet.
    pub(crate) fn absent(namespace: &str, name: &str) -> Self {
        let document = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "namespace": namespace, "name": name },
            "spec": {},
        });
        Self { document }
    }

    /// What an API server answers; none if that is no object.
    pub(crate) fn read(document: Value) -> Option<Self> {
        let is_object = document["metadata"]["resourceVersion"].is_string();
        (is_object && (document["spec"].is_object() || document["spec"].is_null()))
            .then_some(Self { document })
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Changes with every write of the object, whoever writes it; none while it does not exist.
    pub(crate) fn version(&self) -> Option<&str> {
        self.document["metadata"]["resourceVersion"].as_str()
    }

    /// Who leads; none if it was given up, or never taken.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.document["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty())
    }

    /// For how long after its last renewal nobody else may take it, as its holder has it.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let seconds = self.document["spec"]["leaseDurationSeconds"].as_u64();
        seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
    }

    /// How often it went from one holder to another.
    pub(crate) fn transitions(&self) -> u64 {
        self.document["spec"]["leaseTransitions"].as_u64().unwrap_or_default()
    }

    /// What the last holder left.
    pub(crate) fn note(&self) -> Option<&str> {
        self.document["metadata"]["annotations"][NOTE].as_str()
    }

    /// The same, held by `identity` from now on; a transition if somebody else held it, or it was given up.
    pub(crate) fn claimed(&self, identity: &str, duration: Duration, now: Timestamp) -> Self {
        let mut claimed = self.clone();
        let spec = &mut claimed.document["spec"];
        let is_new = self.holder() != Some(identity);
        if is_new {
            // The first holder is no transition.
            let was_held = self.version().is_some() && spec["acquireTime"].is_string();
            spec["leaseTransitions"] = json!(self.transitions() + u64::from(was_held));
            spec["acquireTime"] = json!(micro_time(now));
        }
        spec["holderIdentity"] = json!(identity);
        spec["leaseDurationSeconds"] = json!(duration.as_secs());
        spec["renewTime"] = json!(micro_time(now));
        claimed
    }

    /// The same, held by nobody.
    pub(crate) fn given_up(&self, now: Timestamp) -> Self {
        let mut free = self.clone();
        let spec = &mut free.document["spec"];
        spec["holderIdentity"] = json!("");
        // The API server wants more than 0.
        spec["leaseDurationSeconds"] = json!(1);
        spec["renewTime"] = json!(micro_time(now));
        free
    }

    /// The same with another note; `None` leaves the one that is there.
    pub(crate) fn with_note(mut self, note: Option<String>) -> Self {
        if let Some(note) = note {
            let annotations = &mut self.document["metadata"]["annotations"];
            if !annotations.is_object() {
                *annotations = json!({});
            }
            annotations[NOTE] = json!(note);
        }
        self
    }
}

/// `metav1.MicroTime`: six digits behind the second.
fn micro_time(now: Timestamp) -> String {
    format!("{now:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_into_it_stays() {
        let document = json!({
            "metadata": { "resourceVersion": "7", "labels": { "team": "ops" }, "annotations": { "a": "b" } },
            "spec": { "holderIdentity": "x", "leaseDurationSeconds": 30, "leaseTransitions": 4,
                      "acquireTime": "2026-01-01T00:00:00.000000Z", "strategy": "OldestEmulationVersion" },
        });
        let record = Record::read(document).unwrap();
        assert_eq!(record.duration(), Some(Duration::from_secs(30)));
        let now = Timestamp::from_microsecond(1_000_000).unwrap();
        let mine = record.claimed("me", Duration::from_secs(15), now).with_note(Some("n".into()));
        assert_eq!((mine.holder(), mine.transitions(), mine.note()), (Some("me"), 5, Some("n")));
        let document = mine.document();
        assert_eq!(document["spec"]["renewTime"], "1970-01-01T00:00:01.000000Z");
        assert_eq!(document["spec"]["strategy"], "OldestEmulationVersion");
        assert_eq!(document["metadata"]["labels"]["team"], "ops");
        assert_eq!(document["metadata"]["annotations"]["a"], "b");
        assert_eq!(mine.version(), Some("7"), "or the write would be no compare-and-set");
        let again = mine.claimed("me", Duration::from_secs(15), now);
        assert_eq!(again, mine, "a renewal is no transition");
        let free = again.given_up(now).with_note(None);
        assert_eq!((free.holder(), free.note()), (None, Some("n")));
        assert_eq!(free.claimed("you", Duration::from_secs(15), now).transitions(), 6);
    }

    #[test]
    fn the_first_holder_is_no_transition() {
        let record = Record::absent("ns", "n");
        assert_eq!((record.holder(), record.version()), (None, None));
        let mine = record.claimed("me", Duration::from_secs(15), Timestamp::UNIX_EPOCH);
        assert_eq!(mine.transitions(), 0);
        assert!(Record::read(json!({ "kind": "Status", "metadata": {} })).is_none());
    }
}
