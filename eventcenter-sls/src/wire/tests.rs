//! Against the bytes of official clients, and against prost.

use proptest::prelude::*;
use prost::Message as _;

use super::*;

/// The messages once more, for another implementation.
mod theirs {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Pair {
        #[prost(string, required, tag = "1")]
        pub(super) key: String,
        #[prost(string, required, tag = "2")]
        pub(super) value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Log {
        #[prost(uint32, required, tag = "1")]
        pub(super) time: u32,
        #[prost(message, repeated, tag = "2")]
        pub(super) contents: Vec<Pair>,
        #[prost(fixed32, optional, tag = "4")]
        pub(super) time_ns: Option<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct LogGroup {
        #[prost(message, repeated, tag = "1")]
        pub(super) logs: Vec<Log>,
        #[prost(string, optional, tag = "2")]
        pub(super) category: Option<String>,
        #[prost(string, optional, tag = "3")]
        pub(super) topic: Option<String>,
        #[prost(string, optional, tag = "4")]
        pub(super) source: Option<String>,
        #[prost(string, optional, tag = "5")]
        pub(super) machine_uuid: Option<String>,
        #[prost(message, repeated, tag = "6")]
        pub(super) tags: Vec<Pair>,
    }
}

const PB1: &str = "0a130894c3d4f905259373c92912060a01611201621a0022093132382e392e392e3132060a013412013532060a0136120137";
const PB2: &str = "0a130894c3d4f905259373c92912060a01611201620a130893fb90ab062594579a2312060a01621201611a0022093132382e392e392e3132060a013412013532060a0136120137";
const PB3: &str = "0a190894c3d4f90512060a016112016212090a02323212036162631a0568656c6c6f22093132372e302e302e3132060a013412013532060a0136120137";
const PB4: &str = "0a300894c3d4f90512060a016112016212090a023232120361626312060a0163120164120d0a01781208616263a0616266611a0568656c6c6f22093132372e302e302e31320c0a057461675f6b1203747878";
const PB5: &str = "0a1908e80712140a076d6f636b4b657912096d6f636b56616c75651a0974657374546f70696322093132372e302e302e31";
const LIST: &str = "0a320a1e08f8b2939e0512160a07546573744b6579120b54657374436f6e74656e741a00220e31302e3233302e3230312e313137";
pub(crate) const E0: &str = "0a88010880e2cfaa0612120a08686f73746e616d6512066e6f64652d3112100a056c6576656c12075761726e696e67120e0a06706f645f696412043866336312110a08706f645f6e616d6512057765622d3012320a076576656e74496412277b22726561736f6e223a224261636b4f6666222c226d657373616765223a22e9878de590af227d2515cd5b071a096b38732d6576656e74220831302e302e302e3132210a0b5f5f7061636b5f69645f5f1212303132333435363738394142434445462d30320d0a07636c757374657212026331";

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn e0() -> LogGroup<'static> {
    let log = Log::new(1_700_000_000)
        .nanoseconds(123_456_789)
        .with("hostname", "node-1")
        .with("level", "Warning")
        .with("pod_id", "8f3c")
        .with("pod_name", "web-0")
        .with("eventId", r#"{"reason":"BackOff","message":"重启"}"#);
    LogGroup::new()
        .log(log)
        .topic("k8s-event")
        .source("10.0.0.1")
        .tag("__pack_id__", "0123456789ABCDEF-0")
        .tag("cluster", "c1")
}

#[test]
fn an_event_is_encoded_byte_for_byte() {
    assert_eq!(hex(&e0().encode()), E0);
}

#[test]
fn logs_without_nanoseconds_are_encoded_as_official_clients_do() {
    let hello = LogGroup::new()
        .log(Log::new(1_597_317_524).with("a", "b").with("22", "abc"))
        .topic("hello")
        .source("127.0.0.1")
        .tag("4", "5")
        .tag("6", "7");
    assert_eq!(hex(&hello.encode()), PB3);
    let mock = LogGroup::new()
        .log(Log::new(1000).with("mockKey", "mockValue"))
        .topic("testTopic")
        .source("127.0.0.1");
    assert_eq!(hex(&mock.encode()), PB5);
}

#[test]
fn nanoseconds_are_read_wherever_they_stand() {
    let first = Log::new(1_597_317_524).nanoseconds(701_068_179).with("a", "b");
    let second = Log::new(1_701_068_179).nanoseconds(597_317_524).with("b", "a");
    let group = LogGroup::new().log(first).topic("").source("128.9.9.1");
    let group = group.tag("4", "5").tag("6", "7");
    assert_eq!(LogGroup::decode(&unhex(PB1)).unwrap(), group);
    assert_eq!(LogGroup::decode(&unhex(PB2)).unwrap(), group.log(second));
}

#[test]
fn text_that_is_not_utf8_is_read_with_replacements() {
    let bytes = unhex(PB4);
    let group = LogGroup::decode(&bytes).unwrap();
    assert_eq!(group.logs[0].get("x"), Some("abc\u{fffd}abfa"));
    assert_eq!(group.logs[0].get("c"), Some("d"));
}

#[test]
fn a_list_of_groups_is_read() {
    let bytes = unhex(LIST);
    let groups = LogGroup::decode_list(&bytes, 1).unwrap();
    let log = Log::new(1_405_409_656).with("TestKey", "TestContent");
    assert_eq!(groups, [LogGroup::new().log(log).topic("").source("10.230.201.117")]);
    assert_eq!(groups[0].encode(), bytes[2..]);
}

#[test]
fn a_list_has_no_more_groups_than_were_asked_for() {
    // Each two bytes are an empty group, which takes sixty times as much.
    assert_eq!(size_of::<LogGroup<'_>>(), 120);
    let bytes = [field::LOGS, 0].repeat(3);
    assert_eq!(LogGroup::decode_list(&bytes, 3).unwrap().len(), 3);
    let error = LogGroup::decode_list(&bytes, 2).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Protocol);
}

#[test]
fn what_is_read_borrows() {
    let bytes = unhex(E0);
    let group = LogGroup::decode(&bytes).unwrap();
    assert!(matches!(group.topic, Some(Cow::Borrowed(_))));
    assert_eq!(group.into_owned(), e0());
}

#[test]
fn fields_of_the_future_are_skipped() {
    // Numbers 99 (bytes), 16 (varint), 17 (64 bits), 18 (32 bits), and the unused Category.
    let future = "9a0603616263 8001ffffffff0f 8901 0102030405060708 950101020304 120178";
    let mut bytes = unhex(&future.replace(' ', ""));
    bytes.extend(unhex(PB5));
    assert_eq!(hex(&LogGroup::decode(&bytes).unwrap().encode()), PB5);
}

#[test]
fn what_is_no_group_is_refused() {
    for (bytes, said) in [
        ("0a", "cut off"),
        ("0aff", "cut off"),
        ("0a05", "beyond the end"),
        ("0affffffffffffffffff01", "beyond the end"),
        ("0affffffffffffffffffff01", "too long"),
        ("0a00", "no time"),
        ("0a06 08ffffffff1f", "too large"),
        ("0a06 0801 1208 0a00", "beyond the end"),
        ("0a07 0801 1203 0a0161", "value is missing"),
        ("3203 120161", "key or a value"),
        ("0b", "no such type"),
        ("0000", "no such field number"),
        ("8d", "cut off"),
    ] {
        let bytes = unhex(&bytes.replace(' ', ""));
        let error = LogGroup::decode(&bytes).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Protocol);
        assert!(error.message().contains(said), "{}: {error}", hex(&bytes));
    }
}

#[test]
fn every_prefix_of_a_group_is_refused_or_shorter() {
    let bytes = unhex(E0);
    for end in 0..bytes.len() {
        if let Ok(group) = LogGroup::decode(&bytes[..end]) {
            assert!(group.encoded_len() <= end);
        }
    }
}

#[test]
fn an_encoder_knows_its_size_and_begins_anew_in_the_same_memory() {
    let mut encoder = Encoder::default();
    for round in 0..3 {
        let contents = [("key", "value"), ("empty", "")];
        let cost = Encoder::cost(round, Some(7), contents);
        encoder.push(round, Some(7), contents);
        assert_eq!((encoder.bytes().len(), encoder.logs()), (cost, 1));
        encoder.append(&e0());
        assert_eq!(encoder.bytes().len(), cost + e0().encoded_len());
        assert_eq!(encoder.logs(), 2);
        let group = LogGroup::decode(encoder.bytes()).unwrap();
        assert_eq!(
            group.logs[0],
            Log::new(round).nanoseconds(7).with("key", "value").with("empty", "")
        );
        assert_eq!(group.logs[1], e0().logs[0]);
        encoder.clear();
        assert_eq!((encoder.bytes().len(), encoder.logs()), (0, 0));
    }
}

fn theirs(group: &LogGroup<'_>) -> theirs::LogGroup {
    let pairs = |pairs: &[(Cow<'_, str>, Cow<'_, str>)]| {
        let pair = |(key, value): &(Cow<'_, str>, Cow<'_, str>)| theirs::Pair {
            key: key.to_string(),
            value: value.to_string(),
        };
        pairs.iter().map(pair).collect()
    };
    let log = |log: &Log<'_>| theirs::Log {
        time: log.time,
        contents: pairs(&log.contents),
        time_ns: log.time_ns,
    };
    theirs::LogGroup {
        logs: group.logs.iter().map(log).collect(),
        category: None,
        topic: group.topic.as_deref().map(str::to_owned),
        source: group.source.as_deref().map(str::to_owned),
        machine_uuid: group.machine_uuid.as_deref().map(str::to_owned),
        tags: pairs(&group.tags),
    }
}

fn any_pair() -> impl Strategy<Value = (Cow<'static, str>, Cow<'static, str>)> {
    ("\\PC{0,9}", prop_oneof!["\\PC{0,20}", "[a-z]{120,140}"])
        .prop_map(|(key, value)| (key.into(), value.into()))
}

prop_compose! {
    fn any_log()(
        time: u32,
        time_ns: Option<u32>,
        contents in prop::collection::vec(any_pair(), 0..5),
    ) -> Log<'static> {
        Log { time, time_ns, contents }
    }
}

prop_compose! {
    fn any_group()(
        logs in prop::collection::vec(any_log(), 0..5),
        topic: Option<String>,
        source: Option<String>,
        machine_uuid: Option<String>,
        tags in prop::collection::vec(any_pair(), 0..3),
    ) -> LogGroup<'static> {
        let [topic, source, machine_uuid] = [topic, source, machine_uuid].map(|text| text.map(Cow::from));
        LogGroup { logs, topic, source, machine_uuid, tags }
    }
}

proptest! {
    #[test]
    fn another_implementation_reads_and_writes_the_same(group in any_group()) {
        let bytes = group.encode();
        prop_assert_eq!(bytes.len(), group.encoded_len());
        let read = theirs::LogGroup::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(&read, &theirs(&group));
        let written = read.encode_to_vec();
        prop_assert_eq!(LogGroup::decode(&written).unwrap(), group);
    }

    #[test]
    fn no_bytes_make_the_decoder_fail_otherwise(bytes: Vec<u8>, at: prop::sample::Index, to: u8) {
        LogGroup::decode(&bytes).ok();
        LogGroup::decode_list(&bytes, 1000).ok();
        let mut spoilt = unhex(E0);
        let at = at.index(spoilt.len());
        spoilt[at] = to;
        if let Ok(group) = LogGroup::decode(&spoilt) {
            prop_assert!(group.into_owned().encoded_len() <= 3 * spoilt.len());
        }
    }
}
