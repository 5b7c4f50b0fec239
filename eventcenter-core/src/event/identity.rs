//! What makes two events the same: three keys, computed here and nowhere else.
//!
//! | key | shape | for |
//! |---|---|---|
//! | object | `cluster/uid` | upserts: one Event object |
//! | occurrence | `uid-resourceVersion` | append-only stores: one revision of it |
//! | incident | 40 hex digits | chat threads, PagerDuty, Alertmanager: the same trouble of the same thing |
//!
//! `-` joins an occurrence because EventBridge ids take letters, digits and hyphens only, and Standard Webhooks
//! ids take no dot.

use sha2::{Digest, Sha256};

use super::Event;

/// Separates the fields that an incident key is made of (U+001F, "unit separator"): no field contains it.
const UNIT: &str = "\u{1f}";

impl Event {
    /// One Event object among all clusters: `cluster/uid`.
    pub fn object_key(&self) -> String {
        format!("{}/{}", self.cluster.id, self.uid())
    }

    /// One revision of one Event object: `uid-resourceVersion`.
    pub fn occurrence_key(&self) -> String {
        format!("{}-{}", self.uid(), self.resource_version())
    }

    /// [`occurrence_key`](Self::occurrence_key) for targets that several clusters share:
    /// `cluster-uid-resourceVersion`.
    pub fn cluster_occurrence_key(&self) -> String {
        format!("{}-{}-{}", self.cluster.id, self.uid(), self.resource_version())
    }

    /// The same trouble of the same thing: the first 40 hex digits of SHA-256 over cluster id, object and
    /// reason, joined by U+001F.
    ///
    /// The object is its uid, or `kind/namespace/name` for a Node and wherever the uid is none: some kubelets
    /// and node agents write a node's or a Pod's name there.
    pub fn incident_key(&self) -> String {
        incident_key(&self.cluster.id, &self.object_identity(), self.reason())
    }

    fn object_identity(&self) -> String {
        let object = self.object();
        if object.kind != "Node" && is_uuid(object.uid) {
            object.uid.to_owned()
        } else {
            format!("{}/{}/{}", object.kind, object.namespace, object.name)
        }
    }
}

fn incident_key(cluster: &str, object: &str, reason: &str) -> String {
    let digest = Sha256::new_with_prefix([cluster, object, reason].join(UNIT)).finalize();
    let mut key = hex(&digest);
    key.truncate(40);
    key
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// 8-4-4-4-12 hex digits.
fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_keys_are_those_of_the_vectors() {
        let uid = "7b0e2c1a-1111-4222-8333-444455556666";
        assert_eq!(incident_key("c1", uid, "BackOff"), "ded56d07bb49db38f7c35e39e35d178b4248538c");
        assert_eq!(
            incident_key("c1", "Node//node-1", "NodeNotReady"),
            "7b86bf911bda7018dfc7a6317ff69e396c87f9f9"
        );
        assert_eq!(
            incident_key("c1", "Pod/default/p", "BackOff"),
            "fb15f01e6a906a75a650ae8946f4db2d4bceb4a3"
        );
    }

    #[test]
    fn a_uid_that_is_none_is_not_trusted() {
        assert!(is_uuid("7b0e2c1a-1111-4222-8333-444455556666"));
        assert!(!is_uuid("node-1"));
        assert!(!is_uuid("7b0e2c1a-1111-4222-8333-44445555666g"));
        assert!(!is_uuid("7b0e2c1a+1111-4222-8333-444455556666"));
    }
}
