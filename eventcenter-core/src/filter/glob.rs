//! Globs: `*` is any text, also none; `?` is one character; everything else is itself.
//!
//! There is no escape and no `[...]`: whoever needs more writes a regular expression. On a mismatch only the last
//! `*` is tried again, so the work is at most the length of the pattern times the length of the text, and nothing
//! is allocated.

/// Whether the glob describes the whole text.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut g, mut t) = (0, 0);
    // Behind the last `*`, and where in the text what follows it was last tried.
    let mut retry = None;
    loop {
        match (glob.get(g), text.get(t)) {
            (Some(b'*'), _) if g + 1 == glob.len() => return true,
            (Some(b'*'), _) => {
                g += 1;
                retry = Some((g, t));
            }
            (Some(b'?'), Some(&first)) => {
                g += 1;
                t += width(first);
            }
            (Some(wanted), Some(found)) if wanted == found => {
                g += 1;
                t += 1;
            }
            (None, None) => return true,
            _ => {
                let Some((after, from)) = retry else { return false };
                let Some(&first) = text.get(from) else { return false };
                (g, t) = (after, from + width(first));
                retry = Some((g, t));
            }
        }
    }
}

/// Bytes of the character that begins with this byte.
fn width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::matches;

    #[test]
    fn a_glob_describes_the_whole_text() {
        for (glob, text, expected) in [
            ("dev-*", "dev-", true),
            ("dev-*", "my-dev-1", false),
            ("*-dev-*", "my-dev-1", true),
            ("web-?", "web-0", true),
            ("web-?", "web-10", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "中", true),
            ("*??", "中", false),
            ("中*", "中文", true),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let glob = "a*".repeat(50) + "b";
        assert!(!matches(&glob, &"a".repeat(50_000)));
    }

    proptest! {
        #[test]
        fn a_glob_agrees_with_its_regular_expression(glob in "[ab中*?]{0,8}", text in "[ab中]{0,10}") {
            let regex: String = glob
                .chars()
                .map(|c| match c {
                    '*' => ".*".to_owned(),
                    '?' => ".".to_owned(),
                    c => c.to_string(),
                })
                .collect();
            let regex = Regex::new(&format!("^(?s:{regex})$")).unwrap();
            prop_assert_eq!(matches(&glob, &text), regex.is_match(&text));
        }
    }
}
