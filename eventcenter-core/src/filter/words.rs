//! The alternatives under one key, compiled.

use memchr::memmem::Finder;
use regex::{RegexSet, RegexSetBuilder};

use super::glob;
use super::pattern::{Pattern, Patterns};

/// What plain text asks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// To be this text.
    Equals,
    /// To contain it.
    Contains,
}

/// Alternatives, the cheap ones first. Tests without allocating.
#[derive(Debug)]
pub(super) struct Words {
    /// Sorted.
    exact: Box<[Box<str>]>,
    parts: Box<[Finder<'static>]>,
    globs: Box<[Box<str>]>,
    regexes: Option<RegexSet>,
}

impl Words {
    /// Regular expressions were checked one by one; all of one key together may still be too large.
    pub(super) fn compile(patterns: &Patterns, plain: Plain) -> Result<Self, String> {
        let (mut exact, mut parts, mut globs, mut regexes) = (vec![], vec![], vec![], vec![]);
        for pattern in patterns.as_slice() {
            match pattern {
                Pattern::Text(text) if plain == Plain::Equals => exact.push(text.clone()),
                Pattern::Text(text) => parts.push(Finder::new(text.as_bytes()).into_owned()),
                Pattern::Glob(glob) => globs.push(glob.clone()),
                Pattern::Regex(regex) => regexes.push(&**regex),
            }
        }
        exact.sort_unstable();
        let regexes = (!regexes.is_empty())
            .then(|| {
                let limit = 4 * Pattern::MAX_REGEX_BYTES;
                RegexSetBuilder::new(regexes).size_limit(limit).build()
            })
            .transpose()
            .map_err(|_| "the regular expressions of this key are too large together".to_owned())?;
        Ok(Self { exact: exact.into(), parts: parts.into(), globs: globs.into(), regexes })
    }

    /// Whether one of the alternatives takes this value.
    pub(super) fn take(&self, value: &str) -> bool {
        self.exact.binary_search_by(|word| (**word).cmp(value)).is_ok()
            || self.parts.iter().any(|part| part.find(value.as_bytes()).is_some())
            || self.globs.iter().any(|pattern| glob::matches(pattern, value))
            || self.regexes.as_ref().is_some_and(|regexes| regexes.is_match(value))
    }
}
