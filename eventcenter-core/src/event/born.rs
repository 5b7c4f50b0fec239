//! Events that are born here: gaps, findings of node probes, alerts.
//!
//! Each renders a core/v1 document of its own, so that every sink can carry it without knowing what it is, and
//! so that it survives the spool like any other. Its uid is made from its content and time: the same thing said
//! twice is the same event.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::identity::hex;
use super::{Cluster, Event};
use crate::error::Error;

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// The rule's condition holds.
    Firing,
    /// It held and does no longer.
    Resolved,
}

/// The part of an event that an alert rule gave birth to, so that PagerDuty, Alertmanager or Slack can close
/// what they opened. It is the key `alert` of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule's name.
    pub rule: String,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// The same for each message about one alert, from firing to resolved.
    pub fingerprint: String,
    /// When it began to fire.
    pub since: Timestamp,
    /// How many events it stands for.
    pub count: u64,
    /// Occurrence keys of a few of them.
    #[serde(default)]
    pub samples: Vec<String>,
}

/// What an event that is born here says. Fields that are left empty are left out of the document.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// `Normal` or `Warning`; empty is `Normal`.
    pub event_type: &'static str,
    /// One CamelCase word.
    pub reason: String,
    /// Text for people.
    pub message: String,
    /// The component that speaks, such as `eventcenter`.
    pub component: String,
    /// The node it was seen on.
    pub host: String,
    /// Kind, namespace and name of what it is about. An event about no object is about its cluster.
    pub object: Option<(String, String, String)>,
    /// Key and value.
    pub annotations: Vec<(String, String)>,
    /// How often, at least 1.
    pub count: u32,
    /// Set when it is about an alert.
    pub alert: Option<Alert>,
}

impl Draft {
    /// The event, as having happened at `time`.
    ///
    /// # Errors
    ///
    /// None that a draft can cause; the signature is that of reading the document back.
    pub fn into_event(self, cluster: &Arc<Cluster>, time: Timestamp) -> Result<Event, Error> {
        let (kind, namespace, name) = self
            .object
            .clone()
            .unwrap_or_else(|| ("Cluster".to_owned(), String::new(), cluster.name.clone()));
        let uid = self.uid(cluster, &[&kind, &namespace, &name], time);
        let home = if namespace.is_empty() { "default" } else { &namespace };
        let suffix: String = uid.chars().filter(char::is_ascii_hexdigit).take(16).collect();
        let annotations: serde_json::Map<_, _> =
            self.annotations.into_iter().map(|(key, value)| (key, value.into())).collect();
        let mut document = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": format!("{name}.{suffix}"),
                "namespace": home,
                "uid": uid,
                "resourceVersion": "1",
                "creationTimestamp": time,
            },
            "involvedObject": { "kind": kind, "namespace": namespace, "name": name },
            "type": if self.event_type.is_empty() { "Normal" } else { self.event_type },
            "reason": self.reason,
            "message": self.message,
            "source": { "component": self.component, "host": self.host },
            "reportingComponent": self.component,
            "reportingInstance": "",
            "firstTimestamp": time,
            "lastTimestamp": time,
            "eventTime": time,
            "count": self.count.max(1),
        });
        if !annotations.is_empty() {
            document["metadata"]["annotations"] = annotations.into();
        }
        if let Some(alert) = self.alert {
            document["alert"] = serde_json::to_value(alert).unwrap_or_default();
        }
        Event::from_kubernetes(cluster, document.to_string().into(), time)
    }

    /// A UUID (version 8: by our own rule) over everything that tells this event from another.
    fn uid(&self, cluster: &Cluster, object: &[&str], time: Timestamp) -> String {
        let mut hash = Sha256::new();
        let time = time.to_string();
        let parts = [&cluster.id, &self.reason, &self.message, &self.component, &self.host, &time];
        for part in parts.into_iter().map(String::as_str).chain(object.iter().copied()) {
            hash.update(part);
            hash.update([0x1f]);
        }
        let hex = hex(&hash.finalize());
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-8{}-8{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Arc<Cluster> {
        Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() })
    }

    fn draft() -> Draft {
        Draft {
            event_type: "Warning",
            reason: "KernelOops".to_owned(),
            message: "line one\nline \"two\" 中文".to_owned(),
            component: "kernel-monitor".to_owned(),
            host: "node-1".to_owned(),
            object: Some(("Node".to_owned(), String::new(), "node-1".to_owned())),
            annotations: vec![("a".to_owned(), "b".to_owned())],
            ..Draft::default()
        }
    }

    #[test]
    fn a_born_event_reads_like_one_from_the_api_server() {
        let time: Timestamp = "2026-11-25T01:02:03.000004Z".parse().unwrap();
        let event = draft().into_event(&cluster(), time).unwrap();
        assert_eq!(event.reason(), "KernelOops");
        assert_eq!(event.message(), "line one\nline \"two\" 中文");
        assert_eq!(event.host(), "node-1");
        assert_eq!(event.component(), "kernel-monitor");
        assert_eq!(event.namespace(), "default");
        assert!(event.object().is_cluster_scoped());
        assert_eq!(event.annotations().collect::<Vec<_>>(), [("a", "b")]);
        assert_eq!((event.time(), event.first(), event.count()), (time, Some(time), 1));
        let again = draft().into_event(&cluster(), time).unwrap();
        assert_eq!(event.occurrence_key(), again.occurrence_key());
        let other = Draft { host: "node-2".to_owned(), ..draft() };
        assert_ne!(event.uid(), other.into_event(&cluster(), time).unwrap().uid());
    }

    #[test]
    fn an_alert_survives_its_document() {
        let alert = Alert {
            rule: "oom".to_owned(),
            status: AlertStatus::Firing,
            fingerprint: "f00".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            count: 3,
            samples: vec!["u-1".to_owned()],
        };
        let draft = Draft { alert: Some(alert.clone()), ..draft() };
        let event = draft.into_event(&cluster(), Timestamp::UNIX_EPOCH).unwrap();
        let read =
            Event::from_kubernetes(&cluster(), event.raw().clone(), event.received()).unwrap();
        assert_eq!(read.alert().map(|read| (**read).clone()), Some(alert));
    }
}
