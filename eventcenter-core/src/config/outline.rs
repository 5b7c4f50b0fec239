//! The places of all keys of a document. Read only when there is an error to locate, so that no value of the
//! configuration has to carry its place around.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::key_path::{KeyPath, Step};
use super::yaml::options;

pub(super) struct Outline(Spanned<Node>);

enum Node {
    Scalar,
    List(Vec<Spanned<Self>>),
    Map(Vec<(String, Spanned<Self>)>),
}

impl Outline {
    /// None if the text is no YAML.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_saphyr::from_str_with_options(text, options()).ok().map(Self)
    }

    /// Line and column of the value at this path, or of the innermost one on the way to it that is there.
    pub(super) fn place(&self, path: &KeyPath) -> Option<(u64, u64)> {
        let mut at = &self.0;
        for step in path.steps() {
            let next = match (step, &at.value) {
                (Step::Key(key), Node::Map(entries)) => {
                    entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
                }
                (Step::Index(index), Node::List(items)) => items.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            at = next;
        }
        let place = at.referenced;
        (place.line() > 0).then(|| (place.line(), place.column()))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeVisitor;

        impl<'de> Visitor<'de> for NodeVisitor {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Map(entries))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
                IgnoredAny::deserialize(deserializer).map(|_| Node::Scalar)
            }
        }

        deserializer.deserialize_any(NodeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_or_what_it_is_missing_from() {
        let text =
            "a: 1\nsinks:\n  - name: x\n    file: {path: /y, size: 0755}\n  - {name: z}\nn:\n";
        let outline = Outline::read(text).unwrap();
        let sink = |index| KeyPath::root().key("sinks").index(index);
        for (path, place) in [
            (KeyPath::root(), (1, 1)),
            (KeyPath::root().key("a"), (1, 4)),
            (sink(0), (3, 5)),
            (sink(0).key("file").key("path"), (4, 18)),
            (sink(0).key("file").key("nope"), (4, 11)),
            (sink(1).key("name"), (5, 12)),
            (sink(2), (3, 3)),
        ] {
            assert_eq!(outline.place(&path), Some(place), "{path}");
        }
        assert!(Outline::read("a: [").is_none());
    }
}
