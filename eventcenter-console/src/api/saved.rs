//! What people keep: saved queries, for all who use this server.
//!
//! Each has an `ETag`, its revision. A change says which one it has seen (`If-Match`) and is refused with 412 if there
//! is a newer one. `If-Match: *` changes whatever there is.
//!
//! As YAML, all of them are one document: to keep in a repository, and to bring to another server. What is imported
//! replaces what has the same id; the answer says what became of each.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eventcenter_core::config::{ByteSize, read as read_yaml};
use eventcenter_core::{ErrorKind, plain_json};
use eventcenter_store::saved::{Draft, Kind, MOST_BODY, Saved, SavedThings, Written};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Reply, alone};
use crate::Shared;
use crate::body;
use crate::config::Auth;
use crate::params::Params;
use crate::problem::Problem;

/// Bytes of an import: a hundred of the largest, thousands of common ones.
const MOST_IMPORT: ByteSize = ByteSize::new(100 * MOST_BODY as u64);

/// What somebody wants to be kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    kind: Kind,
    name: String,
    body: Map<String, Value>,
}

impl Given {
    fn draft(self) -> Result<Draft, Problem> {
        let Self { kind, name, body } = self;
        match kind {
            Kind::Query if !body.get("query").is_some_and(Value::is_string) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Err(Problem::new(status, "the body of a query has its statement: `query`"))
            }
            Kind::Query => Ok(Draft::new(kind, &name, body)?),
            Kind::Cluster => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Err(Problem::new(status, "a cluster is changed at /api/v1/clusters"))
            }
        }
    }
}

pub(crate) async fn list(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    #[derive(Serialize)]
    struct List {
        saved: Vec<Saved>,
    }
    alone(&List { saved: found(&shared, query.as_deref()).await? })
}

pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let given: Given = body::json(&headers, body, &shared.config.limits).await?;
    let written = things(&shared)?.create(&given.draft()?, None, &who(&shared, &headers)).await?;
    changed(written, StatusCode::CREATED)
}

pub(crate) async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Reply {
    let found = things(&shared)?.get(&id).await?.filter(is_own);
    tagged(&found.ok_or_else(absent)?, StatusCode::OK)
}

/// What is set of clusters has effects that this path knows nothing of.
fn is_own(saved: &Saved) -> bool {
    saved.draft.kind() != Kind::Cluster
}

async fn found(shared: &Shared, query: Option<&str>) -> Result<Vec<Saved>, Problem> {
    let mut saved = things(shared)?.list(kind(query)?).await?;
    saved.retain(is_own);
    Ok(saved)
}

pub(crate) async fn replace(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let seen = seen(&headers)?;
    let given: Given = body::json(&headers, body, &shared.config.limits).await?;
    let who = who(&shared, &headers);
    let written = things(&shared)?.replace(&id, seen, &given.draft()?, &who).await?;
    changed(written, StatusCode::OK)
}

pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Reply {
    let (things, seen) = (things(&shared)?, seen(&headers)?);
    if things.get(&id).await?.is_some_and(|saved| !is_own(&saved)) {
        return Err(absent());
    }
    changed(things.delete(&id, seen).await?, StatusCode::OK)
}

/// One of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    kind: Kind,
    name: String,
    body: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    saved: Vec<Entry>,
}

pub(crate) async fn export(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let saved = found(&shared, query.as_deref()).await?;
    let entry = |Saved { id, draft, .. }: Saved| Entry {
        id,
        kind: draft.kind(),
        name: draft.name().to_owned(),
        body: draft.body().clone(),
    };
    let document = Document { saved: saved.into_iter().map(entry).collect() };
    let text = yaml(&document).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer is no YAML: {error}"))
    })?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text).into_response())
}

/// The document as YAML. If it has characters that are orders to a terminal it is written as JSON, which is YAML too and
/// can escape them wherever they stand.
fn yaml(document: &Document) -> Result<String, Box<dyn std::error::Error>> {
    let text = serde_saphyr::to_string(document)?;
    if matches!(plain_json(&text), Cow::Borrowed(_)) {
        return Ok(text);
    }
    Ok(plain_json(&serde_json::to_string_pretty(document)?).into_owned())
}

/// What became of an entry.
#[derive(Serialize)]
struct Imported {
    id: String,
    name: String,
    /// `created`, `replaced`, `unchanged`, `refused`.
    became: &'static str,
    /// Why, if it was refused; else empty.
    why: String,
}

/// All of the document is read and checked before anything is kept.
pub(crate) async fn import(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    #[derive(Serialize)]
    struct Outcome {
        imported: Vec<Imported>,
    }
    // A form of another site can send no such type.
    body::is_of_kind(&headers, "application/yaml")?;
    let bytes = body::at_most(body, &shared.config.limits, MOST_IMPORT).await?;
    let text = String::from_utf8(bytes.into()).map_err(|_| Problem::bad("the body is no UTF-8"))?;
    let document: Document =
        read_yaml("the body", &text).map_err(|error| Problem::bad(error.to_string()))?;
    let (things, who) = (things(&shared)?, who(&shared, &headers));
    let mut drafts = Vec::new();
    for Entry { id, kind, name, body } in document.saved {
        if id.is_empty()
            || id.len() > 64
            || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(Problem::bad("an id is 1 to 64 letters, digits and `-`"));
        }
        drafts.push((id, Given { kind, name, body }.draft()?));
    }
    let mut imported = Vec::new();
    for (id, draft) in drafts {
        let (became, why) = bring(things, &id, &draft, &who).await?;
        imported.push(Imported { id, name: draft.name().to_owned(), became, why });
    }
    alone(&Outcome { imported })
}

async fn bring(
    things: &dyn SavedThings,
    id: &str,
    draft: &Draft,
    who: &str,
) -> Result<(&'static str, String), Problem> {
    let taken = |other: Saved| ("refused", format!("{} is called so already", other.id));
    let created = match things.create(draft, Some(id), who).await {
        Err(error) if error.kind() == ErrorKind::Refused => {
            return Ok(("refused", error.message().to_owned()));
        }
        created => created?,
    };
    Ok(match created {
        Written::Conflict(found) if found.draft == *draft => ("unchanged", String::new()),
        Written::Conflict(_) => match things.replace(id, None, draft, who).await? {
            Written::NameTaken(other) => taken(other),
            // Without a revision there is no conflict, and what is removed in between is made by the next import.
            Written::Absent | Written::Conflict(_) => {
                ("refused", "it was removed meanwhile".to_owned())
            }
            Written::Done(_) => ("replaced", String::new()),
        },
        Written::NameTaken(other) => taken(other),
        Written::Done(_) | Written::Absent => ("created", String::new()),
    })
}

/// What keeps them. A console over an engine of others may have nothing that does.
fn things(shared: &Shared) -> Result<&dyn SavedThings, Problem> {
    shared.saved.as_deref().ok_or_else(|| Problem::absent("nothing can be saved here"))
}

fn kind(query: Option<&str>) -> Result<Option<Kind>, Problem> {
    let params = Params::read(query, &["kind"])?;
    let Some(name) = params.text("kind") else { return Ok(None) };
    let kind = Kind::named(name).filter(|kind| *kind != Kind::Cluster);
    kind.map(Some).ok_or_else(|| Problem::bad("`kind` is query"))
}

/// Who it is, as far as that is known: the proxy says so; who has the token is one of several.
pub(super) fn who(shared: &Shared, headers: &HeaderMap) -> String {
    match &shared.config.auth {
        None | Some(Auth::None) => String::new(),
        Some(Auth::Token(_)) => "token".to_owned(),
        Some(Auth::Proxy(proxy)) => {
            let who = headers.get(&proxy.header).map(|who| String::from_utf8_lossy(who.as_bytes()));
            who.unwrap_or_default().into_owned()
        }
    }
}

/// The revision that a change has seen; none if it is to replace whatever there is.
fn seen(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let given = headers.get(header::IF_MATCH).and_then(|given| given.to_str().ok());
    let Some(given) = given.map(str::trim) else {
        let detail =
            "say which revision you have seen: `If-Match: \"1\"`, or `*` for whatever there is";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail));
    };
    if given == "*" {
        return Ok(None);
    }
    let number = given.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let number = number.and_then(|number| number.parse().ok());
    number.map(Some).ok_or_else(|| Problem::bad("`If-Match` is a revision in quotes, or `*`"))
}

fn changed(written: Written, status: StatusCode) -> Reply {
    match written {
        Written::Done(saved) => tagged(&saved, status),
        Written::Absent => Err(absent()),
        Written::Conflict(saved) => {
            let detail =
                format!("somebody has changed it meanwhile: it is at revision {}", saved.revision);
            Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail))
        }
        Written::NameTaken(saved) => {
            let detail = format!("there is one of this name: {}", saved.id);
            Err(Problem::new(StatusCode::CONFLICT, detail))
        }
    }
}

fn absent() -> Problem {
    Problem::absent("there is no such saved thing")
}

fn tagged(saved: &Saved, status: StatusCode) -> Reply {
    let tag = [(header::ETAG, format!("\"{}\"", saved.revision))];
    let response: Response = alone(saved)?;
    Ok((status, tag, response).into_response())
}
