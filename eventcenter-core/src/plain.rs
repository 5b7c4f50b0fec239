//! Text of others, made safe to show.
//!
//! Anybody who may create a Pod can put words into an Event. On a terminal an escape sequence moves the cursor or sets
//! the title; in a page or a terminal a character that turns the direction of writing makes `exe.gpj` of `jpg.exe`.
//! Whoever shows text of an Event shows [`plain`] text.

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

    proptest! {
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
