//! The files that pages are made of: styles, ES modules, words. They are in the program, and nothing else is asked for.
//!
//! All of them live under one version, `/assets/{version}/…`, which is a hash over all: modules name each other by
//! relative paths, and a browser may keep them for ever. A debug build reads them from the source tree when
//! one of them has changed, so that a page can be worked on without building anything.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use rust_embed::Embed;
use sha2::{Digest as _, Sha256};

use crate::packed;
use crate::problem::Problem;

#[derive(Embed)]
#[folder = "assets/"]
struct Files;

/// All files, and the version that names them.
pub(super) struct Assets {
    pub(super) version: String,
    files: BTreeMap<String, File>,
}

struct File {
    kind: &'static str,
    plain: Bytes,
    /// Empty if it cannot be had; then the file is sent as it is.
    gzip: Bytes,
}

static ASSETS: LazyLock<Arc<Assets>> = LazyLock::new(|| Arc::new(Assets::load()));

/// What is served now.
pub(super) fn assets() -> Arc<Assets> {
    if cfg!(debug_assertions) { as_they_are_written() } else { Arc::clone(&ASSETS) }
}

/// The files of the source tree. To read and pack all of them for each that is asked for would take most of a test's time.
fn as_they_are_written() -> Arc<Assets> {
    type Written = Vec<Option<SystemTime>>;
    static KEPT: Mutex<Option<(Written, Arc<Assets>)>> = Mutex::new(None);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let written = |name: &str| std::fs::metadata(folder.join(name))?.modified();
    let written: Written = Files::iter().map(|name| written(&name).ok()).collect();
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*kept {
        Some((known, assets)) if *known == written => Arc::clone(assets),
        _ => Arc::clone(&kept.insert((written, Arc::new(Assets::load()))).1),
    }
}

impl Assets {
    fn load() -> Self {
        let mut hash = Sha256::new();
        let mut names: Vec<_> = Files::iter().collect();
        names.sort_unstable();
        let files = names.into_iter().filter_map(|name| {
            let plain = Bytes::from(Files::get(&name)?.data.into_owned());
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(&plain);
            let file = File {
                kind: kind(&name),
                gzip: packed::gzip(&plain, Compression::best()).unwrap_or_default(),
                plain,
            };
            Some((name.into_owned(), file))
        });
        let files = files.collect();
        let version = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { version, files }
    }

    /// What the paths of all files begin with.
    pub(super) fn base(&self) -> String {
        format!("/assets/{}", self.version)
    }

    /// A file as text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(&self.files.get(name)?.plain).ok()
    }

    /// A file as text, with its path.
    pub(super) fn named(&self, path: &str) -> Option<(&str, &str)> {
        let (name, _) = self.files.get_key_value(path)?;
        Some((name, self.text(name)?))
    }

    /// The paths of all files.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

pub(super) async fn asset(
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let assets = assets();
    let Some(file) = assets.files.get(&name) else {
        return Problem::absent("there is no such file").into_response();
    };
    let is_gzip = !file.gzip.is_empty() && packed::is_taken(&headers);
    let body = if is_gzip { file.gzip.clone() } else { file.plain.clone() };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    // A page of an older program asks by an older version: it gets what there is, and does not keep it.
    if version == assets.version {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        headers.insert(header::CACHE_CONTROL, forever);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_visit_is_small() {
        let assets = Assets::load();
        let bytes: usize = assets.files.values().map(|file| file.gzip.len()).sum();
        assert!(
            bytes < 150_000,
            "{bytes} bytes of files: a first visit may take 250 kB with its answers"
        );
    }

    #[test]
    fn the_version_is_one_of_the_contents() {
        let version = Assets::load().version;
        assert_eq!(version.len(), 16);
        assert_eq!(version, Assets::load().version);
    }
}
