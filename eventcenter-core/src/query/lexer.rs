//! A statement as words and signs, each with its column.

use super::error::QueryError;

/// A word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    /// `[`
    OpenRange,
    /// `]`
    CloseRange,
    Colon,
    Compare(Comparison),
    /// Without its quotes and escapes.
    Quoted(String),
    Word(String),
}

/// How a number or a level is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// A token, and where it stands, in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) column: usize,
}

/// The byte at which the first `|` outside of quotes stands.
pub(super) fn bar(text: &str) -> Option<usize> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    for (place, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_quotes => is_escaped = true,
            '"' => in_quotes = !in_quotes,
            '|' if !in_quotes => return Some(place),
            _ => {}
        }
    }
    None
}

pub(super) fn lex(text: &str) -> Result<Vec<Placed>, QueryError> {
    let mut lexer = Lexer { rest: text.chars().peekable(), column: 1 };
    let mut placed = Vec::new();
    while let Some((token, column)) = lexer.next(placed.last().map(|last: &Placed| &last.token))? {
        placed.push(Placed { token, column });
    }
    Ok(placed)
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// Of the character that comes next.
    column: usize,
}

impl Lexer<'_> {
    fn bump(&mut self) -> Option<char> {
        self.column += 1;
        self.rest.next()
    }

    fn next(&mut self, last: Option<&Token>) -> Result<Option<(Token, usize)>, QueryError> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {
            self.column += 1;
        }
        let column = self.column;
        let Some(&c) = self.rest.peek() else { return Ok(None) };
        let sign = match c {
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenRange,
            ']' => Token::CloseRange,
            ':' if last != Some(&Token::Colon) => Token::Colon,
            '=' => Token::Compare(Comparison::Equal),
            '<' | '>' => {
                self.bump();
                let or_equal = self.rest.next_if_eq(&'=').is_some();
                self.column += usize::from(or_equal);
                return Ok(Some((Token::Compare(Comparison::of(c, or_equal)), column)));
            }
            '"' => {
                self.bump();
                return Ok(Some((Token::Quoted(self.quoted(column)?), column)));
            }
            '|' => {
                let message = "a `|` has no place here; only one may follow the search";
                return Err(QueryError::new(column, message).code("bar"));
            }
            _ => {
                // What follows a colon is a value: `nginx:1.27` is one word there.
                return Ok(Some((Token::Word(self.word(last == Some(&Token::Colon))), column)));
            }
        };
        self.bump();
        Ok(Some((sign, column)))
    }

    fn quoted(&mut self, column: usize) -> Result<String, QueryError> {
        let mut text = String::new();
        loop {
            match self.bump() {
                None => {
                    let message = "the quote that begins here has no end";
                    return Err(QueryError::new(column, message).code("open-quote"));
                }
                Some('"') => return Ok(text),
                Some('\\') => match self.bump() {
                    Some(c @ ('"' | '\\')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => {}
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn word(&mut self, is_value: bool) -> String {
        let mut word = String::new();
        let ends = |c: &char| {
            c.is_whitespace()
                || matches!(c, '(' | ')' | '[' | ']' | '"' | '|')
                || (!is_value && matches!(c, ':' | '<' | '>' | '='))
        };
        while let Some(c) = self.rest.next_if(|c| !ends(c)) {
            self.column += 1;
            word.push(c);
        }
        word
    }
}

impl Comparison {
    fn of(sign: char, or_equal: bool) -> Self {
        match (sign, or_equal) {
            ('<', false) => Self::Less,
            ('<', true) => Self::LessOrEqual,
            (_, false) => Self::Greater,
            (_, true) => Self::GreaterOrEqual,
        }
    }
}
