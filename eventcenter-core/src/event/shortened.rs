//! An event without what makes it large, for a receiver that refuses it as it is.
//!
//! | what | becomes |
//! |---|---|
//! | a string of more than 1 KiB, such as the message | its beginning, cut on a character, and `… (N bytes more)` |
//! | `managedFields` | nothing |
//! | labels, annotations | nothing, if they have more than 4 KiB |
//!
//! The annotation `eventcenter/shortened` says how many bytes the whole document had. Keys and times stay, so a receiver
//! that recognises repeats recognises it.

use serde_json::{Map, Value};

use super::Event;

/// Of a string, in bytes.
const MOST: usize = 1 << 10;
/// Of all labels or all annotations, as JSON, in bytes.
const MOST_MARKS: usize = 4 << 10;
const MARK: &str = "eventcenter/shortened";

impl Event {
    /// The event without what makes it large; none if that would be no shorter, or was done already.
    pub fn shortened(&self) -> Option<Self> {
        if self.annotations().any(|(key, _)| key == MARK) {
            return None;
        }
        let mut document: Map<String, Value> = serde_json::from_str(&self.text).ok()?;
        let metadata = document.get_mut("metadata")?.as_object_mut()?;
        metadata.remove("managedFields");
        for marks in ["labels", "annotations"] {
            let is_large =
                metadata.get(marks).is_some_and(|value| value.to_string().len() > MOST_MARKS);
            if is_large {
                metadata.remove(marks);
            }
        }
        document.values_mut().for_each(cut);
        let annotations = document.get_mut("metadata")?.as_object_mut()?.entry("annotations");
        let said = format!("the whole document has {} bytes", self.raw.len());
        annotations
            .or_insert_with(|| Map::new().into())
            .as_object_mut()?
            .insert(MARK.to_owned(), said.into());
        let shorter =
            serde_json::to_vec(&document).ok().filter(|text| text.len() < self.raw.len())?;
        Self::from_kubernetes(&self.cluster, shorter.into(), self.received).ok()
    }
}

/// Cuts every long string in `value`.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > MOST => {
            let end = text.floor_char_boundary(MOST);
            let gone = text.len() - end;
            text.truncate(end);
            text.push_str(&format!("… ({gone} bytes more)"));
        }
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Object(fields) => fields.values_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use crate::event::{Cluster, Event};
    use crate::testing::events;

    #[test]
    fn what_is_left_says_what_it_was_and_how_much_is_gone() {
        let whole = events::huge();
        let short = whole.shortened().unwrap();
        assert!(short.raw().len() < 4096, "{}", short.text());
        assert!(short.message().ends_with("bytes more)"), "{}", short.message());
        assert_eq!(short.occurrence_key(), whole.occurrence_key());
        assert_eq!((short.time(), short.reason()), (whole.time(), whole.reason()));
        let said = format!("the whole document has {} bytes", whole.raw().len());
        assert!(short.annotations().any(|mark| mark == ("eventcenter/shortened", &said)));
    }

    #[test]
    fn a_character_is_cut_as_a_whole_and_large_marks_go() {
        let labels: Vec<_> = (0..10_000).map(|n| format!(r#""l{n}":"v""#)).collect();
        let document = format!(
            r#"{{"metadata":{{"uid":"u","resourceVersion":"7","labels":{{{}}}}},"message":"x{}"}}"#,
            labels.join(","),
            "中".repeat(5_000)
        );
        let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
        let whole =
            Event::from_kubernetes(&cluster, document.into(), Timestamp::UNIX_EPOCH).unwrap();
        let short = whole.shortened().unwrap();
        assert!(short.raw().len() < 2048, "{}", short.raw().len());
        assert_eq!(short.message(), format!("x{}… (13977 bytes more)", "中".repeat(341)));
        assert_eq!(short.labels().count(), 0);
    }

    #[test]
    fn what_is_short_already_is_not_made_shorter() {
        assert!(
            events::ordinary()
                .shortened()
                .is_none_or(|short| { short.raw().len() < events::ordinary().raw().len() })
        );
        let short = events::huge().shortened().unwrap();
        assert!(short.shortened().is_none());
    }
}
