//! Sizes as people write them.

use serde::{Deserialize, Deserializer, de};

/// Reads `100MiB`, `64kB` or a plain number of bytes. For `#[serde(deserialize_with)]`.
pub(crate) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size, such as 100MiB")]
    enum Size {
        Bytes(u64),
        Text(String),
    }

    match Size::deserialize(deserializer)? {
        Size::Bytes(bytes) => Ok(bytes),
        Size::Text(text) => parse(&text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is no size, such as 100MiB"))),
    }
}

fn parse(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let sizes =
            ["0", "100MiB", "64 kB", "1GiB", "MiB", "1TB", "-1", "99999999999GiB"].map(parse);
        let expected =
            [Some(0), Some(104_857_600), Some(64_000), Some(1 << 30), None, None, None, None];
        assert_eq!(sizes, expected);
    }
}
