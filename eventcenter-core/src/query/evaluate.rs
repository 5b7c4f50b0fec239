//! Whether one event is meant.

use super::text::{TokenPattern, tokens};
use super::tree::{Field, Node};
use crate::event::Event;

pub(super) fn matches(node: &Node, event: &Event) -> bool {
    match node {
        Node::All => true,
        Node::Words { field: Field::Message, words } => stand_in(words, event.message()),
        Node::Words { field: Field::Any, words } => {
            let texts = [event.message(), event.reason(), event.object().name];
            texts.into_iter().any(|text| stand_in(words, text))
        }
        Node::Value { key, value } => key.any(event, |text| value.matches(text)),
        Node::Level(levels) => levels.contains(&event.level()),
        Node::Count { least, most } => (*least..=*most).contains(&u64::from(event.count())),
        Node::Not(inner) => !matches(inner, event),
        Node::And(parts) => parts.iter().all(|part| matches(part, event)),
        Node::Or(parts) => parts.iter().any(|part| matches(part, event)),
    }
}

/// Whether the words stand side by side in the text.
fn stand_in(words: &[TokenPattern], text: &str) -> bool {
    let mut from = tokens(text);
    loop {
        let mut here = from.clone();
        if words.iter().all(|word| here.next().is_some_and(|token| word.matches(token))) {
            return true;
        }
        if from.next().is_none() {
            return false;
        }
    }
}
