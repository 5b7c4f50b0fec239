//! A log as it is answered: names and texts, in the order of the answer.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A log, or a row of SQL. Values are texts; what is not one is written as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(pub Vec<(String, String)>);

impl Row {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The time of a log (`__time__`), in seconds since 1970.
    pub fn time(&self) -> Option<i64> {
        self.get("__time__")?.parse().ok()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a log")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Row, M::Error> {
                let mut row = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let value = match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    row.push((name, value));
                }
                Ok(Row(row))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_its_order_and_writes_what_is_no_text_as_json() {
        let json = r#"{"z":"1","a":null,"m":2.5,"__time__":"1700000000","o":{"k":[1]}}"#;
        let row: Row = serde_json::from_str(json).unwrap();
        let names: Vec<_> = row.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["z", "a", "m", "__time__", "o"]);
        assert_eq!((row.get("a"), row.get("m")), (Some("null"), Some("2.5")));
        assert_eq!((row.get("o"), row.get("x")), (Some(r#"{"k":[1]}"#), None));
        assert_eq!(row.time(), Some(1_700_000_000));
        let again: Row = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        assert_eq!(again, row);
    }
}
