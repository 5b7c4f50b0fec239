//! Standard input, as logs.

use std::borrow::Cow;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use clap::Args;
use eventcenter_sls::logstore::Route;
use eventcenter_sls::wire::Encoder;
use eventcenter_sls::{LogGroup, Logstore};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Target, Trouble};

/// What a group has at most: 1 MiB, and as many logs as are documented.
const MOST_BYTES: usize = 1 << 20;
const MOST_LOGS: usize = 4096;
/// How long a line waits for others.
const LINGER: Duration = Duration::from_secs(1);

/// How standard input is put.
#[derive(Debug, Args)]
pub struct PutOptions {
    /// The topic of all logs
    #[arg(long)]
    topic: Option<String>,
    /// Their source, such as an address
    #[arg(long)]
    source: Option<String>,
    /// A tag of theirs; may be said again
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    tag: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Puts standard input until it ends. A line is sent after a second at the latest.
///
/// # Errors
///
/// See [`Trouble`]. How many logs were taken before is said on standard error.
pub async fn put(target: &Target, options: PutOptions) -> Result<(), Trouble> {
    let logstore = target.logstore()?;
    let (sender, mut lines) = mpsc::channel(MOST_LOGS);
    // Standard input blocks whoever reads it. The thread ends with the input, or with the process.
    let reader = std::thread::spawn(move || -> std::io::Result<()> {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            if sender.blocking_send(text).is_err() {
                break;
            }
            line.clear();
        }
        Ok(())
    });
    let mut common = LogGroup::new();
    (common.topic, common.source) = (options.topic.map(Cow::from), options.source.map(Cow::from));
    common.tags = options.tag.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    let mut batches = Batches { logstore, common, encoder: Encoder::default(), taken: 0 };
    let done = batches.fill(&mut lines).await;
    writeln!(std::io::stderr(), "{} logs were taken", batches.taken)?;
    done?;
    // Its sender is gone, so it has ended.
    match reader.join() {
        Ok(read) => Ok(read?),
        Err(_) => Err(Trouble::Io(std::io::Error::other("reading standard input failed"))),
    }
}

struct Batches {
    logstore: Logstore,
    common: LogGroup<'static>,
    encoder: Encoder,
    taken: usize,
}

impl Batches {
    async fn fill(&mut self, lines: &mut mpsc::Receiver<String>) -> Result<(), Trouble> {
        loop {
            let Some(line) = lines.recv().await else { return Ok(()) };
            self.add(&line).await?;
            let deadline = Instant::now() + LINGER;
            while self.encoder.logs() > 0 {
                match tokio::time::timeout_at(deadline, lines.recv()).await {
                    Ok(Some(line)) => self.add(&line).await?,
                    Ok(None) | Err(_) => self.send().await?,
                }
            }
        }
    }

    async fn add(&mut self, line: &str) -> Result<(), Trouble> {
        if line.is_empty() {
            return Ok(());
        }
        let (time, contents) = log(line, Timestamp::now());
        let contents = contents.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
        let cost = Encoder::cost(time, None, contents.clone());
        let held = self.encoder.logs();
        if held > 0 && (held == MOST_LOGS || self.encoder.bytes().len() + cost > MOST_BYTES) {
            self.send().await?;
        }
        self.encoder.push(time, None, contents);
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Trouble> {
        let logs = self.encoder.logs();
        self.encoder.append(&self.common);
        let put = self.logstore.put_encoded(self.encoder.bytes(), &Route::Balanced).await;
        self.encoder.clear();
        put?;
        self.taken += logs;
        Ok(())
    }
}

type Contents<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The log of a line: an object's fields, with its `__time__` as the time, or the line itself.
fn log(line: &str, now: Timestamp) -> (u32, Contents<'_>) {
    let now = u32::try_from(now.as_second()).unwrap_or(0);
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(line) else {
        return (now, vec![("content".into(), line.into())]);
    };
    let time = object.get("__time__").and_then(|time| match time {
        Value::String(text) => text.parse().ok(),
        time => u32::try_from(time.as_u64()?).ok(),
    });
    let fields = object.into_iter().filter(|(key, _)| key != "__time__");
    let contents = fields.map(|(key, value)| {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (key.into(), value.into())
    });
    (time.unwrap_or(now), contents.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_a_log_and_anything_else_is_its_content() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let of = |line| {
            let (time, contents) = log(line, now);
            let shown: Vec<_> =
                contents.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (time, shown.join(" "))
        };
        for (line, time, shown) in [
            ("plain text", 1_700_000_000, "content=plain text"),
            (
                r#"{"a":"b","n":1,"o":{"k":[1]},"z":null}"#,
                1_700_000_000,
                r#"a=b n=1 o={"k":[1]} z=null"#,
            ),
            (r#"{"__time__":5,"a":"b"}"#, 5, "a=b"),
            (r#"{"__time__":"6","a":"b"}"#, 6, "a=b"),
            (r#"{"__time__":-1,"a":"b"}"#, 1_700_000_000, "a=b"),
            ("[1]", 1_700_000_000, "content=[1]"),
            (r#"{"broken"#, 1_700_000_000, r#"content={"broken"#),
        ] {
            assert_eq!(of(line), (time, shown.to_owned()), "{line}");
        }
    }
}
