//! Bytes of other encoders are read; what breaks a rule is refused by its own code.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// Made by the official C++ client, which puts the nanoseconds before the contents.
#[test]
fn a_group_of_another_encoder_is_read() {
    let bytes = bytes(
        "0a130894c3d4f905259373c92912060a01611201620a130893fb90ab062594579a2312060a01621201611a00\
         22093132382e392e392e3132060a013412013532060a0136120137",
    );
    let group = group(&bytes, 2).unwrap();
    let first = Log::new(1_597_317_524).nanoseconds(701_068_179).with("a", "b");
    let second = Log::new(1_701_068_179).nanoseconds(597_317_524).with("b", "a");
    assert_eq!(group.logs, [first, second]);
    assert_eq!((group.topic.as_deref(), group.source.as_deref()), (Some(""), Some("128.9.9.1")));
    assert_eq!(group.tags, [("4".into(), "5".into()), ("6".into(), "7".into())]);
}

fn code(hex: &str) -> String {
    group(&bytes(hex), 1).unwrap_err().code
}

#[test]
fn what_is_required_must_be_there() {
    // A log without a time, a pair without a value, a pair without a key.
    assert_eq!(code("0a0812060a0161120162"), "PostBodyInvalid");
    assert_eq!(code("0a07080112030a0161"), "PostBodyInvalid");
    assert_eq!(code("0a0708011203120161"), "PostBodyInvalid");
    assert!(group(&bytes("0a0a080112060a0161120162"), 1).is_ok());
}

#[test]
fn what_is_wrong_is_refused() {
    assert_eq!(code("0a0a080112060a01611201"), "PostBodyInvalid", "cut off");
    assert_eq!(code("0a0a080112060a0161120162ff"), "PostBodyInvalid", "a tag that does not end");
    assert_eq!(code("0a0a080112060a01611201a0"), "InvalidEncoding");
    assert_eq!(code("0a09080112050a00120162"), "InvalidKey");
    assert_eq!(code("0a0208010a020801"), "PostBodyTooLarge", "two logs where one may be");
    assert_eq!(code("0aff"), "PostBodyInvalid");
    assert_eq!(code("00"), "PostBodyInvalid", "field 0");
    assert_eq!(code("0b0c"), "PostBodyInvalid", "a deprecated group");
    assert_eq!(code("0affffffffffffffffff01"), "PostBodyInvalid", "a length of 2^64 - 1");
    assert_eq!(code("0affffffffffffffffff7f"), "PostBodyInvalid", "a length of more than 64 bits");
}

#[test]
fn unknown_fields_are_passed_over() {
    // 20: a varint; 21: eight bytes; 22: text; 23: four bytes.
    let unknown = "a00101a9010000000000000000b2010161bd0100000000";
    let bytes = bytes(&format!("{unknown}0a020801{unknown}"));
    assert_eq!(group(&bytes, 1).unwrap().logs, [Log::new(1)]);
}

#[test]
fn a_list_holds_its_groups() {
    let groups = [vec![1; 3], vec![2; 200], vec![3; 20_000]];
    let list = list(groups.iter().map(Vec::as_slice));
    let mut reader = Reader(&list);
    for group in &groups {
        assert!(
            matches!(reader.field().unwrap(), Some((1, Field::Bytes(found))) if found == group)
        );
    }
    assert!(reader.field().unwrap().is_none());
}
