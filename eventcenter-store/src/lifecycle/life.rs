//! One life of a Pod.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::findings::{Finding, REMOVALS, findings};
use super::lane::{Lane, LaneKind, Moment, Point, lane_of};
use super::steps::{Step, steps};
use crate::ask::Row;
use crate::message;

/// One life of a Pod: one uid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Life {
    /// The Pod's uid; empty where no event has one.
    pub uid: String,
    /// The node it was bound to; empty where it is not known.
    pub node: String,
    /// The workload it belongs to (`Deployment/web`), where that can be told.
    pub workload: Option<String>,
    /// Who created it (`ReplicaSet/web-6f9c4d7b8`), where that is said.
    pub owner: Option<String>,
    /// Its first event.
    pub from: Timestamp,
    /// Its last event.
    pub until: Timestamp,
    /// How it ended, if it is known to have.
    pub end: Option<End>,
    /// How long its beginning took.
    pub durations: Durations,
    /// What it waited for at its beginning.
    pub steps: Vec<Step>,
    /// What is wrong with it, what matters most first.
    pub findings: Vec<Finding>,
    /// Its containers, by name.
    pub containers: Vec<Container>,
    /// In the order of [`LaneKind`], then by container; empty ones are left out.
    pub lanes: Vec<Lane>,
}

/// The end of a life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// When it was first said to end.
    pub at: Timestamp,
    /// The event that says so.
    pub reason: String,
    /// The text for people. Untrusted.
    pub message: String,
}

/// How long the beginning took, in seconds; none where an event is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    /// From its controller's word that it was created until a node was found.
    #[serde(rename = "created_to_scheduled_seconds", serialize_with = "seconds")]
    pub created_to_scheduled: Option<Duration>,
    /// From then until the last of its containers had first started.
    #[serde(rename = "scheduled_to_started_seconds", serialize_with = "seconds")]
    pub scheduled_to_started: Option<Duration>,
    /// Pulls, added up.
    #[serde(rename = "pulling_seconds", serialize_with = "seconds")]
    pub pulling: Option<Duration>,
    /// From its first event until its end.
    #[serde(rename = "alive_seconds", serialize_with = "seconds")]
    pub alive: Option<Duration>,
}

/// A container of a Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// When it first started.
    pub started: Option<Timestamp>,
    /// How often it started again.
    pub restarts: u64,
    /// Whether there may have been more, before it was first seen here.
    pub restarts_estimated: bool,
    /// Its pulls that took time, oldest first: the last one said by each Event.
    pub pulls: Vec<Pull>,
}

/// A pull of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pull {
    /// When it was done.
    pub at: Timestamp,
    /// The image.
    pub image: String,
    /// How long it took, as the kubelet says.
    #[serde(rename = "took_seconds", serialize_with = "whole")]
    pub took: Duration,
}

pub(super) fn seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

pub(super) fn whole<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    duration.as_secs_f64().serialize(serializer)
}

impl Life {
    pub(super) fn new(uid: &str) -> Self {
        Self {
            uid: uid.to_owned(),
            node: String::new(),
            workload: None,
            owner: None,
            from: Timestamp::MAX,
            until: Timestamp::MIN,
            end: None,
            durations: Durations::default(),
            steps: Vec::new(),
            findings: Vec::new(),
            containers: Vec::new(),
            lanes: Vec::new(),
        }
    }

    /// Takes an event about the Pod. `moments` are not empty, oldest first.
    pub(super) fn take(&mut self, row: &Row, moments: Vec<Moment>) {
        let event = &row.event;
        let point = Point::new(row, moments);
        self.from = self.from.min(point.from);
        self.until = self.until.max(point.until);
        if row.workload.is_some() {
            self.workload.clone_from(&row.workload);
        }
        if event.reason() == "Scheduled" {
            if let Some(node) = message::assigned_node(event.message()) {
                node.clone_into(&mut self.node);
            }
        } else if self.node.is_empty() && event.component() == "kubelet" {
            event.host().clone_into(&mut self.node);
        }
        if let Some(name) = message::container(event.object().field_path) {
            self.container(name).take(&point);
        }
        let (kind, container) = lane_of(event);
        self.add(kind, container, point);
    }

    pub(super) fn add(&mut self, kind: LaneKind, container: &str, point: Point) {
        let of = |lane: &Lane| (lane.kind, lane.container.clone());
        let key = (kind, container.to_owned());
        let place = match self.lanes.binary_search_by_key(&key, of) {
            Ok(place) => place,
            Err(place) => {
                let (kind, container) = key;
                self.lanes.insert(place, Lane { kind, container, points: Vec::new() });
                place
            }
        };
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.points.push(point);
        }
    }

    /// What can be told once everything is known.
    pub(super) fn conclude(&mut self) {
        for lane in &mut self.lanes {
            lane.points.sort_by_key(|point| (point.from, point.id));
        }
        let created = self.first(LaneKind::Controller, "SuccessfulCreate");
        let scheduled = self.first(LaneKind::Scheduling, "Scheduled");
        // An init container that is still running has no say in when the Pod had started.
        let started = self.containers.iter().filter_map(|container| container.started).max();
        let took = |from: Option<Timestamp>, until: Option<Timestamp>| {
            Duration::try_from(until?.duration_since(from?)).ok()
        };
        let pulls = || self.containers.iter().flat_map(|container| &container.pulls);
        let end = self.ending();
        self.durations = Durations {
            created_to_scheduled: took(created, scheduled),
            scheduled_to_started: took(scheduled, started),
            pulling: pulls().next().map(|_| pulls().map(|pull| pull.took).sum()),
            alive: took(Some(created.unwrap_or(self.from)), end.as_ref().map(|end| end.at)),
        };
        self.end = end;
        self.steps = steps(self);
        self.findings = findings(self);
    }

    fn first(&self, kind: LaneKind, reason: &str) -> Option<Timestamp> {
        let lanes = self.lanes.iter().filter(|lane| lane.kind == kind);
        let points = lanes.flat_map(|lane| &lane.points).filter(|point| point.reason == reason);
        points.map(|point| point.from).min()
    }

    /// The first word of its end: what its controller, the kubelet or a controller of nodes said after its containers
    /// had last started. A container that is stopped to be started again is no end.
    pub(super) fn ending(&self) -> Option<End> {
        let last_start = (self.lanes.iter())
            .filter(|lane| lane.kind == LaneKind::Container)
            .flat_map(|lane| &lane.points)
            .filter(|point| point.reason == "Started")
            .map(|point| point.until)
            .max();
        let ends = |point: &&Point| {
            let stops =
                point.reason == "Killing" && point.message.starts_with("Stopping container");
            let reason = point.reason.as_str();
            (stops || reason == "SuccessfulDelete" || REMOVALS.contains(&reason))
                && last_start.is_none_or(|start| point.until >= start)
        };
        let last = (self.lanes.iter())
            .filter(|lane| matches!(lane.kind, LaneKind::Ending | LaneKind::Controller))
            .flat_map(|lane| &lane.points)
            .filter(ends)
            .min_by_key(|point| point.from)?;
        let Point { from, reason, message, .. } = last;
        Some(End { at: *from, reason: reason.clone(), message: message.clone() })
    }

    fn container(&mut self, name: &str) -> &mut Container {
        let key = |container: &Container| container.name.as_str().cmp(name);
        let place = match self.containers.binary_search_by(key) {
            Ok(place) => place,
            Err(place) => {
                let container = Container { name: name.to_owned(), ..Container::default() };
                self.containers.insert(place, container);
                place
            }
        };
        &mut self.containers[place]
    }
}

impl Container {
    fn take(&mut self, point: &Point) {
        match point.reason.as_str() {
            "Started" => {
                // Of several Events the first start is one, every other a restart.
                let before = u64::from(self.started.is_some());
                self.restarts += point.count + before - 1;
                self.restarts_estimated |= point.estimated();
                self.started = Some(self.started.map_or(point.from, |at| at.min(point.from)));
            }
            "Pulled" => {
                if let Some(took) = message::pull_time(&point.message) {
                    let image = message::image(&point.message).unwrap_or_default().to_owned();
                    self.pulls.push(Pull { at: point.until, image, took });
                }
            }
            _ => {}
        }
    }
}
