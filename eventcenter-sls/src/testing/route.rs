//! Which call a request is.

mod logstores;
mod projects;

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::http::Request;
use super::objects::{self, Page};
use super::reply::{Refusal, Reply};
use super::state::{Account, Object, no_project};
use super::{consumers, logs, pull};

/// A request whose signature holds and whose body is decompressed, and what it is answered by.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// What the host names.
    pub(super) project: Option<&'a str>,
    pub(super) body: Cow<'a, [u8]>,
    pub(super) now: Timestamp,
    pub(super) region: &'a str,
    /// How long what was just made cannot be written to.
    pub(super) lag: SignedDuration,
    pub(super) most_logs: usize,
}

impl Call<'_> {
    pub(super) fn method(&self) -> &str {
        &self.request.method
    }

    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.request.parameter(name)
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Object, Refusal> {
        let invalid = |why: String| Refusal::new(400, "PostBodyInvalid", why);
        let kind = self.request.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/json") {
            let message = format!("Content-Type {kind} is unsupported");
            return Err(Refusal::new(415, "InvalidContentType", message));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(invalid("The body is not valid json object".to_owned())),
            Err(error) => Err(invalid(format!("The body is not valid json string: {error}"))),
        }
    }

    /// Answers it.
    pub(super) fn answer(&self, account: &mut Account) -> Result<Reply, Refusal> {
        let segments = self.request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let Some(project) = self.project else { return self.bare(account, &path) };
        match (self.method(), path.as_slice()) {
            ("POST", []) => return self.create_project(account, Some(project)),
            ("DELETE", []) => {
                let gone = account.projects.remove(project).ok_or_else(|| no_project(project))?;
                gone.logstores.values().for_each(|logstore| account.forget(logstore));
                return Ok(Reply::ok());
            }
            _ => {}
        }
        account.project(project)?;
        match (self.method(), path.as_slice()) {
            ("GET", []) => Ok(self.describe(project, account.project(project)?)),
            ("PUT", []) => {
                let new = self.object()?;
                account.project(project)?.info.extend(new);
                Ok(Reply::ok())
            }
            ("POST", ["logstores"]) => self.create_logstore(account.project(project)?),
            ("GET", ["logstores"]) => self.list_logstores(account.project(project)?),
            (_, ["logstores", name]) if self.parameter("type").is_none() => {
                self.one_logstore(account, project, name)
            }
            (_, ["logstores", name, rest @ ..]) => self.in_logstore(account, (project, name), rest),
            (_, rest) => objects::answer(self, &mut account.project(project)?.objects, rest),
        }
    }

    /// Calls that concern no project.
    fn bare(&self, account: &mut Account, path: &[&str]) -> Result<Reply, Refusal> {
        match (self.method(), path) {
            // As the client for Node.js does it.
            ("POST", []) => self.create_project(account, None),
            ("GET", []) => {
                let name = self.parameter("projectName").unwrap_or_default();
                let found = account.projects.iter().filter(|(key, _)| key.contains(&name));
                let found = found.map(|(key, project)| self.description(key, project));
                let found: Vec<_> = found.collect();
                Ok(Reply::json(&Page::of(self)?.listed("projects", &found)))
            }
            (_, ["resources", rest @ ..]) => objects::resources(self, &mut account.objects, rest),
            _ => Err(Refusal::new(400, "InvalidHost", "the host names no project")),
        }
    }

    fn in_logstore(
        &self,
        account: &mut Account,
        (project, name): (&str, &str),
        rest: &[&str],
    ) -> Result<Reply, Refusal> {
        let kind = self.parameter("type");
        match (self.method(), rest, kind.as_deref()) {
            ("POST", ["shards", "lb"], None) => logs::put(self, account, (project, name), None),
            ("POST", ["shards", "route"], None) => {
                let key = self.parameter("key");
                let key = key.ok_or_else(|| Refusal::parameter("parameter key is missing"))?;
                logs::put(self, account, (project, name), Some(&key))
            }
            ("POST", ["logs"], None) => logs::get(self, account.logstore(project, name)?),
            ("GET", [], Some("log")) => logs::get_old(self, account.logstore(project, name)?),
            ("GET", [] | ["index"], Some("histogram")) => {
                logs::histogram(self, account.logstore(project, name)?)
            }
            ("GET", ["shards"], None) => {
                Ok(Reply::json(&account.logstore(project, name)?.list_shards()))
            }
            ("GET", ["shards", id], Some("cursor")) => {
                pull::cursor(self, account.logstore(project, name)?.shard(id)?)
            }
            ("GET", ["shards", id], Some("cursor_time")) => {
                account.logstore(project, name)?.shard(id)?;
                pull::cursor_time(self)
            }
            ("GET", ["shards", id], Some("logs" | "log")) => {
                pull::logs(self, account.logstore(project, name)?.shard(id)?)
            }
            (_, ["index"], None) => self.index(name, account.logstore(project, name)?),
            (_, ["consumergroups", rest @ ..], _) => {
                consumers::answer(self, account.logstore(project, name)?, rest)
            }
            (_, ["substores", rest @ ..], None) => {
                objects::substores(self, &mut account.logstore(project, name)?.substores, rest)
            }
            _ => {
                account.logstore(project, name)?;
                Err(self.unknown())
            }
        }
    }

    pub(super) fn method_invalid(&self) -> Refusal {
        let message = format!("The request method {} is invalid", self.method());
        Refusal::new(405, "InvalidMethod", message)
    }

    /// What the double does not do is refused and not made up.
    pub(super) fn unknown(&self) -> Refusal {
        let Request { method, path, .. } = self.request;
        Refusal::new(404, "NotSupported", format!("the double does not know {method} {path}"))
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: String| {
            text.parse().map_err(|_| Refusal::parameter(format!("parameter {name} is no number")))
        };
        self.parameter(name).filter(|text| !text.is_empty()).map(parse).transpose()
    }
}

/// A text in an object.
pub(super) fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// A list in an object, for answers.
pub(super) fn listing(key: &str, items: &[Value], total: usize) -> Value {
    json!({ "count": items.len(), "total": total, key: items })
}
