//! Rules about what stands in the code: reasons of `allow` and `expect`, and log messages.
//!
//! No parser of Rust: comments are blanked out and the insides of strings masked, byte for byte,
//! so that brackets and commas can be counted and the text still be read at the same place.

use super::tree::Tree;

/// Complains about `#[allow(...)]` and `#[expect(...)]` without a reason.
pub(super) fn reasons(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let masked = mask(text);
        for word in ["allow(", "expect("] {
            for (at, _) in masked.match_indices(word) {
                let before = masked.get(..at).unwrap_or_default().trim_end();
                let attribute = before.ends_with("#[") || before.ends_with("#![");
                let inside = bracketed(&masked, at + word.len() - 1).unwrap_or_default();
                if attribute && !inside.contains("reason =") {
                    found.push(format!("{path}:{}: no reason", line_of(text, at)));
                }
            }
        }
    }
    found
}

/// Complains about messages of tracing's macros that begin with a capital or end with a period.
pub(super) fn log_messages(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let masked = mask(text);
        for level in ["trace!(", "debug!(", "info!(", "warn!(", "error!("] {
            for (at, _) in masked.match_indices(level) {
                let before = masked.get(..at).unwrap_or_default();
                if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                    continue;
                }
                let Some(message) = message(text, &masked, at + level.len() - 1) else { continue };
                if let Some(fault) = fault(message) {
                    found.push(format!("{path}:{}: {fault}: {message:?}", line_of(text, at)));
                }
            }
        }
    }
    found
}

fn fault(message: &str) -> Option<&'static str> {
    let mut letters = message.chars();
    let (first, second) = (letters.next()?, letters.next());
    // `HTTP` and `SIGTERM` are names; `Delivery` is not.
    let name = second.is_none_or(|letter| letter.is_uppercase() || !letter.is_alphabetic());
    if first.is_uppercase() && !name {
        return Some("begins with a capital");
    }
    message.ends_with('.').then_some("ends with a period")
}

/// The first argument that is a bare string, in the brackets that open at `open`.
fn message<'a>(text: &'a str, masked: &str, open: usize) -> Option<&'a str> {
    let inside = bracketed(masked, open)?;
    let mut depth = 0usize;
    let mut start = 0;
    let mut arguments = Vec::new();
    for (at, c) in inside.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                arguments.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.push((start, inside.len()));
    arguments.iter().find_map(|&(from, to)| {
        let argument = inside.get(from..to)?;
        let quote = argument.len() - argument.trim_start().len();
        let literal = argument.trim();
        let length = literal.len();
        let bare = length >= 2 && literal.starts_with('"') && literal.ends_with('"');
        let begin = open + 1 + from + quote;
        if bare { text.get(begin + 1..begin + length - 1) } else { None }
    })
}

/// What stands between the bracket at `open` and the one that closes it.
fn bracketed(masked: &str, open: usize) -> Option<&str> {
    let mut depth = 0usize;
    for (at, c) in masked.get(open..)?.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return masked.get(open + 1..open + at);
        }
    }
    None
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// The text with comments as blanks and the insides of strings as `x`, each byte in its place.
fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (length, filler) = if rest.starts_with(b"//") {
            (rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()), b' ')
        } else if rest.starts_with(b"/*") {
            (block_comment(rest), b' ')
        } else if byte == b'"' {
            (string(rest), b'x')
        } else if let Some(length) =
            raw_string(rest, at.checked_sub(1).and_then(|at| bytes.get(at)))
        {
            (length, b'x')
        } else if byte == b'\'' {
            (character(rest), b'x')
        } else {
            (1, b'x') // kept as it is where it is ASCII
        };
        for (place, &inner) in rest.get(..length).unwrap_or_default().iter().enumerate() {
            let quote = inner == b'"' && filler == b'x' && (place == 0 || place + 1 == length);
            let kept = quote || inner == b'\n' || (length == 1 && inner.is_ascii());
            masked.push(char::from(if kept { inner } else { filler }));
        }
        at += length.max(1);
    }
    masked
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(two) = rest.get(at..at + 2) {
        match two {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"..."` or `r#"..."#`, unless the `r` ends a longer name.
fn raw_string(rest: &[u8], before: Option<&u8>) -> Option<usize> {
    let named = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let hashes = rest.strip_prefix(b"r")?.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') || (named && before != Some(&b'b')) {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let body = rest.get(2 + hashes..)?;
    let length = body.windows(end.len()).position(|window| window == end)?;
    Some(2 + hashes + length + end.len())
}

/// A character literal such as `'"'`; a lifetime is one byte long.
fn character(rest: &[u8]) -> usize {
    match rest {
        [b'\'', b'\\', _, ..] => {
            let close = rest.iter().skip(3).position(|&byte| byte == b'\'');
            close.map_or(1, |at| at + 4)
        }
        [b'\'', _, b'\'', ..] => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(code: &str) -> usize {
        log_messages(&Tree::of(&[("a.rs", code)])).len()
    }

    #[test]
    fn a_missing_reason_is_found() {
        let check = |code: &str| reasons(&Tree::of(&[("a.rs", code)])).len();
        assert_eq!(check("#[allow(dead_code)]"), 1);
        assert_eq!(check("#![expect(\n    dead_code,\n)]"), 1);
        assert_eq!(check("#[expect(dead_code, reason = \"a (good) one\")]"), 0);
        assert_eq!(check("// #[allow(dead_code)]\nlet x = \"#[allow(a)]\"; y.expect(\"z\");"), 0);
    }

    #[test]
    fn loud_log_messages_are_found() {
        assert_eq!(log("warn!(\"Delivery failed\");"), 1);
        assert_eq!(log("tracing::info!(sink, %error, \"delivery failed.\");"), 1);
        assert_eq!(log("error!(a = f(1, \"X, Y\"), \"Lost {n}\", n = 1);"), 1);
        assert_eq!(log("debug!(\n    n,\n    \"Multi\"\n);"), 1);
    }

    #[test]
    fn quiet_ones_pass() {
        assert_eq!(log("warn!(sink, attempts, %error, \"delivery postponed\");"), 0);
        assert_eq!(log("info!(reason = \"Capital.\", \"HTTP server listens\");"), 0);
        assert_eq!(log("my_info!(\"Other macro.\"); println!(\"Done.\");"), 0);
        assert_eq!(log("// warn!(\"Comment.\");\n/* warn!(\"Comment.\") */"), 0);
        assert_eq!(log("let x = r#\"warn!(\"Text.\")\"#; let c = '\"'; warn!(\"good\");"), 0);
        assert_eq!(log("fn f<'a>(x: &'a str) { warn!(x, \"good\"); }"), 0);
    }

    #[test]
    fn masking_keeps_every_byte_in_its_place() {
        for text in
            ["a \"é\" /* ü */ 'x' b'\\'' r##\"\"#\"## 'static", "/*", "\"", "'", "r#\"", "é"]
        {
            assert_eq!(mask(text).len(), text.len(), "{text}");
        }
    }
}
