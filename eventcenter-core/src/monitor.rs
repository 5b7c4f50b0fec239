//! Node probes: what finds faults on a node.
//!
//! A monitor yields [`Finding`]s: single events, and conditions that are true or not. The words are
//! node-problem-detector's: a *temporary* problem is an event, a *permanent* one changes a condition.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::Result;
use crate::event::{Cluster, Draft, Event};
use crate::source::{Observed, Position, Source};

/// Something that watches a node. Object-safe, without default methods.
#[async_trait]
pub trait Monitor: Debug + Send + 'static {
    /// The source that its events name, such as `kernel-monitor`.
    fn name(&self) -> &str;

    /// The conditions it speaks about, as they are before the first observation.
    fn conditions(&self) -> Arc<[Condition]>;

    /// The next finding. Waits until there is one.
    ///
    /// # Errors
    ///
    /// When an observation could not be made. May be called again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Finding>;
}

/// What a monitor saw: at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A temporary problem: it happened, and that is all.
    Problem(Problem),
    /// A condition has changed, or is said again.
    Condition(Condition),
}

/// Something that happened on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// One CamelCase word.
    pub reason: String,
    /// Text for people.
    pub message: String,
    /// When it happened.
    pub time: Timestamp,
}

/// How bad a [`Problem`] is: what its event's type becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// `Normal`.
    Info,
    /// `Warning`.
    Warn,
}

impl Severity {
    /// The event type.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Info => "Normal",
            Self::Warn => "Warning",
        }
    }
}

/// A node condition, as in `node.status.conditions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `KernelDeadlock`, `ReadonlyFilesystem`, ...
    pub condition_type: String,
    /// True means that there is a problem.
    pub status: ConditionStatus,
    /// Since when the status is what it is.
    pub transition: Timestamp,
    /// One CamelCase word.
    pub reason: String,
    /// Text for people.
    pub message: String,
}

/// Whether a [`Condition`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// There is a problem.
    True,
    /// There is none.
    False,
    /// Cannot tell.
    Unknown,
}

impl ConditionStatus {
    /// The word, as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl Finding {
    /// The finding as an event about `node`, reported by `monitor`. A condition's event is worded as
    /// node-problem-detector words it.
    ///
    /// # Errors
    ///
    /// As [`Draft::into_event`].
    pub fn into_event(self, cluster: &Arc<Cluster>, monitor: &str, node: &str) -> Result<Event> {
        let (severity, reason, message, time) = match self {
            Self::Problem(problem) => {
                (problem.severity, problem.reason, problem.message, problem.time)
            }
            Self::Condition(condition) => {
                let severity = if condition.status == ConditionStatus::True {
                    Severity::Warn
                } else {
                    Severity::Info
                };
                let message = format!(
                    "Node condition {} is now: {}, reason: {}, message: {:?}",
                    condition.condition_type,
                    condition.status.as_str(),
                    condition.reason,
                    condition.message
                );
                (severity, condition.reason, message, condition.transition)
            }
        };
        let draft = Draft {
            event_type: severity.event_type(),
            reason,
            message,
            component: monitor.to_owned(),
            host: node.to_owned(),
            object: Some(("Node".to_owned(), String::new(), node.to_owned())),
            ..Draft::default()
        };
        draft.into_event(cluster, time)
    }
}

/// A monitor as a source of the pipeline: each finding becomes an event about its node.
///
/// It has no position to resume from: what happened while the program was down, a monitor finds by looking back.
#[derive(Debug)]
pub struct MonitorSource {
    monitor: Box<dyn Monitor>,
    cluster: Arc<Cluster>,
    node: String,
    name: String,
}

impl MonitorSource {
    /// `monitor` on `node` of `cluster`.
    pub fn new(monitor: Box<dyn Monitor>, cluster: Arc<Cluster>, node: impl Into<String>) -> Self {
        let node = node.into();
        let name = format!("monitor/{}/{node}/{}", cluster.id, monitor.name());
        Self { monitor, cluster, node, name }
    }
}

#[async_trait]
impl Source for MonitorSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next(&mut self) -> Result<Observed> {
        let finding = self.monitor.next().await?;
        let event = finding.into_event(&self.cluster, self.monitor.name(), &self.node)?;
        let position = Position::new("", event.time());
        Ok(Observed::Event(Box::new(event), position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_worded_as_npd_words_it() {
        let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
        let finding = Finding::Condition(Condition {
            condition_type: "KernelDeadlock".to_owned(),
            status: ConditionStatus::True,
            transition: Timestamp::UNIX_EPOCH,
            reason: "DockerHung".to_owned(),
            message: "task docker:7 blocked for more than 300 seconds\n".to_owned(),
        });
        let event = finding.into_event(&cluster, "kernel-monitor", "node-1").unwrap();
        assert_eq!(
            event.message(),
            "Node condition KernelDeadlock is now: True, reason: DockerHung, message: \
             \"task docker:7 blocked for more than 300 seconds\\n\""
        );
        assert_eq!((event.event_type(), event.host()), ("Warning", "node-1"));
    }
}
