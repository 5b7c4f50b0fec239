//! Words and values: how text is cut up and compared. The one definition for [`Query::matches`](super::Query::matches)
//! and for the index of a store.

use std::borrow::Cow;
use std::fmt;

/// Text in lower case: what is compared. By Unicode's rule for each character, in any language; one character stays
/// one, so `İ` is `i`.
///
/// ```
/// assert_eq!(eventcenter_core::query::fold("FailedMount"), "failedmount");
/// ```
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(lower(text).collect())
    }
}

/// `İ` alone would become two, and the second, a dot above, is no letter: the word of a text would be two words when
/// it is read again.
fn lower(text: &str) -> impl Iterator<Item = char> + Clone {
    text.chars().filter_map(|c| c.to_lowercase().next())
}

/// The words of a text, as they stand there: runs of letters and digits, and each Chinese, Japanese or Korean
/// character for itself. [Fold](fold) them to index them.
///
/// ```
/// let words: Vec<_> = eventcenter_core::query::tokens("pod/web-0: 镜像 v1").collect();
/// assert_eq!(words, ["pod", "web", "0", "镜", "像", "v1"]);
/// ```
pub fn tokens(text: &str) -> impl Iterator<Item = &str> + Clone {
    Tokens { rest: text }
}

#[derive(Clone)]
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let start = self.rest.find(char::is_alphanumeric)?;
        let rest = self.rest.get(start..)?;
        let first = rest.chars().next()?;
        let end = if is_word_alone(first) {
            first.len_utf8()
        } else {
            rest.find(|c: char| !c.is_alphanumeric() || is_word_alone(c)).unwrap_or(rest.len())
        };
        let (token, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        Some(token)
    }
}

/// Scripts that put no spaces between words: Han, Hiragana, Katakana, Hangul.
fn is_word_alone(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3041}'..='\u{30ff}' | '\u{3105}'..='\u{318f}' | '\u{31a0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
}

/// A pattern for one word of a text. Lower case, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenPattern(Pattern);

/// A pattern for a whole value. Lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValuePattern(Pattern);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pattern {
    /// This very text.
    Exact(String),
    /// Wildcards and characters.
    Glob(Vec<Piece>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Piece {
    /// Any text, also none.
    Any,
    /// One character.
    One,
    Char(char),
}

impl Pattern {
    fn exact(text: &str) -> Self {
        Self::Exact(fold(text).into_owned())
    }

    fn glob(text: &str) -> Self {
        if !text.contains(['*', '?']) {
            return Self::exact(text);
        }
        let mut pieces: Vec<Piece> = lower(text)
            .map(|c| match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                c => Piece::Char(c),
            })
            .collect();
        pieces.dedup_by(|a, b| *a == Piece::Any && *b == Piece::Any);
        Self::Glob(pieces)
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) if exact.is_ascii() && text.is_ascii() => {
                text.eq_ignore_ascii_case(exact)
            }
            Self::Exact(exact) => lower(text).eq(exact.chars()),
            Self::Glob(pieces) => glob(pieces, lower(text)),
        }
    }

    fn as_exact(&self) -> Option<&str> {
        match self {
            Self::Exact(exact) => Some(exact),
            Self::Glob(_) => None,
        }
    }

    /// What comes before the first wildcard.
    fn prefix(&self) -> String {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Glob(pieces) => pieces.iter().map_while(Piece::char).collect(),
        }
    }

    /// Whether it is a text and a `*` behind it, and nothing else.
    fn is_prefix(&self) -> bool {
        match self {
            Self::Exact(_) => false,
            Self::Glob(pieces) => pieces.split_last().is_some_and(|(last, rest)| {
                *last == Piece::Any && rest.iter().all(|p| p.char().is_some())
            }),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Glob(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Any => '*',
                    Piece::One => '?',
                    Piece::Char(c) => *c,
                })
                .collect(),
        }
    }
}

impl Piece {
    fn char(&self) -> Option<char> {
        match self {
            Self::Char(c) => Some(*c),
            Self::Any | Self::One => None,
        }
    }
}

/// Goes back to the last `*` alone, so that the time is at most the product of the two lengths. Allocates nothing.
fn glob(pattern: &[Piece], mut text: impl Iterator<Item = char> + Clone) -> bool {
    let mut place = 0;
    // What stands behind the last `*`, and the text from where that was last tried.
    let mut retry = None;
    loop {
        let here = text.clone();
        let next = text.next();
        match (pattern.get(place), next) {
            (Some(Piece::Any), _) => {
                place += 1;
                text = here;
                retry = Some((place, text.clone()));
            }
            (Some(Piece::One), Some(_)) => place += 1,
            (Some(Piece::Char(wanted)), Some(c)) if *wanted == c => place += 1,
            (None, None) => return true,
            _ => {
                let Some((after, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                place = *after;
                text = from.clone();
            }
        }
    }
}

impl TokenPattern {
    /// The patterns for a word as a user writes it: `web-0*` is `web` and `0*`. A `*` that stands alone at either end
    /// asks for nothing, and is left out; inside it is one word, whatever it is.
    pub(super) fn of_word(text: &str) -> Vec<Self> {
        let is_inner = |c: char| c.is_alphanumeric() || matches!(c, '*' | '?');
        let mut patterns = Vec::new();
        for run in text.split(|c: char| !is_inner(c)) {
            let mut start = 0;
            for (place, c) in run.char_indices() {
                if is_word_alone(c) {
                    patterns.extend(run.get(start..place));
                    patterns.extend(run.get(place..place + c.len_utf8()));
                    start = place + c.len_utf8();
                }
            }
            patterns.extend(run.get(start..));
        }
        patterns.retain(|pattern| !pattern.is_empty());
        let is_any = |pattern: &&str| pattern.bytes().all(|byte| byte == b'*');
        let lead = patterns.iter().take_while(|pattern| is_any(pattern)).count();
        let trail = patterns.iter().skip(lead).rev().take_while(|pattern| is_any(pattern)).count();
        let len = patterns.len() - lead - trail;
        patterns.into_iter().skip(lead).take(len).map(|run| Self(Pattern::glob(run))).collect()
    }

    /// The patterns for a text in quotes: its words, as they are.
    pub(super) fn of_phrase(text: &str) -> Vec<Self> {
        tokens(text).map(|token| Self(Pattern::exact(token))).collect()
    }

    /// Whether a word passes, in any case.
    pub fn matches(&self, token: &str) -> bool {
        self.0.matches(token)
    }

    /// The word, if it is one without wildcards; in lower case.
    pub fn as_exact(&self) -> Option<&str> {
        self.0.as_exact()
    }

    /// What every word that passes begins with; in lower case, may be empty.
    pub fn prefix(&self) -> String {
        self.0.prefix()
    }

    /// Whether every word that begins with [`prefix`](Self::prefix) passes.
    pub fn is_prefix(&self) -> bool {
        self.0.is_prefix()
    }
}

impl ValuePattern {
    /// A value as it is written, with wildcards.
    pub fn new(text: &str) -> Self {
        Self(Pattern::glob(text))
    }

    /// A value as it is: a `*` in it is a star.
    pub fn literal(text: &str) -> Self {
        Self(Pattern::exact(text))
    }

    /// Whether a whole value passes, in any case.
    pub fn matches(&self, value: &str) -> bool {
        self.0.matches(value)
    }

    /// The value, if it is one without wildcards; in lower case.
    pub fn as_exact(&self) -> Option<&str> {
        self.0.as_exact()
    }

    /// What every value that passes begins with; in lower case, may be empty.
    pub fn prefix(&self) -> String {
        self.0.prefix()
    }

    /// Whether every value passes that is there at all.
    pub fn is_any(&self) -> bool {
        matches!(&self.0, Pattern::Glob(pieces) if pieces.as_slice() == [Piece::Any])
    }
}

/// As it is written in a statement.
impl fmt::Display for TokenPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text())
    }
}

/// As it is written in a statement: in quotes, unless there are wildcards in it.
impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Exact(exact) => f.write_str(&quoted(exact)),
            Pattern::Glob(_) => f.write_str(&self.0.text()),
        }
    }
}

/// A value of others as a phrase of a statement: nothing in it is an operator or a wildcard.
///
/// ```
/// assert_eq!(eventcenter_core::query::quoted(r#"say "no""#), r#""say \"no\"""#);
/// ```
pub fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
