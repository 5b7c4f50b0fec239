//! Times in SQL, as SLS's functions take and give them. UTC throughout.
//!
//! A time is a number of seconds since 1970 (`__time__`), or text: `2026-11-25 01:02:03`, with or without a fraction,
//! `T` and `Z`. What is neither is NULL.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;

/// The time that a value stands for.
pub(super) fn time(value: ValueRef<'_>) -> Option<Timestamp> {
    match value {
        ValueRef::Integer(seconds) => Timestamp::from_second(seconds).ok(),
        ValueRef::Real(seconds) => Timestamp::UNIX_EPOCH
            .checked_add(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?)
            .ok(),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).ok()?;
            text.parse::<Timestamp>().ok().or_else(|| {
                let civil: DateTime = text.parse().ok()?;
                civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
            })
        }
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

/// `2026-11-25 01:02:03`.
pub(super) fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// MySQL's letters, which SLS's `date_format` takes, and as many as people use.
pub(super) fn formatted(at: Timestamp, format: &str) -> Option<String> {
    let mut translated = String::with_capacity(format.len() + 8);
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            translated.push(letter);
            continue;
        }
        translated.push_str(match letters.next()? {
            'Y' => "%Y",
            'y' => "%y",
            'm' => "%m",
            'c' => "%-m",
            'd' => "%d",
            'e' => "%-d",
            'j' => "%j",
            'H' => "%H",
            'k' => "%-H",
            'h' | 'I' => "%I",
            'l' => "%-I",
            'i' => "%M",
            's' | 'S' => "%S",
            'f' => "%6f",
            'p' => "%p",
            'a' => "%a",
            'W' => "%A",
            'b' => "%b",
            'M' => "%B",
            'w' => "%w",
            'T' => "%H:%M:%S",
            'r' => "%I:%M:%S %p",
            'v' => "%V",
            'x' => "%G",
            '%' => "%%",
            _ => return None,
        });
    }
    let zoned = at.to_zoned(TimeZone::UTC);
    jiff::fmt::strtime::format(&translated, &zoned).ok()
}

/// The beginning of the unit that a time lies in.
pub(super) fn truncated(unit: &str, at: Timestamp) -> Option<Timestamp> {
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        // 1970 began on a Thursday; weeks begin on Mondays.
        "week" => return bucket(at, 604_800, 4 * 86_400),
        unit @ ("month" | "quarter" | "year") => {
            let date = at.to_zoned(TimeZone::UTC).date();
            let month = match unit {
                "month" => date.month(),
                "quarter" => (date.month() - 1) / 3 * 3 + 1,
                _ => 1,
            };
            let first = jiff::civil::Date::new(date.year(), month, 1).ok()?;
            return first.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        }
        _ => return None,
    };
    bucket(at, seconds, 0)
}

/// The beginning of the window that a time lies in: `30s`, `5m`, `1h`, `1d`.
pub(super) fn windowed(window: &str, at: Timestamp) -> Option<Timestamp> {
    let (number, unit) = window.trim().split_at_checked(window.trim().len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok().filter(|number| *number > 0)?.checked_mul(unit)?;
    bucket(at, seconds, 0)
}

fn bucket(at: Timestamp, seconds: i64, offset: i64) -> Option<Timestamp> {
    let begin = (at.as_second() - offset).div_euclid(seconds).checked_mul(seconds)? + offset;
    Timestamp::from_second(begin).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        time(ValueRef::Text(text.as_bytes())).expect("a time")
    }

    #[test]
    fn numbers_and_text_are_times() {
        let expected = "2026-11-25 01:02:03";
        assert_eq!(text(time(ValueRef::Integer(1_795_568_523)).expect("a time")), expected);
        assert_eq!(text(time(ValueRef::Real(1_795_568_523.5)).expect("a time")), expected);
        for written in [
            expected,
            "2026-11-25T01:02:03Z",
            "2026-11-25T01:02:03.25",
            "2026-11-25T09:02:03+08:00",
        ] {
            assert_eq!(text(at(written)), expected, "{written}");
        }
        assert_eq!(time(ValueRef::Text(b"yesterday")), None);
        assert_eq!(time(ValueRef::Integer(i64::MAX)), None);
        assert_eq!(time(ValueRef::Real(f64::NAN)), None);
    }

    #[test]
    fn formats_are_those_of_mysql() {
        let time = at("2026-11-25 13:02:03");
        let cases = [
            ("%Y-%m-%d %H:%i:%s", Some("2026-11-25 13:02:03")),
            ("%H:%i", Some("13:02")),
            ("%c/%e %l %p %%", Some("11/25 1 PM %")),
            ("%T %f", Some("13:02:03 000000")),
            ("%Q", None),
            ("%", None),
            ("时间", Some("时间")),
        ];
        for (format, expected) in cases {
            assert_eq!(formatted(time, format).as_deref(), expected, "{format}");
        }
    }

    #[test]
    fn units_and_windows_begin_where_they_should() {
        let time = at("2026-11-25 13:02:03");
        let cases = [
            ("hour", "2026-11-25 13:00:00"),
            ("Day", "2026-11-25 00:00:00"),
            ("week", "2026-11-23 00:00:00"),
            ("month", "2026-11-01 00:00:00"),
            ("quarter", "2026-10-01 00:00:00"),
            ("year", "2026-01-01 00:00:00"),
        ];
        for (unit, begin) in cases {
            assert_eq!(truncated(unit, time).map(text).as_deref(), Some(begin), "{unit}");
        }
        assert_eq!(truncated("century", time), None);
        assert_eq!(windowed("5m", time).map(text).as_deref(), Some("2026-11-25 13:00:00"));
        assert_eq!(windowed("30s", time).map(text).as_deref(), Some("2026-11-25 13:02:00"));
        for window in ["", "m", "0m", "-1m", "5w", "5", "9223372036854775807d", "５m", "m５"] {
            assert_eq!(windowed(window, time), None, "{window}");
        }
    }
}
