//! From tokens to the tree, by recursive descent:
//!
//! ```text
//! either  = both ("or" both)*
//! both    = one (["and"] one)*
//! one     = "not" one | "(" either ")" | term
//! term    = word | phrase | key ":" value | key compare number | key "in" range
//! ```

use super::Query;
use super::error::QueryError;
use super::key::Key;
use super::lexer::{Comparison, Placed, Token, lex};
use super::text::{TokenPattern, ValuePattern};
use super::tree::{Field, Node};
use crate::event::Level;

pub(super) fn parse(text: &str) -> Result<Node, QueryError> {
    if text.len() > Query::MAX_BYTES {
        let message = format!("a statement has at most {} bytes", Query::MAX_BYTES);
        return Err(QueryError::new(1, message).code("too-long").value("most", &Query::MAX_BYTES));
    }
    let tokens = lex(text)?;
    if tokens.is_empty() {
        return Ok(Node::All);
    }
    let end = text.trim_end().chars().count() + 1;
    let mut parser = Parser { tokens, next: 0, end, depth: 0, terms: 0 };
    let node = parser.either("expected a word, a key or `(`")?;
    match parser.peek() {
        None => Ok(node),
        Some(Token::Close) => {
            Err(parser.error("there is no `(` that this `)` would close").code("stray-close"))
        }
        Some(_) => {
            Err(parser.error("expected a word, a key, `and`, `or` or `not`").code("expected-term"))
        }
    }
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    /// The column behind the last token.
    end: usize,
    depth: usize,
    terms: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.next + 1).map(|placed| &placed.token)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |placed| placed.column)
    }

    fn error(&self, message: impl Into<String>) -> QueryError {
        QueryError::new(self.column(), message)
    }

    fn eat(&mut self, token: &Token) -> bool {
        let is_it = self.peek() == Some(token);
        self.next += usize::from(is_it);
        is_it
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        self.next += usize::from(is_it);
        is_it
    }

    /// One level deeper, so that a statement cannot exhaust the stack.
    fn deeper(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Node, QueryError>,
    ) -> Result<Node, QueryError> {
        if self.depth == Query::MAX_DEPTH {
            let message = format!("this is nested more than {} levels deep", Query::MAX_DEPTH);
            return Err(self.error(message).code("too-deep").value("most", &Query::MAX_DEPTH));
        }
        self.depth += 1;
        let node = parse(self);
        self.depth -= 1;
        node
    }

    /// `expected` is what to say if nothing is there.
    fn either(&mut self, expected: &str) -> Result<Node, QueryError> {
        let mut parts = vec![self.both(expected)?];
        while self.eat_word("or") {
            parts.push(self.both("expected a word, a key or `(` after `or`")?);
        }
        Ok(flat(parts, Node::Or, |node| match node {
            Node::Or(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    fn both(&mut self, expected: &str) -> Result<Node, QueryError> {
        let mut parts = vec![self.one(expected)?];
        loop {
            if self.eat_word("and") {
                parts.push(self.one("expected a word, a key or `(` after `and`")?);
            } else if self.begins_one() {
                parts.push(self.one("expected a word, a key or `(`")?);
            } else {
                break;
            }
        }
        Ok(flat(parts, Node::And, |node| match node {
            Node::And(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    fn begins_one(&self) -> bool {
        match self.peek() {
            Some(Token::Word(_)) => !self.is_word("or"),
            Some(Token::Quoted(_) | Token::Open) => true,
            _ => false,
        }
    }

    fn one(&mut self, expected: &str) -> Result<Node, QueryError> {
        if self.is_word("and") || self.is_word("or") {
            let message = format!("{expected}; put the word in quotes to search for it");
            return Err(self.error(message).code("operator"));
        }
        if self.eat_word("not") {
            let inner =
                self.deeper(|parser| parser.one("expected a word, a key or `(` after `not`"))?;
            return Ok(Node::Not(Box::new(inner)));
        }
        let column = self.column();
        if self.eat(&Token::Open) {
            let inner =
                self.deeper(|parser| parser.either("expected a word, a key or `(` after `(`"))?;
            if !self.eat(&Token::Close) {
                let message = "expected `)`, for the `(` in column";
                let error = self.error(format!("{message} {column}"));
                return Err(error.code("open-parenthesis").value("column", &column));
            }
            return Ok(inner);
        }
        let (text, is_quoted) = match self.peek() {
            Some(Token::Word(word)) => (word.clone(), false),
            Some(Token::Quoted(text)) => (text.clone(), true),
            _ => return Err(self.error(expected).code("expected-term")),
        };
        self.next += 1;
        self.terms += 1;
        if self.terms > Query::MAX_TERMS {
            let message = format!("a statement has at most {} terms", Query::MAX_TERMS);
            let error = QueryError::new(column, message);
            return Err(error.code("too-many-terms").value("most", &Query::MAX_TERMS));
        }
        self.term(&text, is_quoted, column)
    }

    fn term(&mut self, text: &str, is_quoted: bool, column: usize) -> Result<Node, QueryError> {
        match self.peek() {
            Some(Token::Colon) => {
                let key = key(text, column)?;
                self.next += 1;
                self.value(key)
            }
            Some(&Token::Compare(comparison)) => {
                let key = key(text, column)?;
                self.next += 1;
                self.compared(&key, comparison, column)
            }
            _ if self.is_word("in")
                && matches!(self.peek_second(), Some(Token::OpenRange | Token::Open))
                && Key::of(text) == Some(Key::Count) =>
            {
                self.next += 1;
                self.range()
            }
            _ => words(Field::Any, text, is_quoted, column),
        }
    }

    fn value(&mut self, key: Key) -> Result<Node, QueryError> {
        let column = self.column();
        let (text, is_quoted) = match self.peek() {
            Some(Token::Word(word)) => (word.clone(), false),
            Some(Token::Quoted(text)) => (text.clone(), true),
            _ => return Err(self.error("expected a value after `:`").code("expected-value")),
        };
        self.next += 1;
        let pattern =
            if is_quoted { ValuePattern::literal(&text) } else { ValuePattern::new(&text) };
        match key {
            Key::Count => {
                let number = number(&text, column)?;
                Ok(Node::Count { least: number, most: number })
            }
            Key::Level => levels(column, |level| pattern.matches(level.as_str())),
            Key::Message if !is_quoted && pattern.is_any() => {
                Ok(Node::Value { key, value: pattern })
            }
            Key::Message => words(Field::Message, &text, is_quoted, column),
            _ if text.is_empty() => {
                let message = format!("there is nothing in the quotes; write `not {key} : *`");
                Err(QueryError::new(column, message).code("empty-quotes").value("key", &key))
            }
            key => Ok(Node::Value { key, value: pattern }),
        }
    }

    fn compared(
        &mut self,
        key: &Key,
        comparison: Comparison,
        column: usize,
    ) -> Result<Node, QueryError> {
        let at = self.column();
        let text = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Quoted(text)) => text.clone(),
            _ => return Err(self.error("expected a number").code("expected-number")),
        };
        self.next += 1;
        match key {
            Key::Count => {
                let number = number(&text, at)?;
                let (least, most) = match comparison {
                    Comparison::Less => (0, number.checked_sub(1)),
                    Comparison::LessOrEqual => (0, Some(number)),
                    Comparison::Equal => (number, Some(number)),
                    Comparison::GreaterOrEqual => (number, Some(u64::MAX)),
                    Comparison::Greater => (number.saturating_add(1), Some(u64::MAX)),
                };
                // Nothing is less than 0.
                Ok(most
                    .map_or(Node::Count { least: 1, most: 0 }, |most| Node::Count { least, most }))
            }
            Key::Level => {
                let is_named = |level: &Level| level.as_str().eq_ignore_ascii_case(&text);
                let Some(than) = LEVELS.into_iter().find(is_named) else {
                    return Err(QueryError::new(at, NO_LEVEL).code("no-level"));
                };
                levels(at, |level| match comparison {
                    Comparison::Less => level < than,
                    Comparison::LessOrEqual => level <= than,
                    Comparison::Equal => level == than,
                    Comparison::GreaterOrEqual => level >= than,
                    Comparison::Greater => level > than,
                })
            }
            key => {
                let message = format!(
                    "`{key}` is text, which is compared by `:`; only count and level are more or less"
                );
                Err(QueryError::new(column, message).code("text-compared").value("key", key))
            }
        }
    }

    /// `[3 10]`, or `(3 10)` without its edges, or one of each.
    fn range(&mut self) -> Result<Node, QueryError> {
        let with_least = self.peek() == Some(&Token::OpenRange);
        self.next += 1;
        let least = self.edge()?;
        let most = self.edge()?;
        let with_most = match self.peek() {
            Some(Token::CloseRange) => true,
            Some(Token::Close) => false,
            _ => {
                let error = self.error("expected `]` or `)` at the end of the range");
                return Err(error.code("open-range"));
            }
        };
        self.next += 1;
        let least = if with_least { Some(least) } else { least.checked_add(1) };
        let most = if with_most { Some(most) } else { most.checked_sub(1) };
        Ok(match (least, most) {
            (Some(least), Some(most)) => Node::Count { least, most },
            _ => Node::Count { least: 1, most: 0 },
        })
    }

    fn edge(&mut self) -> Result<u64, QueryError> {
        let column = self.column();
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.error("expected two numbers, as in `[3 10]`").code("expected-range"));
        };
        let number = number(word.trim_matches(','), column)?;
        self.next += 1;
        Ok(number)
    }
}

const LEVELS: [Level; 3] = [Level::Normal, Level::Warning, Level::Error];
const NO_LEVEL: &str = "there is no such level; there are Normal, Warning and Error";

fn levels(column: usize, wanted: impl Fn(Level) -> bool) -> Result<Node, QueryError> {
    let levels: Vec<Level> = LEVELS.into_iter().filter(|level| wanted(*level)).collect();
    match levels.as_slice() {
        [] => Err(QueryError::new(column, NO_LEVEL).code("no-level")),
        _ => Ok(Node::Level(levels)),
    }
}

fn key(name: &str, column: usize) -> Result<Key, QueryError> {
    Key::of(name).ok_or_else(|| {
        let message = format!("unknown key {name:?}");
        match Key::near(name) {
            None => QueryError::new(column, message).code("unknown-key").value("key", name),
            Some(near) => {
                let error = QueryError::new(column, format!("{message}; did you mean `{near}`?"));
                error.code("unknown-key-near").value("key", name).value("near", &near)
            }
        }
    })
}

fn number(text: &str, column: usize) -> Result<u64, QueryError> {
    text.parse().map_err(|_| {
        let message = format!("expected a whole number, and not {text:?}");
        QueryError::new(column, message).code("no-number").value("text", text)
    })
}

fn words(field: Field, text: &str, is_quoted: bool, column: usize) -> Result<Node, QueryError> {
    if !is_quoted && !text.is_empty() && text.bytes().all(|byte| byte == b'*') {
        return Ok(Node::All);
    }
    let words = if is_quoted { TokenPattern::of_phrase(text) } else { TokenPattern::of_word(text) };
    if words.is_empty() {
        let message = format!("there is no letter and no digit in {text:?} to search for");
        return Err(QueryError::new(column, message).code("no-word").value("text", text));
    }
    Ok(Node::Words { field, words })
}

/// One node for several of the same kind; what is alone stays alone.
fn flat(
    parts: Vec<Node>,
    all: fn(Vec<Node>) -> Node,
    inner: fn(Node) -> Result<Vec<Node>, Node>,
) -> Node {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match inner(part) {
            Ok(parts) => flat.extend(parts),
            Err(part) => flat.push(part),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        last => {
            flat.extend(last);
            all(flat)
        }
    }
}
