//! What a page needs of all the files: its module with those that it imports, and the words that these say.
//!
//! Both are read from the modules as they are written: an import ends in `from './other.js'`, and a key of a word
//! begins with a quote, `'status.title'` or `` `level.${level}` ``. So there is no second list to keep, and a first visit
//! fetches nothing that the page does not use.

use std::collections::BTreeSet;

use super::assets::Assets;

/// The paths of a module and of all that it imports, in the order of their names.
pub(super) fn modules<'a>(assets: &'a Assets, module: &str) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    let mut asked = vec![module.to_owned()];
    while let Some(path) = asked.pop() {
        let Some((path, text)) = assets.named(&path) else { continue };
        if all.insert(path) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            asked.extend(imports(text).map(|relative| resolved(folder, relative)));
        }
    }
    all
}

/// Whether one of these modules, or the shell, says words whose keys begin so, up to their first `.`.
pub(super) fn says(assets: &Assets, modules: &BTreeSet<&str>, beginning: &str) -> bool {
    let quoted = [format!("'{beginning}."), format!("`{beginning}.")];
    matches!(beginning, "page" | "shell")
        || modules
            .iter()
            .filter_map(|module| assets.text(module))
            .any(|text| quoted.iter().any(|quoted| text.contains(quoted.as_str())))
}

fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("from '").skip(1).filter_map(|rest| rest.split_once('\'').map(|(path, _)| path))
}

/// `../lib/dom.js` beside `pages/pod.js` is `lib/dom.js`.
fn resolved(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::PAGES;
    use super::super::assets::assets;
    use super::super::words::words;
    use super::*;
    use crate::reader::Language;

    #[test]
    fn a_page_fetches_what_it_imports_and_nothing_else() {
        let assets = assets();
        let of_nodes = modules(&assets, "pages/nodes.js");
        assert!(of_nodes.contains("pages/nodes.js") && of_nodes.contains("lib/windowed.js"));
        // Imported by what is imported.
        assert!(of_nodes.contains("lib/taste.js"));
        assert!(!of_nodes.contains("lib/saved.js") && !of_nodes.contains("pages/pod.js"));
        let of_pod = modules(&assets, "pages/pod.js");
        assert!(of_pod.contains("pages/pod/life.js") && of_pod.contains("lib/lanes/layout.js"));
    }

    #[test]
    fn every_module_belongs_to_a_page() {
        let assets = assets();
        let of_pages: BTreeSet<_> = PAGES
            .iter()
            .flat_map(|page| modules(&assets, &format!("pages/{}.js", page.module)))
            .collect();
        let all: BTreeSet<_> = assets.names().filter(|name| name.ends_with(".js")).collect();
        assert_eq!(all, of_pages);
    }

    #[test]
    fn a_page_has_every_word_that_its_modules_ask_for() {
        let assets = assets();
        let call = regex::Regex::new(r"\bt\(\s*'([^']+)'").unwrap();
        for page in &PAGES {
            let modules = modules(&assets, &format!("pages/{}.js", page.module));
            let is_said = |beginning: &str| says(&assets, &modules, beginning);
            let words = words(&assets, Language::English, is_said);
            for module in &modules {
                for asked in call.captures_iter(assets.text(module).unwrap()) {
                    assert!(words.contains_key(&asked[1]), "{}: {}", page.path, &asked[1]);
                }
            }
        }
    }

    #[test]
    fn paths_are_relative_to_the_module() {
        assert_eq!(resolved("pages", "../lib/dom.js"), "lib/dom.js");
        assert_eq!(resolved("lib/lanes", "./input.js"), "lib/lanes/input.js");
        assert_eq!(resolved("pages/pod", "../../lib/dom.js"), "lib/dom.js");
    }
}
