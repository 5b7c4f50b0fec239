//! The text behind the `|`: one `SELECT`, made whole.
//!
//! In SLS the table may be left out, and every `SELECT` without one is over the events that match. So `FROM log` is
//! put in where a `SELECT` has no `FROM` of its own: before its `WHERE`, `GROUP BY`, `ORDER BY` and so on, or at its
//! end. A `SELECT` in parentheses that has none means what it means in SQLite, a single row.
//!
//! Nothing is judged here that SQLite judges better; but only one statement is let through, and it begins with
//! `SELECT` or `WITH`.

use eventcenter_core::query::Select as Written;
use eventcenter_core::{Error, ErrorKind, Result};

/// The table that is meant where none is named.
const FROM: &str = " FROM log ";
/// What a `SELECT` without `FROM` may go on with.
const NEXT: &[&str] =
    &["WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT"];
/// The longest text that is read, in bytes.
pub(super) const MAX_LEN: usize = 64 << 10;

/// A statement that SQLite can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Select {
    pub(super) text: String,
    /// The column at which the user's own text begins.
    begin: usize,
    /// Where in `text` something was put in, and how much.
    added: Vec<(usize, usize)>,
}

impl Select {
    /// # Errors
    ///
    /// Kind `Refused`, in words that name the column.
    pub(super) fn parse(given: &Written) -> Result<Self> {
        let (text, begin) = (given.text.as_str(), given.column);
        if text.len() > MAX_LEN {
            return Err(refused("the statement is too long").with("bytes", text.len()));
        }
        if text.contains('\0') {
            return Err(refused("the statement contains a zero character"));
        }
        let mut words = Words { text, at: 0 };
        let mut depth = 0_usize;
        let mut begun = false;
        // Whether the SELECT at hand, outside of parentheses, has yet to name its table.
        let mut wants_from = false;
        let mut before = ["", ""];
        let mut places = Vec::new();
        // Where the last word ends: behind it there may be a comment, which would swallow what is put in.
        let mut last = 0;
        let mut end = text.trim_end().len();
        while let Some((at, word)) = words.next() {
            let upper = word.to_ascii_uppercase();
            if !begun {
                if upper != "SELECT" && upper != "WITH" {
                    let error =
                        refused("only SELECT is answered").with("column", column(text, at, begin));
                    return Err(error);
                }
                begun = true;
            }
            match upper.as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                ";" => {
                    if let Some((at, _)) = words.next() {
                        let error = refused("one statement is answered, not several");
                        return Err(error.with("column", column(text, at, begin)));
                    }
                    end = at;
                    break;
                }
                _ if depth > 0 => {}
                "SELECT" => wants_from = true,
                // `a IS DISTINCT FROM b` names no table.
                "FROM" if before[0].eq_ignore_ascii_case("DISTINCT") && is_is(before[1]) => {}
                "FROM" => wants_from = false,
                next if wants_from && NEXT.contains(&next) => {
                    places.push(at);
                    wants_from = false;
                }
                _ => {}
            }
            before = [word, before[0]];
            last = at + word.len();
        }
        if !begun {
            return Err(refused("a SELECT was expected behind the |"));
        }
        if wants_from {
            places.push(last);
        }
        let (mut whole, mut added, mut done) = (String::new(), Vec::new(), 0);
        for place in places {
            whole.push_str(text.get(done..place).unwrap_or_default());
            added.push((whole.len(), FROM.len()));
            whole.push_str(FROM);
            done = place;
        }
        whole.push_str(text.get(done..end).unwrap_or_default());
        Ok(Self { text: whole, begin, added })
    }

    /// The column of the whole statement, counted in characters from 1, for a place in [`text`](Self::text).
    pub(super) fn column(&self, place: usize) -> usize {
        let added = self.added.iter().filter(|(at, _)| *at < place).map(|(_, len)| len);
        let before = self.text.get(..place).unwrap_or(&self.text);
        // What is put in is ASCII: as many characters as bytes.
        (before.chars().count() + self.begin).saturating_sub(added.sum())
    }
}

fn is_is(word: &str) -> bool {
    word.eq_ignore_ascii_case("IS") || word.eq_ignore_ascii_case("NOT")
}

pub(super) fn refused(message: &str) -> Error {
    Error::new("sql", ErrorKind::Refused, message)
}

fn column(text: &str, at: usize, begin: usize) -> usize {
    text.get(..at).map_or(0, |before| before.chars().count()) + begin
}

/// Words, and single characters of everything else; strings, quoted names and comments are passed over as SQLite
/// passes over them.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let rest = self.text.get(self.at..)?;
            let first = rest.chars().next()?;
            let start = self.at;
            let len = match first {
                _ if first.is_whitespace() => {
                    self.at += first.len_utf8();
                    continue;
                }
                '-' if rest.starts_with("--") => {
                    self.at += rest.find('\n').unwrap_or(rest.len());
                    continue;
                }
                '/' if rest.starts_with("/*") => {
                    self.at += rest.find("*/").map_or(rest.len(), |end| end + 2);
                    continue;
                }
                '\'' | '"' | '`' => quoted_len(rest, first),
                '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
                _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            self.at += len;
            return Some((start, self.text.get(start..self.at)?));
        }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii()
}

/// A quote that is doubled stands for itself.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Select> {
        Select::parse(&Written { text: text.to_owned(), column: 1 })
    }

    #[test]
    fn the_table_is_put_in_where_it_is_left_out() {
        let cases = [
            ("select 1", "select 1 FROM log "),
            (
                "select count(1) as c group by level",
                "select count(1) as c  FROM log group by level",
            ),
            ("select a from log where b", "select a from log where b"),
            (
                "select a where 'from' = \"from\" -- from",
                "select a  FROM log where 'from' = \"from\" -- from",
            ),
            ("select a is not distinct from b", "select a is not distinct from b FROM log "),
            ("select (select 1 from x) limit 1;", "select (select 1 from x)  FROM log limit 1"),
            (
                "select a union all select b from log",
                "select a  FROM log union all select b from log",
            ),
            (
                "with t as (select a from log) select a from t",
                "with t as (select a from log) select a from t",
            ),
            ("select '它''s' /* from */ , [from]", "select '它''s' /* from */ , [from] FROM log "),
            ("select count(1) -- all", "select count(1) FROM log  -- all"),
            ("select count(1) -- all\n; ", "select count(1) FROM log  -- all\n"),
            ("select count(1) /* all", "select count(1) FROM log  /* all"),
        ];
        for (text, whole) in cases {
            assert_eq!(parse(text).expect(text).text, whole);
        }
    }

    #[test]
    fn what_is_no_select_is_refused_at_its_column() {
        let cases = [
            ("delete from log", "sql: only SELECT is answered (column=1)"),
            ("  pragma x", "sql: only SELECT is answered (column=3)"),
            ("select 1; drop table x", "sql: one statement is answered, not several (column=11)"),
            ("select '它';;", "sql: one statement is answered, not several (column=12)"),
            ("", "sql: a SELECT was expected behind the |"),
            ("-- only a comment", "sql: a SELECT was expected behind the |"),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).expect_err(text).to_string(), message);
        }
        assert!(parse(&"x".repeat(MAX_LEN + 1)).is_err());
    }

    #[test]
    fn columns_are_those_of_the_users_text() {
        let select = parse("select '它' where nope").expect("a select");
        let place = select.text.find("nope").expect("a place");
        assert_eq!(select.column(place), 18);
        assert_eq!(select.column(0), 1);
        let later = Written { text: "select 1; x".to_owned(), column: 20 };
        let error = Select::parse(&later).expect_err("two statements").to_string();
        assert_eq!(error, "sql: one statement is answered, not several (column=30)");
    }
}
