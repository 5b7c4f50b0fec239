//! kube-eventer's own messages (v1.2.14), byte for byte: the text of seven lines, and the markdown of as many.
//!
//! What is odd in them is theirs: labels of a text stand in the reverse order, `Name` is the Event's and not the
//! object's, the instance of a node is what stands between the first two dots of its name.

use std::fmt::Write as _;

use eventcenter_core::Event;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Kind;
use super::message::{Writer, cut};

pub(super) fn message(writer: &Writer, event: &Event, budget: usize) -> Value {
    let message = if event.message().len() > budget {
        cut(event.message(), budget)
    } else {
        event.message().to_owned()
    };
    let (text, title, markdown) = match writer.kind() {
        Kind::Text => (text(writer, event, &message), String::new(), String::new()),
        _ => {
            let id = writer.links().ack.as_ref().map_or("", |ack| &ack.cluster_id);
            (String::new(), format!("Kubernetes(ID:{id}) Event"), markdown(writer, event, &message))
        }
    };
    let kind = if writer.kind() == Kind::Text { "text" } else { "markdown" };
    json!({ "msgtype": kind, "text": { "content": text }, "markdown": { "title": title, "text": markdown } })
}

fn text(writer: &Writer, event: &Event, message: &str) -> String {
    let mut text: String = writer.labels().iter().rev().map(|label| format!("{label}\n")).collect();
    let fields = [
        ("Level", event.event_type()),
        ("Kind", event.object().kind),
        ("Namespace", event.namespace()),
        ("Name", event.name()),
        ("Reason", event.reason()),
        ("Timestamp", &Raw::of(event).time(event).strftime("%F %T").to_string()),
    ];
    for (name, value) in fields {
        // Writing to a String cannot fail.
        writeln!(text, "{name}:{value} ").ok();
    }
    write!(text, "Message:{message}").ok();
    text
}

fn markdown(writer: &Writer, event: &Event, message: &str) -> String {
    let mut text = String::new();
    for (place, label) in writer.labels().iter().enumerate() {
        write!(text, "label[{place}]: **{label}**\n\n").ok();
    }
    let object = event.object();
    let (cluster, region) =
        writer.links().ack.as_ref().map_or(("", ""), |ack| (&ack.cluster_id, &ack.region));
    let raw = Raw::of(event);
    let node = &raw.source.host;
    if let Some((node_region, rest)) = node.split_once('.') {
        let instance = rest.split('.').next().unwrap_or_default();
        write!(text, "Node: [{node}](https://ecs.console.aliyun.com/#/server/{instance}/detail?regionId={node_region}) \n\n").ok();
    }
    write!(text, "Level: **{}** \n\nKind: **{}** \n\n", event.event_type(), object.kind).ok();
    write!(
        text,
        "Namespace: [{}](https://cs.console.aliyun.com/#/k8s/namespace) \n\n",
        event.namespace()
    )
    .ok();
    match console(region, cluster, event.namespace(), object.kind, event.name()) {
        Some(url) => write!(text, "Name: [{}]({url}) \n\n", event.name()).ok(),
        None => write!(text, "Name: {} \n\n", event.name()).ok(),
    };
    write!(
        text,
        "Reason: **{}** \n\nTimestamp: **{}** \n\nMessage: **{message}**",
        event.reason(),
        go(raw.time(event))
    )
    .ok();
    text
}

/// A page of the ACK console; none for a kind that has none there.
pub(super) fn console(
    region: &str,
    cluster: &str,
    namespace: &str,
    kind: &str,
    name: &str,
) -> Option<String> {
    let path = match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            format!("{}/detail/{region}/{cluster}/{namespace}/{name}/pods", kind.to_lowercase())
        }
        "CronJob" => format!("cronjob/detail/{region}/{cluster}/{namespace}/{name}/jobs"),
        "Service" => format!("service/detail/{region}/{cluster}/{namespace}/{name}"),
        "Pod" => format!("pod/{cluster}/{namespace}/{name}/container"),
        _ => return None,
    };
    Some(format!("https://cs.console.aliyun.com/#/k8s/{path}"))
}

/// What kube-eventer reads from the document itself, where ours looks further.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    source: Source,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    host: String,
}

impl Raw {
    fn of(event: &Event) -> Self {
        serde_json::from_slice(event.raw()).unwrap_or_default()
    }

    /// It knows no series.
    fn time(&self, event: &Event) -> Timestamp {
        self.last_timestamp.or(self.event_time).unwrap_or(event.time())
    }
}

/// As Go prints a time in UTC: no fraction if there is none.
fn go(time: Timestamp) -> String {
    let text = time.strftime("%F %T%.f").to_string();
    format!("{} +0000 UTC", text.strip_suffix('.').unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_does() {
        for (time, written) in [
            ("2026-11-22T08:15:30Z", "2026-11-22 08:15:30 +0000 UTC"),
            ("2026-11-22T08:15:30.5Z", "2026-11-22 08:15:30.5 +0000 UTC"),
            ("2026-11-22T08:15:30.123456Z", "2026-11-22 08:15:30.123456 +0000 UTC"),
        ] {
            assert_eq!(go(time.parse().unwrap()), written);
        }
    }
}
