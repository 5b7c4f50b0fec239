//! The words of pages, in English and 简体中文: `assets/words/*.json`, `"key": ["English", "中文"]`.
//!
//! What Kubernetes names (reasons, kinds, keys of a statement) stays as it is. A key has both languages or a test
//! fails; so it does for a key that a page asks for and no file has, and for one that no page asks for.

use std::collections::BTreeMap;

use super::assets::Assets;
use crate::reader::Language;

/// By key.
pub(super) type Words = BTreeMap<String, String>;

/// The words of one language whose keys begin as one of `is_said`, up to their first `.`; by key.
pub(super) fn words(assets: &Assets, language: Language, is_said: impl Fn(&str) -> bool) -> Words {
    let mut words = BTreeMap::new();
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut passes = |key: &str| {
        let beginning = key.split_once('.').map_or(key, |(beginning, _)| beginning);
        *known.entry(beginning.to_owned()).or_insert_with(|| is_said(beginning))
    };
    for name in assets.names().filter(|name| name.starts_with("words/")) {
        let file: BTreeMap<String, (String, String)> =
            assets.text(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let file = file.into_iter().filter(|(key, _)| passes(key));
        words.extend(file.map(|(key, (english, chinese))| match language {
            Language::English => (key, english),
            Language::Chinese => (key, chinese),
        }));
    }
    words
}

/// A text with each `{name}` replaced by its value.
pub(super) fn filled(text: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = part.split_once('}').and_then(|(name, rest)| Some((values.get(name)?, rest)));
        match known {
            Some((value, rest)) => filled.extend([value, rest]),
            None => filled.extend(["{", part]),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use eventcenter_core::Query;
    use eventcenter_core::query::Statement;

    use super::super::assets::assets;
    use super::*;

    type File = BTreeMap<String, (String, String)>;

    fn files() -> Vec<(String, File)> {
        let assets = assets();
        let names = assets.names().filter(|name| name.starts_with("words/"));
        names
            .map(|name| {
                let file = serde_json::from_str(assets.text(name).unwrap())
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                (name.to_owned(), file)
            })
            .collect()
    }

    #[test]
    fn every_word_is_there_in_both_languages() {
        let mut seen = BTreeSet::new();
        for (name, file) in files() {
            for (key, (english, chinese)) in file {
                assert!(!english.trim().is_empty() && !chinese.trim().is_empty(), "{name}: {key}");
                let places = |text: &str| {
                    let mut places: Vec<_> = text
                        .split('{')
                        .skip(1)
                        .filter_map(|rest| rest.split_once('}').map(|(place, _)| place.to_owned()))
                        .collect();
                    places.sort();
                    places
                };
                assert_eq!(places(&english), places(&chinese), "{name}: {key}");
                assert!(seen.insert(key.clone()), "{name}: {key} is there twice");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_statement_is_said_in_both_languages() {
        let known: File = files().into_iter().flat_map(|(_, file)| file).collect();
        let nested = format!("{}a", "not ".repeat(100));
        let (many, long) = ("a ".repeat(2000), "a".repeat(100_000));
        for (statement, code) in [
            ("a | b | c", "bar"),
            ("\"a", "open-quote"),
            (&long, "too-long"),
            (&nested, "too-deep"),
            (&many, "too-many-terms"),
            ("a)", "stray-close"),
            ("(a", "open-parenthesis"),
            ("not", "expected-term"),
            ("and a", "operator"),
            ("level :", "expected-value"),
            ("reason : \"\"", "empty-quotes"),
            ("count >", "expected-number"),
            ("count : many", "no-number"),
            ("level : Fatal", "no-level"),
            ("reason > 3", "text-compared"),
            ("count in [a", "no-number"),
            ("count in [3 \"a\"]", "expected-range"),
            ("count in [3 4", "open-range"),
            ("zzzzz : 1", "unknown-key"),
            ("reasn : 1", "unknown-key-near"),
            ("-", "no-word"),
            ("a |", "expected-select"),
        ] {
            let short: String = statement.chars().take(20).collect();
            let parsed = Statement::parse(statement).and_then(|_| Query::parse(statement));
            let error = parsed.err().unwrap_or_else(|| panic!("{short}"));
            let mistake = error.mistake.unwrap_or_else(|| panic!("{short}: {}", error.message));
            assert_eq!(mistake.code, code, "{short}: {}", error.message);
            let (english, chinese) = &known[&format!("mistake.{code}")];
            let values = mistake.values.into_iter().collect();
            for sentence in [english, chinese] {
                let filled = filled(sentence, &values);
                assert!(!filled.contains(['{', '}']), "{short}: {filled}");
            }
        }
    }

    /// Keys are written out, `t('status.title')`, or begin so, t(`level.${level}`) and `many('parts.events', 3)`.
    #[test]
    fn pages_ask_for_words_that_there_are_and_for_all_of_them() {
        let assets = assets();
        let known: BTreeSet<String> =
            files().into_iter().flat_map(|(_, file)| file.into_keys()).collect();
        let call =
            regex::Regex::new(r"\b(t|many)\(\s*(?:'([^']+)'|`([^`$]*)\$\{[^}]*\}`)").unwrap();
        let (mut asked, mut beginnings) = (BTreeSet::new(), BTreeSet::new());
        for name in assets.names().filter(|name| name.ends_with(".js")) {
            let text = assets.text(name).unwrap();
            for found in call.captures_iter(text) {
                if let Some(key) = found.get(2) {
                    if &found[1] == "many" {
                        beginnings.insert(format!("{}.", key.as_str()));
                        continue;
                    }
                    assert!(
                        known.contains(key.as_str()),
                        "{name}: there is no word {}",
                        key.as_str()
                    );
                    asked.insert(key.as_str().to_owned());
                }
                if let Some(beginning) = found.get(3) {
                    assert!(beginning.as_str().contains('.'), "{name}: {}", beginning.as_str());
                    beginnings.insert(beginning.as_str().to_owned());
                }
            }
        }
        // What the shell says.
        beginnings.extend(["page.", "shell."].map(str::to_owned));
        for beginning in &beginnings {
            assert!(
                known.iter().any(|key| key.starts_with(beginning)),
                "no word begins with {beginning}"
            );
        }
        let unasked: Vec<_> = known
            .iter()
            .filter(|key| !asked.contains(*key) && !beginnings.iter().any(|b| key.starts_with(b)))
            .collect();
        assert!(unasked.is_empty(), "nobody asks for {unasked:?}");
    }
}
