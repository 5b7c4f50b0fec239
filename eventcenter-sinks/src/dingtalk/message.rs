//! From events to the JSON of a message, of at most [`MOST`] bytes.

use std::collections::HashMap;
use std::fmt::Write as _;

use eventcenter_core::query::quoted;
use eventcenter_core::{Batch, Event, Level, plain};
use serde_json::{Value, json};

use super::ask::Called;
use super::{Kind, Layout, Links, legacy};
use crate::http::sha256;

/// Of the 20,000 bytes of a message; the rest is for what gateways add.
pub(super) const MOST: usize = 19_900;
/// Bytes of an event's message, tried one after another until all of it fits: an escaped character can take six.
const BUDGETS: [usize; 6] = [16_000, 8_000, 4_000, 2_500, 1_000, 200];
/// Lines of a digest, likewise.
const LINES: [usize; 4] = [30, 20, 10, 5];
/// Bytes of an event's message in a line of a digest.
const LINE: usize = 160;

/// What all messages of a sink have in common.
#[derive(Debug)]
pub(super) struct Writer {
    kind: Kind,
    layout: Layout,
    labels: Vec<String>,
    links: Links,
}

impl Writer {
    pub(super) fn new(kind: Kind, layout: Layout, labels: Vec<String>, links: Links) -> Self {
        Self { kind, layout, labels, links }
    }

    /// The body of a request.
    pub(super) fn write(&self, batch: &Batch, called: &Called) -> Vec<u8> {
        let id = delivery_id(batch);
        let rendered = |budget: usize| match (self.layout, batch.events()) {
            (Layout::KubeEventer, [event, ..]) => legacy::message(self, event, budget),
            (_, [event]) => self.one(event, called, &id, budget),
            (_, events) => self.digest(events, called, &id, budget),
        };
        let budgets: &[usize] = if batch.len() > 1 { &LINES } else { &BUDGETS };
        let mut body = Vec::new();
        for &budget in budgets {
            let mut message = rendered(budget);
            if self.layout == Layout::Eventcenter {
                message["msgUuid"] = id.clone().into();
            }
            body = message.to_string().into_bytes();
            if body.len() <= MOST {
                break;
            }
        }
        body
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    fn one(&self, event: &Event, called: &Called, id: &str, budget: usize) -> Value {
        let object = event.object();
        let level = event.level();
        let what = if object.namespace.is_empty() {
            format!("{} {}", object.kind, object.name)
        } else {
            format!("{} {}/{}", object.kind, object.namespace, object.name)
        };
        let title = format!("{level} {} {what}", event.reason());
        let mut fields: Vec<(&str, String)> = vec![
            ("Level", level.to_string()),
            ("Reason", event.reason().to_owned()),
            ("Object", what),
        ];
        let mut optional = |name, value: &str| {
            if !value.is_empty() {
                fields.push((name, value.to_owned()));
            }
        };
        optional("Workload", &event.workload().unwrap_or_default());
        optional("Node", event.host());
        optional("Cluster", &event.cluster().name);
        optional("Time", &event.time().strftime("%F %T UTC").to_string());
        if event.count() > 1 {
            optional("Count", &event.count().to_string());
        }
        let message = cut(&plain(event.message()), budget);
        let link = self.link(event);
        self.compose(&title, &fields, &message, link.as_deref(), called, id)
    }

    /// How many of what: the worst first, then the most.
    fn digest(
        &self,
        events: &[std::sync::Arc<Event>],
        called: &Called,
        id: &str,
        lines: usize,
    ) -> Value {
        let mut groups: HashMap<(Level, &str, String), (usize, &Event)> = HashMap::new();
        for event in events {
            let object = event.object();
            let whose =
                event.workload().unwrap_or_else(|| format!("{}/{}", object.kind, object.name));
            let whose = if object.namespace.is_empty() {
                whose
            } else {
                format!("{}/{whose}", object.namespace)
            };
            let group = groups.entry((event.level(), event.reason(), whose)).or_insert((0, event));
            *group = (group.0 + 1, event);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|((level, reason, whose), (count, _)), ((other, r, w), (c, _))| {
            (other, c, reason, whose).cmp(&(level, count, r, w))
        });
        let count = |level| events.iter().filter(|event| event.level() == level).count();
        let levels: Vec<_> = [Level::Error, Level::Warning, Level::Normal]
            .into_iter()
            .map(|level| (level, count(level)))
            .filter(|(_, count)| *count > 0)
            .map(|(level, count)| format!("{count} {level}"))
            .collect();
        let title = format!("{} events: {}", events.len(), levels.join(", "));
        let mut fields = Vec::new();
        for ((level, reason, whose), (count, newest)) in groups.iter().take(lines) {
            let message = cut(&plain(newest.message()), LINE);
            fields.push(("", format!("{count}× {level} {reason} {whose}: {message}")));
        }
        let rest: usize = groups.iter().skip(lines).map(|(_, (count, _))| count).sum();
        if rest > 0 {
            fields.push(("", format!("and {rest} more of {} kinds", groups.len() - lines)));
        }
        let (first, last) =
            (events.iter().map(|e| e.time()).min(), events.iter().map(|e| e.time()).max());
        let between = first.zip(last).map(|(first, last)| {
            format!("{} – {} UTC", first.strftime("%F %T"), last.strftime("%F %T"))
        });
        fields.push(("Time", between.unwrap_or_default()));
        let link = self
            .links
            .console
            .as_ref()
            .map(|console| format!("{}/events", console.trim_end_matches('/')));
        self.compose(&title, &fields, "", link.as_deref(), called, id)
    }

    /// Puts labels, fields and message together. The values of fields and the message are text of others.
    fn compose(
        &self,
        title: &str,
        fields: &[(&str, String)],
        message: &str,
        link: Option<&str>,
        called: &Called,
        id: &str,
    ) -> Value {
        let mut short = sha256(id);
        short.truncate(8);
        let mentions = mentions(called);
        if self.kind == Kind::Text {
            let mut text = String::new();
            for label in &self.labels {
                line(&mut text, label);
            }
            line(&mut text, &letters(title));
            for (name, value) in
                fields.iter().filter(|(name, _)| *name != "Level" && *name != "Reason")
            {
                let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
                line(&mut text, &format!("{name}{}", letters(value)));
            }
            if !message.is_empty() {
                line(&mut text, &letters(message));
            }
            link.iter().for_each(|link| line(&mut text, link));
            line(&mut text, &format!("#{short}"));
            text.push_str(&mentions);
            return json!({ "msgtype": "text", "text": { "content": text }, "at": at(called) });
        }
        // A single line break is none in their markdown.
        let mut text = format!("### {}\n\n", unmarked(title));
        if !self.labels.is_empty() {
            let labels: Vec<_> =
                self.labels.iter().map(|label| format!("**{}**", unmarked(label))).collect();
            text.push_str(&format!("{}\n\n", labels.join(" ")));
        }
        for (name, value) in fields {
            let value = unmarked(value);
            // A list ends with an empty line.
            if !name.is_empty() && !text.ends_with("\n\n") {
                text.push('\n');
            }
            match (*name, link) {
                ("", _) => text.push_str(&format!("- {value}\n")),
                ("Object", Some(link)) => {
                    text.push_str(&format!("**{name}** [{value}]({link})\n\n"));
                }
                _ => text.push_str(&format!("**{name}** {value}\n\n")),
            }
        }
        if !message.is_empty() {
            text.push_str(&format!("> {}\n\n", unmarked(message)));
        }
        text.push_str(&format!("\n\n#{short}"));
        text.push_str(&mentions);
        let title = letters(&cut(title, 120));
        match (self.kind, link) {
            (Kind::ActionCard, Some(link)) => json!({
                "msgtype": "actionCard",
                "actionCard": { "title": title, "text": text, "btnOrientation": "0", "singleTitle": "Details", "singleURL": link },
            }),
            _ => {
                json!({ "msgtype": "markdown", "markdown": { "title": title, "text": text }, "at": at(called) })
            }
        }
    }

    /// The page of what an event is about.
    fn link(&self, event: &Event) -> Option<String> {
        let object = event.object();
        let pod = event.pod().filter(|pod| !pod.namespace.is_empty());
        if let Some(console) = &self.links.console {
            let console = console.trim_end_matches('/');
            let cluster = encoded(&event.cluster().id);
            return Some(match (pod, object.kind) {
                (Some(pod), _) => format!(
                    "{console}/pods/{cluster}/{}/{}",
                    encoded(pod.namespace),
                    encoded(pod.name)
                ),
                (None, "Node") => format!("{console}/nodes/{cluster}/{}", encoded(object.name)),
                _ => format!(
                    "{console}/events?query={}",
                    encoded(&format!("uid : {}", quoted(event.uid())))
                ),
            });
        }
        let ack = self.links.ack.as_ref()?;
        // A name that closes the link would begin one of its own.
        let (namespace, name) = (encoded(object.namespace), encoded(object.name));
        legacy::console(&ack.region, &ack.cluster_id, &namespace, object.kind, &name)
    }
}

/// The same for the same events, whichever attempt it is.
fn delivery_id(batch: &Batch) -> String {
    match batch.events() {
        [event] => event.occurrence_key(),
        events => {
            let keys: Vec<_> = events.iter().map(|event| event.occurrence_key()).collect();
            sha256(&keys.join("\n"))
        }
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// At most so many bytes, cut on a character, and said so.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let (kept, gone) = text.split_at(end);
    format!("{kept}… ({} bytes more)", gone.len())
}

/// Nobody is called by the text of others.
fn letters(text: &str) -> String {
    plain(text).replace('@', "＠")
}

/// The same, and nothing in it is markdown.
fn unmarked(text: &str) -> String {
    let mut unmarked = String::with_capacity(text.len());
    for c in letters(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '!' | '|' | '~') {
            unmarked.push('\\');
        }
        unmarked.push(c);
    }
    unmarked
}

/// Whom `at` calls must stand in the text as well.
fn mentions(called: &Called) -> String {
    let mut text = String::new();
    for who in called.mobiles.iter().chain(&called.users) {
        // Writing to a String cannot fail.
        write!(text, " @{who}").ok();
    }
    text
}

fn at(called: &Called) -> Value {
    json!({ "atMobiles": called.mobiles, "atUserIds": called.users, "isAtAll": called.all })
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use eventcenter_core::testing::events;

    use super::super::Ack;
    use super::*;

    fn writer(kind: Kind) -> Writer {
        let links = Links { console: Some("https://events.example.org/".to_owned()), ack: None };
        Writer::new(kind, Layout::Eventcenter, vec!["prod".to_owned()], links)
    }

    fn written(kind: Kind, batch: &Batch) -> String {
        let body = writer(kind).write(batch, &Called::default());
        serde_json::to_string_pretty(&serde_json::from_slice::<Value>(&body).unwrap()).unwrap()
    }

    #[test]
    fn messages_look_like_this() {
        let batch = events::ordinary().into();
        insta::assert_snapshot!("text", written(Kind::Text, &batch));
        insta::assert_snapshot!("markdown", written(Kind::Markdown, &batch));
        insta::assert_snapshot!("action_card", written(Kind::ActionCard, &batch));
        let many = Batch::new(events::many(40)).unwrap();
        insta::assert_snapshot!("digest", written(Kind::Markdown, &many));
    }

    #[test]
    fn every_message_fits_and_says_what_was_cut() {
        for event in events::standard() {
            for kind in [Kind::Text, Kind::Markdown, Kind::ActionCard] {
                let body = writer(kind).write(&event.clone().into(), &Called::default());
                assert!(body.len() <= MOST, "{}: {} bytes", event.name(), body.len());
            }
        }
        assert_eq!(cut("磁盘已满", 7), "磁盘… (6 bytes more)");
        assert_eq!(cut("磁盘已满", 12), "磁盘已满");
    }

    #[test]
    fn nobody_is_called_and_nothing_is_marked_up_by_the_text_of_others() {
        assert_eq!(letters("@all \u{202e}x"), "＠all �x");
        let hostile = unmarked("[click](http://x) **bold** ![](y) <at user_id=all> # @所有人");
        assert_eq!(
            hostile,
            r"\[click\](http://x) \*\*bold\*\* \!\[\](y) \<at user\_id=all\> \# ＠所有人"
        );
    }

    #[test]
    fn no_name_of_others_ends_a_link_of_ours() {
        let cluster = eventcenter_core::Cluster { id: "c1".to_owned(), name: "prod".to_owned() };
        let document = json!({
            "metadata": { "name": "e", "namespace": "shop", "uid": "1" },
            "involvedObject": { "kind": "Pod", "namespace": "shop", "name": "a) [log in](http://evil" },
            "reason": "Failed",
        });
        let event = Event::from_kubernetes(
            &cluster.into(),
            document.to_string().into(),
            jiff::Timestamp::UNIX_EPOCH,
        );
        let batch = std::sync::Arc::new(event.unwrap()).into();
        let ack = Some(Ack::new("c123", "cn-hangzhou"));
        let console = Some("https://events.example.org".to_owned());
        for links in [Links { console: None, ack }, Links { console, ack: None }] {
            let writer = Writer::new(Kind::Markdown, Layout::Eventcenter, Vec::new(), links);
            let body = writer.write(&batch, &Called::default());
            let message: Value = serde_json::from_slice(&body).unwrap();
            let text = message["markdown"]["text"].as_str().unwrap();
            assert_eq!(text.matches("](").count() - text.matches("\\](").count(), 1, "{text}");
            let (_, link) = text.rsplit_once("](").unwrap();
            let link = link.split(')').next().unwrap();
            assert!(link.contains("a%29%20%5Blog%20in%5D%28http%3A%2F%2Fevil"), "{text}");
        }
    }

    #[test]
    fn who_is_called_stands_in_the_text_too() {
        let called = Called {
            mobiles: ["138".to_owned()].into(),
            users: ["u1".to_owned()].into(),
            all: true,
        };
        let body = writer(Kind::Markdown).write(&events::ordinary().into(), &called);
        let message: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            message["at"],
            json!({ "atMobiles": ["138"], "atUserIds": ["u1"], "isAtAll": true })
        );
        assert!(message["markdown"]["text"].as_str().unwrap().ends_with(" @138 @u1"));
    }

    #[test]
    fn a_repeated_message_has_the_same_id() {
        // As after a restart: from documents that are read again.
        let many = |count| Batch::new(events::many(count)).unwrap();
        assert_eq!(delivery_id(&many(1)), delivery_id(&many(1)));
        assert_eq!(delivery_id(&many(2)), delivery_id(&many(2)));
        let ids: std::collections::BTreeSet<_> = (1..=3).map(|n| delivery_id(&many(n))).collect();
        assert_eq!(ids.len(), 3, "other events have other ids");
    }
}
