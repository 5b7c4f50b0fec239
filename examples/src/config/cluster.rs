//! What is to be checked about clusters beyond what is checked while they are read.

use std::collections::HashSet;

use eventcenter_core::config::{ConfigError, KeyPath};
use eventcenter_kube::ClusterConfig;

/// There is one; names are their own and not empty; selectors look like selectors.
pub(super) fn check(clusters: &[ClusterConfig]) -> Result<(), ConfigError> {
    if clusters.is_empty() {
        let message = "there is no cluster; leave the key out for the one that kubectl would find";
        return Err(ConfigError::new(KeyPath::root().key("clusters"), message));
    }
    let mut names = HashSet::new();
    for (index, cluster) in clusters.iter().enumerate() {
        let wrong = |key: &str, message| {
            Err(ConfigError::new(super::at("clusters", index).key(key), message))
        };
        match &cluster.name {
            Some(name) if name.is_empty() => {
                return wrong("name", "the name is empty".to_owned());
            }
            Some(name) if !names.insert(name) => {
                return wrong("name", format!("two clusters are called {name:?}"));
            }
            _ => {}
        }
        let selectors = [
            ("label_selector", &cluster.label_selector),
            ("field_selector", &cluster.field_selector),
        ];
        for (key, selector) in selectors {
            if let Some(message) = selector.as_deref().and_then(wrong_selector) {
                return wrong(key, message);
            }
        }
    }
    Ok(())
}

/// Terms of a selector are divided by commas, and each begins with a key. The rest is the API server's to judge.
fn wrong_selector(selector: &str) -> Option<String> {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "!-_./".contains(c);
    let mut depth = 0;
    let mut terms = selector.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    let term = terms.find(|term| !term.trim_start().starts_with(is_key))?;
    Some(format!("invalid selector {selector:?}: {term:?} does not begin with a key"))
}
