//! The configuration as the program understood it, defaults and all, for whoever asks why it does what it does.
//!
//! It is what the checked values print, and secrets print as `***`: nothing here has to know which of them are.

use std::fmt::Write as _;

use axum::Router;
use axum::http::header;
use axum::routing::get;

use crate::config::CenterConfig;

/// `/settings`, as text.
pub(super) fn routes(config: &CenterConfig) -> Router {
    let text = told(config);
    let plain = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    Router::new().route("/settings", get(move || async move { ([plain], text) }))
}

fn told(config: &CenterConfig) -> String {
    let CenterConfig { common, store, console } = config;
    let mut text = String::new();
    // Writing to a String cannot fail.
    for cluster in &common.clusters {
        writeln!(text, "clusters: {cluster:#?}").ok();
    }
    writeln!(text, "state_dir: {:#?}", common.state_dir).ok();
    writeln!(text, "spool: {:#?}", common.spool).ok();
    writeln!(text, "dead_letters: {:#?}", common.dead_letters).ok();
    writeln!(text, "grace: {:#?}", common.grace).ok();
    for sink in &common.sinks {
        writeln!(text, "sinks: {sink:#?}").ok();
    }
    match &common.routes {
        Some(routes) => writeln!(text, "routes: {routes:#?}").ok(),
        None => writeln!(text, "routes: every sink takes every event").ok(),
    };
    writeln!(text, "store: {store:#?}").ok();
    writeln!(text, "console: {console:#?}").ok();
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_center;

    #[test]
    fn settings_are_told_without_their_secrets() {
        let text = "\
console: { auth: { token: hush-1 } }
sinks:
- name: hook
  webhook: { url: https://example.org/hush-2, headers: { Authorization: hush-3 } }
- name: robot
  dingtalk: { access_token: hush-4, secret: hush-5, url: https://example.org/robot?key=hush-6 }
routes:
  sinks: [hook]
  routes: [{ match: { namespaces: shop }, sinks: [robot] }]
";
        let told = told(&parse_center("test.yaml", text).expect("a configuration"));
        assert!(!told.contains("hush"), "{told}");
        assert_eq!(told.matches("***").count(), 6, "{told}");
        assert!(told.contains("name: \"hook\"") && told.contains("127.0.0.1:8085"), "{told}");
        let routes = told.split("routes: RouteConfig").nth(1).expect("routes");
        assert!(routes.contains("\"shop\"") && routes.contains("\"robot\""), "{told}");
    }
}
