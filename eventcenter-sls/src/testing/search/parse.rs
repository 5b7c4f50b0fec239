//! From the text of a statement to its tree.

use super::super::reply::Refusal;
use super::{Expr, Test};

/// How deep a statement may be nested.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Mark(&'static str),
}

/// The marks, the longer before those they begin with.
const MARKS: &[&str] = &[">=", "<=", ">", "<", "=", ":", "(", ")", "[", "]"];

fn invalid(message: impl AsRef<str>) -> Refusal {
    let message = format!("ErrorType:SyntaxError.ErrorMessage:{}", message.as_ref());
    Refusal::new(400, "ParameterInvalid", message)
}

/// The tree of a statement. `is_known` says whether a key is in the index.
pub(super) fn parse(statement: &str, is_known: &dyn Fn(&str) -> bool) -> Result<Expr, Refusal> {
    let tokens = tokens(statement)?;
    let mut parser = Parser { tokens: &tokens, is_known, depth: 0 };
    let expr = if tokens.is_empty() { Expr::All } else { parser.or()? };
    match parser.tokens.first() {
        None => Ok(expr),
        Some(token) => Err(invalid(format!("unexpected {token:?}"))),
    }
}

fn tokens(statement: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = statement.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '|' {
            let message = "the double has no SQL";
            let message = format!("ErrorType:OLSQueryParseError.ErrorMessage:{message}");
            return Err(Refusal::new(400, "ParameterInvalid", message));
        }
        let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
        let taken = if let Some(mark) = mark {
            tokens.push(Token::Mark(mark));
            mark.len()
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut letters = quoted.char_indices();
            let end = loop {
                match letters.next() {
                    Some((at, '"')) => break at,
                    Some((_, '\\')) => text.extend(letters.next().map(|(_, letter)| letter)),
                    Some((_, letter)) => text.push(letter),
                    None => return Err(invalid("a quotation does not end")),
                }
            };
            tokens.push(Token::Quoted(text));
            end + 2
        } else {
            let ends = |letter: char| letter.is_whitespace() || "|\"()[]:<>=".contains(letter);
            let end = rest.find(ends).unwrap_or(rest.len());
            let (word, _) = rest.split_at(end);
            tokens.push(Token::Word(word.to_owned()));
            end
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    is_known: &'a dyn Fn(&str) -> bool,
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.first(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word))
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.next();
        }
        is
    }

    fn skip_mark(&mut self, mark: &str) -> bool {
        let is = self.tokens.first().is_some_and(|token| *token == Token::Mark(as_mark(mark)));
        if is {
            self.next();
        }
        is
    }

    fn or(&mut self) -> Result<Expr, Refusal> {
        let mut expr = self.and()?;
        while self.skip_word("or") {
            expr = Expr::Or(Box::new(expr), Box::new(self.and()?));
        }
        Ok(expr)
    }

    fn and(&mut self) -> Result<Expr, Refusal> {
        let mut expr = self.not()?;
        loop {
            let ends = matches!(self.tokens.first(), None | Some(Token::Mark(")")));
            if ends || self.is_word("or") {
                return Ok(expr);
            }
            self.skip_word("and");
            expr = Expr::And(Box::new(expr), Box::new(self.not()?));
        }
    }

    fn not(&mut self) -> Result<Expr, Refusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(invalid("too deep"));
        }
        let expr = if self.skip_word("not") {
            Expr::Not(Box::new(self.not()?))
        } else if self.skip_mark("(") {
            let inner = self.or()?;
            if !self.skip_mark(")") {
                return Err(invalid("a parenthesis is not closed"));
            }
            inner
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn term(&mut self) -> Result<Expr, Refusal> {
        let text = match self.next() {
            Some(Token::Word(text) | Token::Quoted(text)) => text,
            Some(Token::Mark(mark)) => return Err(invalid(format!("unexpected {mark}"))),
            None => return Err(invalid("the statement ends too early")),
        };
        if self.skip_mark(":") {
            let test = match self.next() {
                Some(Token::Word(star)) if star == "*" => Test::Exists,
                Some(Token::Word(text) | Token::Quoted(text)) => Test::Text(text),
                _ => return Err(invalid(format!("what of {text}?"))),
            };
            return self.key(text, test);
        }
        for mark in [">=", "<=", ">", "<", "="] {
            if self.skip_mark(mark) {
                let number = self.number()?;
                let (least, most) = ((f64::NEG_INFINITY, true), (f64::INFINITY, true));
                let test = match mark {
                    ">=" => Test::Range((number, true), most),
                    ">" => Test::Range((number, false), most),
                    "<=" => Test::Range(least, (number, true)),
                    "<" => Test::Range(least, (number, false)),
                    _ => Test::Range((number, true), (number, true)),
                };
                return self.key(text, test);
            }
        }
        if self.is_word("in") && matches!(self.tokens.get(1), Some(Token::Mark("[" | "("))) {
            self.next();
            let from_too = self.next() == Some(Token::Mark("["));
            let (from, to) = (self.number()?, self.number()?);
            let to_too = match self.next() {
                Some(Token::Mark("]")) => true,
                Some(Token::Mark(")")) => false,
                _ => return Err(invalid("a range is not closed")),
            };
            return self.key(text, Test::Range((from, from_too), (to, to_too)));
        }
        Ok(if text == "*" { Expr::All } else { Expr::Text(text) })
    }

    fn number(&mut self) -> Result<f64, Refusal> {
        match self.next() {
            Some(Token::Word(text)) => text.parse().map_err(|_| invalid("that is no number")),
            _ => Err(invalid("a number is missing")),
        }
    }

    fn key(&self, key: String, test: Test) -> Result<Expr, Refusal> {
        let reserved = ["__topic__", "__source__"].contains(&key.as_str());
        if !reserved && !key.starts_with("__tag__") && !(self.is_known)(&key) {
            let message = format!(
                "key ({key}) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark \""
            );
            return Err(Refusal::new(400, "ParameterInvalid", message));
        }
        Ok(Expr::Key(key, test))
    }
}

fn as_mark(mark: &str) -> &'static str {
    MARKS.iter().find(|known| **known == mark).copied().unwrap_or_default()
}
