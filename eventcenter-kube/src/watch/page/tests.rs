//! Pages cut in every way.

use super::*;

/// Scans `text` in pieces of `size` bytes.
fn scan(text: &str, size: usize) -> Result<Vec<String>, &'static str> {
    let mut scanner = Scanner::default();
    let mut parts = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        scanner.frame = Bytes::copy_from_slice(piece);
        while let Some(part) = scanner.next()? {
            parts.push(match part {
                Part::Head(meta) => format!("head {} {}", meta.resource_version, meta.token),
                Part::Item(item) => String::from_utf8(item.to_vec()).unwrap(),
                Part::TooLong(excerpt) => format!("too long {}", excerpt.len()),
                Part::End(_) => unreachable!("a scanner does not see the end"),
            });
        }
    }
    let meta = scanner.end()?;
    parts.push(format!("end {} {}", meta.resource_version, meta.token));
    Ok(parts)
}

#[test]
fn a_page_is_the_same_however_it_is_cut() {
    let page = r#"{"kind":"EventList","metadata":{"resourceVersion":"7","continue":"t"},
        "items":[{"a":"]},{\"[","items":[1,{"b":[]}]} , {"c":"\\"},
        {}]}"#;
    for size in 1..page.len() {
        assert_eq!(
            scan(page, size).unwrap(),
            [
                "head 7 t",
                r#"{"a":"]},{\"[","items":[1,{"b":[]}]}"#,
                r#"{"c":"\\"}"#,
                "{}",
                "end 7 t"
            ],
            "{size}"
        );
    }
}

#[test]
fn metadata_may_come_last() {
    let page = r#"{"items" : [ {"a":1} ],"x":{"items":[2]},"metadata":{"resourceVersion":"7"}}"#;
    assert_eq!(scan(page, 5).unwrap(), [r#"{"a":1}"#, "end 7 "]);
}

#[test]
fn an_empty_list_has_no_items() {
    for items in ["null", "[]", "[ ]"] {
        let page = format!(r#"{{"metadata":{{"resourceVersion":"7"}},"items":{items}}}"#);
        assert_eq!(scan(&page, 3).unwrap().last().unwrap(), "end 7 ", "{items}");
    }
}

#[test]
fn items_that_are_no_objects_are_handed_out_as_they_are() {
    let page = r#"{"items":[1, "a,]", null],"metadata":{"resourceVersion":"7"}}"#;
    assert_eq!(scan(page, 1).unwrap(), ["1", "\"a,]\"", "null", "end 7 "]);
}

#[test]
fn half_a_page_and_other_nonsense_are_failures() {
    let half = r#"{"metadata":{"resourceVersion":"7"},"items":[{"a":1},{"b""#;
    assert_eq!(scan(half, 4), Err("the list was cut off"));
    assert_eq!(scan("<html>", 4), Err("the answer is no list"));
    assert_eq!(scan("{}", 4), Err("the list has no resourceVersion"));
    assert_eq!(scan("", 4), Err("the list was cut off"));
}

#[test]
fn an_endless_item_is_skipped_and_the_rest_is_read() {
    let long = "x".repeat(MAX_DOCUMENT);
    let page =
        format!(r#"{{"metadata":{{"resourceVersion":"7"}},"items":[{{"a":"{long}"}},{{"b":1}}]}}"#);
    let parts = scan(&page, 1 << 16).unwrap();
    assert!(parts[1].starts_with("too long"), "{parts:?}");
    assert_eq!(parts[2..], [r#"{"b":1}"#, "end 7 "]);
}
