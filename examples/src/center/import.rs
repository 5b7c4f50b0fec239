//! Takes events from a file.
//!
//! | the file | is |
//! |---|---|
//! | a line of JSON each, with `cluster` and `event` | what our sinks write ([`Event::write_json`]), and exports; an export's last line, `end`, is no event |
//! | a line of JSON each, with `metadata` | Events as Kubernetes writes them |
//! | one document with `items` | a `List` or `EventList`, as `kubectl get events -A -o json` prints |
//!
//! Lines are read one by one; a list is read as a whole. What is known already is not taken again, so a file may be
//! imported twice. A line that is no event ends the import and is named; what came before it was taken.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use eventcenter_core::{Batch, Cluster, Event, Sink};
use eventcenter_store::{EventQuery, Store, StoreSink};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Events that are taken together.
const BATCH: usize = 2000;

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    events: usize,
    known: usize,
    /// Older than all that is kept.
    expired: u64,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events, of which {} were known", self.events, self.known)?;
        if self.expired > 0 {
            write!(
                f,
                "; {} were not taken, since they are older than all that is kept",
                self.expired
            )?;
        }
        Ok(())
    }
}

/// A line of ours.
#[derive(Deserialize)]
struct Envelope {
    cluster: Cluster,
    received: Option<Timestamp>,
    event: Box<RawValue>,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Box<RawValue>>,
}

pub(super) async fn import(
    store: &Store,
    file: &Path,
    cluster: Option<&str>,
) -> Result<Taken, String> {
    let name = file.display().to_string();
    let reader: Box<dyn Read> = if name == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| format!("{name}: {error}"))?)
    };
    let cluster = match cluster {
        Some(name) => Some(Arc::new(known(store, name).await?)),
        None => None,
    };
    let mut import = Import {
        name,
        cluster,
        sink: store.recorder("import"),
        batch: Vec::new(),
        taken: Taken::default(),
    };
    import.read(BufReader::new(reader)).await?;
    Ok(Taken { expired: store.expired(), ..import.taken })
}

/// The cluster of this name or id that the store knows, so that what is imported joins its history; else a new one.
async fn known(store: &Store, name: &str) -> Result<Cluster, String> {
    let state = store.state().await.map_err(|error| error.to_string())?;
    let mut clusters = state.clusters.into_iter().map(|state| state.cluster);
    let known = clusters.find(|cluster| cluster.name == name || cluster.id == name);
    Ok(known.unwrap_or_else(|| Cluster { id: name.to_owned(), name: name.to_owned() }))
}

/// Whether it is the line that an export of the console ends with.
fn is_end(line: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct End {
        #[serde(rename = "end")]
        _end: IgnoredAny,
    }
    line.starts_with("{\"end\":") && serde_json::from_str::<End>(line).is_ok()
}

struct Import {
    name: String,
    cluster: Option<Arc<Cluster>>,
    sink: StoreSink,
    batch: Vec<Arc<Event>>,
    taken: Taken,
}

impl Import {
    async fn read(&mut self, mut reader: impl BufRead) -> Result<(), String> {
        let mut line = String::new();
        let mut number = 0;
        loop {
            line.clear();
            let len =
                reader.read_line(&mut line).map_err(|error| format!("{}: {error}", self.name))?;
            if len == 0 {
                return self.flush().await;
            }
            number += 1;
            if line.trim().is_empty() || is_end(&line) {
                continue;
            }
            match self.event(line.trim()) {
                Ok(event) => self.take(event).await?,
                Err(message) if number == 1 => {
                    let is_list = serde_json::from_str::<List>(&line).is_ok();
                    if !is_list && serde_json::from_str::<IgnoredAny>(&line).is_ok() {
                        return Err(format!("{}:1: {message}", self.name));
                    }
                    // It is a list, or begins a document of several lines.
                    let rest = reader.read_to_string(&mut line);
                    rest.map_err(|error| format!("{}: {error}", self.name))?;
                    return self.list(&line).await;
                }
                Err(message) => {
                    self.flush().await?;
                    return Err(format!(
                        "{}:{number}: {message}; {} before it were taken",
                        self.name, self.taken
                    ));
                }
            }
        }
    }

    async fn list(&mut self, text: &str) -> Result<(), String> {
        let list: List = serde_json::from_str(text).map_err(|error| {
            format!("{}: neither lines of events nor a list of them: {error}", self.name)
        })?;
        for (place, item) in list.items.iter().enumerate() {
            match self.document(item.get()) {
                Ok(event) => self.take(event).await?,
                Err(message) => return Err(format!("{}: items[{place}]: {message}", self.name)),
            }
        }
        self.flush().await
    }

    fn event(&self, line: &str) -> Result<Event, String> {
        match serde_json::from_str::<Envelope>(line) {
            Ok(envelope) => {
                let received = envelope.received.unwrap_or_else(Timestamp::now);
                let cluster = self.cluster.clone().unwrap_or_else(|| Arc::new(envelope.cluster));
                let document = envelope.event.get().to_owned();
                Event::from_kubernetes(&cluster, document.into(), received)
                    .map_err(|error| error.to_string())
            }
            Err(_) => self.document(line),
        }
    }

    fn document(&self, document: &str) -> Result<Event, String> {
        #[derive(Deserialize)]
        struct Looks {
            kind: Option<String>,
            #[serde(rename = "metadata")]
            _metadata: IgnoredAny,
        }
        let looks: Looks =
            serde_json::from_str(document).map_err(|error| format!("this is no event: {error}"))?;
        if looks.kind.as_deref().is_some_and(|kind| kind != "Event") {
            return Err(format!("this is a {}, and no Event", looks.kind.unwrap_or_default()));
        }
        let cluster = self
            .cluster
            .as_ref()
            .ok_or("the file does not say which cluster; give --cluster NAME")?;
        Event::from_kubernetes(cluster, document.to_owned().into(), Timestamp::now())
            .map_err(|error| error.to_string())
    }

    async fn take(&mut self, event: Event) -> Result<(), String> {
        self.batch.push(Arc::new(event));
        if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), String> {
        let Some(batch) = Batch::new(std::mem::take(&mut self.batch)) else { return Ok(()) };
        let receipt =
            self.sink.deliver(&batch).await.map_err(|error| super::told(error).message)?;
        self.taken.events += batch.len();
        self.taken.known += receipt.duplicates;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use eventcenter_store::StoreConfig;

    use super::*;

    async fn imported(text: &str, cluster: Option<&str>) -> Result<Taken, String> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &StoreConfig::default()).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        import(&store, file.path(), cluster).await
    }

    fn document(uid: &str) -> String {
        let now = Timestamp::now();
        format!(
            r#"{{"kind":"Event","metadata":{{"uid":"{uid}"}},"reason":"R","lastTimestamp":"{now}"}}"#
        )
    }

    #[tokio::test]
    async fn each_kind_of_file_is_taken() {
        let (a, b) = (document("a"), document("b"));
        let ours =
            |event: &str| format!(r#"{{"cluster":{{"id":"c","name":"c"}},"event":{event}}}"#);
        for (text, cluster) in [
            (format!("{a}\n{b}\n"), Some("prod")),
            (format!("{}\n\n{}", ours(&a), ours(&b)), None),
            (format!(r#"{{"apiVersion":"v1","kind":"List","items":[{a},{b}]}}"#), Some("prod")),
            (
                format!("{{\n  \"kind\": \"List\",\n  \"items\": [\n{a},\n{b}\n]\n}}\n"),
                Some("prod"),
            ),
        ] {
            let taken = imported(&text, cluster).await.unwrap();
            assert_eq!((taken.events, taken.known), (2, 0), "{text}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_named() {
        let a = document("a");
        for (text, cluster, says) in [
            (a.clone(), None, "give --cluster NAME"),
            (format!("{a}\nnonsense\n"), Some("c"), ":2: this is no event"),
            (
                format!("{a}\n{{\"kind\":\"Pod\",\"metadata\":{{}}}}\n"),
                Some("c"),
                ":2: this is a Pod",
            ),
            ("nonsense".to_owned(), Some("c"), "neither lines of events nor a list"),
            (
                r#"{"items":[{"kind":"Pod","metadata":{}}]}"#.to_owned(),
                Some("c"),
                "items[0]: this is a Pod",
            ),
        ] {
            let error = imported(&text, cluster).await.unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn what_is_too_old_to_be_kept_is_told() {
        let old =
            r#"{"kind":"Event","metadata":{"uid":"o"},"lastTimestamp":"2020-01-01T00:00:00Z"}"#;
        let taken = imported(old, Some("c")).await.unwrap().to_string();
        assert!(taken.contains("1 were not taken"), "{taken}");
    }
}
