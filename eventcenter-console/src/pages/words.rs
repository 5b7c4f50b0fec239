//! The words of pages, in English and 简体中文: `assets/words/*.json`, `"key": ["English", "中文"]`.
//!
//! What Kubernetes names (reasons, kinds, keys of a statement) stays as it is. A key has both languages or a test
//! fails; so it does for a key that a page asks for and no file has, and for one that no page asks for.

use std::collections::BTreeMap;

use super::assets::Assets;
use crate::reader::Language;

/// The words of one language whose keys begin as one of `is_said`, up to their first `.`; by key.
pub(super) fn words(
    assets: &Assets,
    language: Language,
    is_said: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
