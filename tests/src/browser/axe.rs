//! The accessibility checker axe-core, in the page.
//!
//! It runs in a world of its own: it shares the document with the page and nothing else, so neither sees the other's
//! names, and the page's Content-Security-Policy stays in force for the page.

use serde_json::{Value, json};

use super::Page;

impl Page {
    /// The serious and critical faults that axe-core finds, each a line; fetches it the first time.
    ///
    /// # Panics
    ///
    /// When it cannot be fetched, or fails.
    pub async fn axe(&self) -> Vec<String> {
        let path = tokio::task::spawn_blocking(|| xtask::browser::axe(&|_| {})).await;
        let path = path.expect("a thread").unwrap_or_else(|error| panic!("{error:#}"));
        let script = std::fs::read_to_string(path).expect("the script of axe-core");
        let tree = self.ask("Page.getFrameTree", json!({})).await;
        let frame = json!({ "frameId": tree["frameTree"]["frame"]["id"], "worldName": "axe" });
        let world = self.ask("Page.createIsolatedWorld", frame).await;
        let world = world.get("executionContextId");
        let run = async |js: &str| {
            let done = self.try_eval_in(js, world).await;
            done.unwrap_or_else(|error| panic!("axe-core: {error}"))
        };
        run(&format!("{script}\n; undefined")).await;
        let found = run(
            "axe.run(document, { resultTypes: ['violations'] }).then(run => run.violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, impact, help, nodes }) =>
                `${id} (${impact}), ${nodes.length} times: ${help}; the first: ${nodes[0].html}`))",
        )
        .await;
        let found = found.as_array().cloned().unwrap_or_else(|| panic!("axe-core said {found}"));
        found.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
