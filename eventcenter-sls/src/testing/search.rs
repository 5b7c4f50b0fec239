//! Search statements, evaluated over what the double holds: no index, every log is looked at.
//!
//! ```text
//! statement = or ; or = and { "or" and } ; and = not { ["and"] not } ; not = "not" not | "(" or ")" | term
//! term      = "*" | text | key ":" text | key ":" "*" | key (">" | ">=" | "<" | "<=" | "=") number
//!           | key "in" ("[" | "(") number number ("]" | ")")
//! text      = word | "quoted"        (* and ? stand for any characters, in words *)
//! ```
//!
//! As the service does, text is cut into words by the tokens of the index, all of which must be there in any order;
//! a key must be in the index; without an index nothing is found but an error. What comes after a `|` is SQL, which the
//! double refuses. Phrase search (`#"…"`) is unknown here.

mod parse;

use serde_json::Value;

use super::reply::Refusal;
use super::state::Object;

/// A log as a search sees it: pairs of key and value, the reserved ones among them.
pub(super) type Row = Vec<(String, String)>;

#[derive(Debug, PartialEq)]
enum Expr {
    All,
    Text(String),
    Key(String, Test),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Debug, PartialEq)]
enum Test {
    Exists,
    Text(String),
    /// From and to, each with whether it is included itself.
    Range((f64, bool), (f64, bool)),
}

/// A statement that is read, and the index by which it is evaluated.
pub(super) struct Search<'a> {
    expr: Expr,
    index: &'a Object,
}

impl<'a> Search<'a> {
    pub(super) fn new(statement: &str, index: &'a Object) -> Result<Self, Refusal> {
        let is_known = |key: &str| field(index, key).is_some();
        Ok(Self { expr: parse::parse(statement, &is_known)?, index })
    }

    pub(super) fn matches(&self, row: &Row) -> bool {
        self.holds(&self.expr, row)
    }

    fn holds(&self, expr: &Expr, row: &Row) -> bool {
        match expr {
            Expr::All => true,
            Expr::Text(text) => {
                let line = self.index.get("line").filter(|line| line.is_object());
                row.iter().any(|(key, value)| {
                    let field = line.or_else(|| self.index.get("keys")?.get(key));
                    field.is_some_and(|field| has_words(field, value, text))
                })
            }
            Expr::Key(key, test) => {
                let field = self.field(key).cloned().unwrap_or_default();
                values(row, key).iter().any(|value| match test {
                    Test::Exists => true,
                    Test::Text(text) => has_words(&field, value, text),
                    Test::Range(from, to) => value.parse().is_ok_and(|value: f64| {
                        (value > from.0 || (from.1 && value >= from.0))
                            && (value < to.0 || (to.1 && value <= to.0))
                    }),
                })
            }
            Expr::Not(inner) => !self.holds(inner, row),
            Expr::And(one, other) => self.holds(one, row) && self.holds(other, row),
            Expr::Or(one, other) => self.holds(one, row) || self.holds(other, row),
        }
    }

    fn field(&self, key: &str) -> Option<&Value> {
        field(self.index, key)
    }
}

/// The settings of a key: its own, or those of the JSON document it is in.
fn field<'a>(index: &'a Object, key: &str) -> Option<&'a Value> {
    let keys = index.get("keys")?;
    if let Some(found) = keys.get(key) {
        return Some(found);
    }
    let (document, path) = key.split_once('.')?;
    let document = keys.get(document).filter(|field| field["type"] == "json")?;
    let of_its_own = document["json_keys"].get(path);
    let all = document["index_all"].as_bool().unwrap_or(false);
    if of_its_own.is_some_and(|field| field["type"] != "text") {
        return of_its_own;
    }
    (all || of_its_own.is_some()).then_some(document)
}

/// The values of a key: one, or those in a JSON document.
fn values(row: &Row, key: &str) -> Vec<String> {
    let plain: Vec<_> =
        row.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect();
    let Some((document, path)) = key.split_once('.').filter(|_| plain.is_empty()) else {
        return plain;
    };
    let Some((_, document)) = row.iter().find(|(name, _)| name == document) else { return plain };
    let Ok(document) = serde_json::from_str::<Value>(document) else { return plain };
    let found = path.split('.').try_fold(&document, |value, part| value.get(part));
    match found {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(value) => vec![value.to_string()],
    }
}

/// Whether all words of a text are among those of a value.
fn has_words(field: &Value, value: &str, text: &str) -> bool {
    let tokens = field["token"].as_array();
    let is_token = |letter: char| match tokens {
        Some(tokens) => {
            tokens.iter().any(|token| token.as_str().is_some_and(|t| t.contains(letter)))
        }
        // Reserved keys and numbers are one word.
        None => false,
    };
    let fold = |text: &str| match field["caseSensitive"].as_bool() {
        Some(true) => text.to_owned(),
        _ => text.to_lowercase(),
    };
    let chinese = field["chn"].as_bool().unwrap_or(false);
    let (value, text) = (fold(value), fold(text));
    let have = words(&value, is_token, chinese);
    let mut wanted = words(&text, is_token, chinese).into_iter().peekable();
    wanted.peek().is_some() && wanted.all(|wanted| have.iter().any(|word| like(wanted, word)))
}

fn words(text: &str, is_token: impl Fn(char) -> bool, chinese: bool) -> Vec<&str> {
    let parts = text.split(is_token).filter(|part| !part.is_empty());
    if !chinese {
        return parts.collect();
    }
    // Each letter outside ASCII is a word.
    let cut = |part: &'_ str| {
        let inclusive = part.char_indices().filter(|(_, letter)| !letter.is_ascii());
        let mut edges: Vec<usize> =
            inclusive.flat_map(|(at, letter)| [at, at + letter.len_utf8()]).collect();
        edges.extend([0, part.len()]);
        edges.sort_unstable();
        edges.dedup();
        edges
    };
    parts
        .flat_map(|part| {
            let edges = cut(part);
            let pairs: Vec<_> = edges.windows(2).map(|two| (two[0], two[1])).collect();
            pairs.into_iter().filter_map(move |(from, to)| part.get(from..to))
        })
        .collect()
}

/// Whether a word is like a pattern of `*` and `?`.
fn like(pattern: &str, word: &str) -> bool {
    let (pattern, word): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), word.chars().collect());
    // Where the last star stands, and how much of the word it has taken.
    let (mut p, mut w, mut star) = (0, 0, None);
    while let Some(letter) = word.get(w) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, w));
                p += 1;
            }
            Some(other) if *other == '?' || other == letter => {
                p += 1;
                w += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                w = taken + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests;
