//! A place in a list, as clients hand it back: `t<time>.<row>` or `m<mark>`, in hexadecimal. Opaque to them.

use eventcenter_store::ask::{Key, Mark, RowId};
use jiff::Timestamp;

pub(crate) fn encode(key: Key) -> String {
    match key {
        Key::Time(time, RowId(row)) => format!("t{:x}.{row:x}", time.as_nanosecond()),
        Key::Mark(Mark(mark)) => format!("m{mark:x}"),
    }
}

/// None if it is none of ours.
pub(crate) fn decode(text: &str) -> Option<Key> {
    if let Some(mark) = text.strip_prefix('m') {
        return u64::from_str_radix(mark, 16).ok().map(|mark| Key::Mark(Mark(mark)));
    }
    let (time, row) = text.strip_prefix('t')?.split_once('.')?;
    let time = Timestamp::from_nanosecond(i128::from_str_radix(time, 16).ok()?).ok()?;
    Some(Key::Time(time, RowId(i64::from_str_radix(row, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        let time: Timestamp = "2026-11-25T01:02:03.000004Z".parse().unwrap();
        for key in [
            Key::Time(time, RowId(7)),
            Key::Time(Timestamp::UNIX_EPOCH, RowId(0)),
            Key::Mark(Mark(u64::MAX)),
        ] {
            assert_eq!(decode(&encode(key)), Some(key));
        }
        for bad in ["", "t", "m", "t1", "mxyz", "t1.z", "tffffffffffffffffffffffffffffffff.1", "é"]
        {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
