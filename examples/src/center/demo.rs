//! The demo: the recorded history of a small real cluster, played as if it had happened these days.
//!
//! `examples/demo/cluster.ndjson` is what `examples/demo/record.sh` has recorded: some minutes, every revision of every
//! Event. At load it is moved so that its newest event was less than a second ago; `DAYS` copies of it tell the days
//! before, each ending a day earlier, and shorter the older it is, so that today is a bad day. Within a copy order and
//! intervals are those of the recording. The newest copy keeps all uids; in the others Events, and what they are about,
//! are others.
//!
//! The folder that all of it is kept in goes with the program. One that was killed leaves its folder: the next demo of
//! the same user removes it, known by its name, and by a lock that nobody holds any more.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Batch, Cluster, Error, ErrorKind, Event, Result, Sink};
use eventcenter_store::{Store, StoreConfig};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tracing::info;

use crate::config::CenterConfig;

/// The recording.
const RECORDING: &str = include_str!("../../demo/cluster.ndjson");
/// Days that are told, today being the last.
const DAYS: i32 = 5;
/// What the cluster is called wherever it shows.
const NAME: &str = "demo";

/// What its folders are called.
const FOLDER: &str = "event-center-demo-";
/// A folder that is younger may be one that is not locked yet.
const YOUNG: Duration = Duration::from_secs(10);

/// The folder of a demo; it goes when this is dropped.
#[derive(Debug)]
pub struct Kept {
    folder: TempDir,
    /// Of the folder, until it is gone.
    _lock: File,
}

impl Kept {
    fn new(parent: &Path) -> std::io::Result<Self> {
        let folder = TempDir::with_prefix_in(FOLDER, parent)?;
        let lock = File::open(folder.path())?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }
}

/// Removes folders of demos of this user that were killed. What cannot be removed stays.
fn sweep(parent: &Path, young: Duration) {
    let user = rustix::process::geteuid().as_raw();
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER)) {
        // Of the entry itself: a link that somebody else has put there is no folder of ours.
        let is_ours = entry.metadata().is_ok_and(|found| {
            let age = found.modified().ok().and_then(|at| at.elapsed().ok());
            found.is_dir() && found.uid() == user && age.is_some_and(|age| age >= young)
        });
        let is_left = || File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
        if is_ours && is_left() && fs::remove_dir_all(entry.path()).is_ok() {
            info!(folder = %entry.path().display(), "removed what a demo that was killed had left");
        }
    }
}

/// Makes a store of its own for the demo, in a folder that goes when the value is dropped, and turns the configuration
/// to it: no cluster is watched.
///
/// # Errors
///
/// When there can be no such folder, and those of the store.
pub fn prepare(config: &mut CenterConfig) -> Result<Kept> {
    let parent = std::env::temp_dir();
    sweep(&parent, YOUNG);
    let kept =
        Kept::new(&parent).map_err(|error| failed("there can be no temporary folder", error))?;
    config.common.clusters.clear();
    config.common.state_dir = kept.folder.path().to_owned();
    config.store = StoreConfig::default();
    let store = Store::open(config.common.state_dir.join("store"), &config.store)?;
    if let Some(batch) = Batch::new(events(RECORDING, Timestamp::now())?) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| failed("cannot start the runtime", error))?;
        runtime.block_on(store.recorder(NAME).deliver(&batch))?;
        info!(events = batch.len(), "showing a recording; no cluster is watched");
    }
    Ok(kept)
}

fn failed(message: &str, error: std::io::Error) -> Error {
    Error::new("demo", ErrorKind::Storage, message).with_source(error)
}

/// The events of all days, oldest first.
///
/// # Errors
///
/// When a line of the recording is none of ours.
pub fn events(recording: &str, now: Timestamp) -> Result<Vec<Arc<Event>>> {
    let cluster = Arc::new(Cluster { id: NAME.to_owned(), name: NAME.to_owned() });
    let broken = |error: serde_json::Error| {
        Error::new("demo", ErrorKind::Protocol, "the recording is broken").with_source(error)
    };
    let mut documents = Vec::new();
    for line in recording.lines() {
        let mut envelope: Value = serde_json::from_str(line).map_err(broken)?;
        documents.push(envelope["event"].take());
    }
    let Some(newest) = documents.iter().filter_map(newest).max() else {
        return Ok(Vec::new());
    };
    let mut events = Vec::new();
    for day in (0..DAYS).rev() {
        // By whole seconds: Kubernetes tells some times in seconds and some in microseconds, and their order is to stay.
        let by = SignedDuration::from_secs(now.duration_since(newest).as_secs())
            - SignedDuration::from_hours(24 * i64::from(day));
        let kept = documents.len() - documents.len() / 8 * usize::try_from(day).unwrap_or_default();
        for document in documents.iter().take(kept) {
            let mut document = document.clone();
            move_times(&mut document, by);
            if day > 0 {
                rename(&mut document, day);
            }
            let raw = document.to_string().into();
            let event = Event::from_kubernetes(&cluster, raw, now)?;
            events.push(Arc::new(event));
        }
    }
    Ok(events)
}

/// The newest time in a document.
fn newest(document: &Value) -> Option<Timestamp> {
    match document {
        Value::String(text) => time(text),
        Value::Array(values) => values.iter().filter_map(newest).max(),
        Value::Object(values) => values.values().filter_map(newest).max(),
        _ => None,
    }
}

/// Moves every time in a document; in its own precision, since Kubernetes has seconds and microseconds.
fn move_times(document: &mut Value, by: SignedDuration) {
    match document {
        Value::String(text) => {
            if let Some(moved) = time(text).and_then(|time| time.checked_add(by).ok()) {
                let digits = text.split_once('.').map_or(0, |(_, rest)| rest.len() - 1);
                *text = format!("{moved:.digits$}");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| move_times(value, by)),
        Value::Object(values) => values.values_mut().for_each(|value| move_times(value, by)),
        _ => {}
    }
}

/// A value that is a time as Kubernetes writes it, and not a text that has one in it.
fn time(text: &str) -> Option<Timestamp> {
    let looks = text.len() >= 20 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T');
    looks.then(|| text.parse().ok()).flatten()
}

/// Makes it an Event of its own, about an object of its own of the same name. A Node stays itself. An OOM kill on a
/// Node names the Pod's uid in its message: that is moved too, else it would be told of the Pod of today.
fn rename(document: &mut Value, day: i32) {
    for place in ["/metadata", "/involvedObject", "/regarding", "/related"] {
        let Some(Value::Object(part)) = document.pointer_mut(place) else { continue };
        if part.get("kind").is_some_and(|kind| kind == "Node") {
            continue;
        }
        if let Some(Value::String(uid)) = part.get_mut("uid") {
            uid.push_str(&format!("-{day}"));
        }
    }
    if let Some(Value::String(message)) = document.pointer_mut("/message") {
        let moved = message.split(' ').map(|word| match word.strip_prefix("uuid:") {
            Some(uid) => format!("uuid:{uid}-{day}"),
            None => word.to_owned(),
        });
        *message = moved.collect::<Vec<_>>().join(" ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn line(uid: &str, time: &str) -> String {
        format!(
            r#"{{"event":{{"metadata":{{"uid":"{uid}"}},"involvedObject":{{"uid":"p"}},"reason":"R","message":"since {time}","lastTimestamp":"{time}"}}}}"#
        )
    }

    #[test]
    fn order_and_intervals_are_those_of_the_recording_and_the_newest_is_now() {
        let lines: Vec<_> = (0..16)
            .map(|n| line(&n.to_string(), &format!("2026-01-01T00:00:{:02}Z", 3 * n)))
            .collect();
        let now = at("2026-11-25T12:00:00Z");
        let events = events(&lines.join("\n"), now).unwrap();
        let today = &events[events.len() - 16..];
        assert_eq!(today.last().unwrap().time(), now);
        for (pair, uid) in today.windows(2).zip(0..) {
            assert_eq!(pair[1].time().duration_since(pair[0].time()).as_secs(), 3);
            assert_eq!(pair[0].uid(), uid.to_string());
        }
        assert!(events.is_sorted_by_key(|event| event.time()));
        let days = now.duration_since(events[0].time()).as_hours() / 24;
        assert_eq!(days, i64::from(DAYS) - 1);
    }

    #[test]
    fn the_folder_of_a_demo_that_was_killed_is_removed_and_no_other() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Kept::new(parent.path()).unwrap();
        let killed = parent.path().join(format!("{FOLDER}killed"));
        fs::create_dir_all(killed.join("store")).unwrap();
        let kept = parent.path().join("kept");
        fs::create_dir(&kept).unwrap();
        let link = parent.path().join(format!("{FOLDER}link"));
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        sweep(parent.path(), YOUNG);
        assert!(killed.exists(), "it may be that of one that begins");
        sweep(parent.path(), Duration::ZERO);
        assert!(!killed.exists() && kept.exists() && link.is_symlink());
        let folder = alive.folder.path().to_owned();
        assert!(folder.exists());
        drop(alive);
        assert!(!folder.exists());
    }

    #[test]
    fn times_in_seconds_and_in_microseconds_stay_in_order() {
        let lines = [line("a", "2026-01-01T00:00:00.900000Z"), line("b", "2026-01-01T00:00:01Z")];
        let events = events(&lines.join("\n"), at("2026-11-25T12:00:00.5Z")).unwrap();
        let [.., first, last] = &events[..] else { panic!("{events:?}") };
        assert_eq!(last.time().duration_since(first.time()).as_millis(), 100);
    }

    #[test]
    fn a_time_keeps_its_precision_and_a_message_its_words() {
        let now = at("2026-11-25T12:00:00.25Z");
        let text = line("u", "2026-01-01T00:00:00.123456Z");
        let events = events(&text, now).unwrap();
        let last = events.last().unwrap();
        assert!(
            last.text().contains(r#""lastTimestamp":"2026-11-25T12:00:00.123456Z""#),
            "{}",
            last.text()
        );
        assert_eq!(last.message(), "since 2026-01-01T00:00:00.123456Z");
    }

    #[test]
    fn the_recording_holds_what_a_demo_is_to_show() {
        let events = events(RECORDING, Timestamp::now()).unwrap();
        for reason in [
            "ScalingReplicaSet",
            "SuccessfulCreate",
            "Scheduled",
            "FailedScheduling",
            "BackOff",
            "PodOOMKilling",
            "Failed",
            "Unhealthy",
            "FailedMount",
            "Evicted",
            "NodeHasDiskPressure",
            "RemovingNode",
            "NodeHasNvidiaXidError",
            "NTPIsDown",
            "NLC.Task.RestartECS.Fail",
        ] {
            assert!(events.iter().any(|event| event.reason() == reason), "{reason}");
        }
    }

    #[test]
    fn an_oom_kill_of_a_day_is_about_the_pod_of_that_day_and_a_node_stays_itself() {
        let uid = "7b0e2c1a-1111-4222-8333-444455556666";
        let lines = [
            format!(
                r#"{{"event":{{"metadata":{{"uid":"a"}},"involvedObject":{{"kind":"Pod","namespace":"s","name":"p","uid":"{uid}"}},"reason":"Started","lastTimestamp":"2026-01-01T00:00:00Z"}}}}"#
            ),
            format!(
                r#"{{"event":{{"metadata":{{"uid":"b"}},"involvedObject":{{"kind":"Node","name":"n1","uid":"n1"}},"reason":"PodOOMKilling","message":"pod was OOM killed. node:n1 pod:p namespace:s uuid:{uid}","lastTimestamp":"2026-01-01T00:00:01Z"}}}}"#
            ),
        ];
        let events = events(&lines.join("\n"), at("2026-11-25T12:00:00Z")).unwrap();
        for day in events.chunks(2) {
            assert_eq!(day[1].pod().unwrap().uid, day[0].object().uid);
            assert_eq!(day[1].object().uid, "n1");
        }
    }
}
