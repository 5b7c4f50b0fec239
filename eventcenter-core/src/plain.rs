//! Text of others, made safe to show.
//!
//! Anybody who may create a Pod can put words into an Event. On a terminal an escape sequence moves the cursor or sets
//! the title; in a page or a terminal a character that turns the direction of writing makes `exe.gpj` of `jpg.exe`.
//! Whoever shows text of an Event shows [`plain`] text. Lines for other programs end on terminals too: in JSON the same
//! characters are escaped, so that nothing is lost ([`plain_json`]); in CSV, which cannot escape, they are replaced
//! ([`plain_csv`]).

use std::borrow::Cow;

/// The text on one line, with every character that is an order rather than a letter replaced: control characters by
/// their pictures (`␛`), the others by `�`. A line break becomes `␊`, a tab a space.
///
/// ```
/// assert_eq!(eventcenter_core::plain("50 %\u{1b}[31m\tdone\u{202e}"), "50 %␛[31m done�");
/// ```
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| shown(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(shown).collect())
}

/// JSON on one line, with every character that [`plain`] would replace as `\u` and its number: the same JSON. What stands
/// below U+0020 is so in any JSON.
///
/// ```
/// assert_eq!(eventcenter_core::plain_json("{\"a\":\"\u{202e}中\"}"), "{\"a\":\"\\u202e中\"}");
/// ```
pub fn plain_json(json: &str) -> Cow<'_, str> {
    let orders = |c: char| c >= '\u{7f}' && shown(c) != c;
    if json.bytes().all(|byte| byte < 0x7f) || !json.contains(orders) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if orders(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A cell of CSV as RFC 4180 writes it, of [`plain`] text. What a spreadsheet would take for a formula (it begins with
/// `=`, `+`, `-` or `@`, and is no number) has an apostrophe before it.
///
/// ```
/// assert_eq!(eventcenter_core::plain_csv("=1+1"), "\"'=1+1\"");
/// ```
pub fn plain_csv(cell: &str) -> Cow<'_, str> {
    let cell = plain(cell);
    let is_number = || cell.parse::<f64>().is_ok_and(f64::is_finite);
    let guard = if cell.starts_with(['=', '+', '-', '@']) && !is_number() { "'" } else { "" };
    if guard.is_empty() && !cell.contains([',', '"']) {
        return cell;
    }
    Cow::Owned(format!("\"{guard}{}\"", cell.replace('"', "\"\"")))
}

fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // C1 controls: one of them is a one-character escape.
        '\u{80}'..='\u{9f}' => '\u{fffd}',
        // Marks, embeddings, overrides and isolates of direction; separators of lines; what has no width.
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_of_any_language_stay_as_they_are() {
        for text in [
            "Back-off 5m0s",
            "拉取镜像失败",
            "naïve – 3 × 4",
            "שלום",
            "👩‍💻".split('\u{200d}').next().unwrap(),
        ] {
            assert!(matches!(plain(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_cell_is_text_whatever_is_in_it() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("-1", "-1"),
            ("+1.5e3", "+1.5e3"),
            ("-inf", "\"'-inf\""),
            ("-1+cmd", "\"'-1+cmd\""),
            ("@x\ny", "\"'@x␊y\""),
            ("\t=1", " =1"),
            ("\u{1b}[31m\u{202e}", "␛[31m�"),
            ("", ""),
        ] {
            assert_eq!(plain_csv(text), written);
        }
    }

    proptest! {
        #[test]
        fn json_that_is_plain_says_the_same(text in "[\\x00-\\x9f\u{200b}-\u{206f}\u{feff}\u{e0001}\\\\\"a-z中]{0,40}") {
            let json = serde_json::to_string(&text).unwrap();
            let escaped = plain_json(&json);
            prop_assert_eq!(plain(&escaped), &*escaped, "nothing is left to replace");
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }

        #[test]
        fn nothing_that_orders_gets_through(text in "[\\x00-\\x9f\u{200b}-\u{206f}\u{feff}a-z中]{0,40}") {
            let shown = plain(&text);
            prop_assert_eq!(shown.chars().count(), text.chars().count());
            let orders = |c: char| {
                c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            };
            prop_assert!(!shown.chars().any(orders));
        }
    }
}
