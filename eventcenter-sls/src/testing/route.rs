//! Which call a request is, and the calls on projects, logstores and indexes.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::http::Request;
use super::objects::{self, Page};
use super::reply::{Refusal, Reply};
use super::state::{Account, Logstore, Object, Project, no_logstore, no_project};
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

    fn create_project(&self, account: &mut Account, host: Option<&str>) -> Result<Reply, Refusal> {
        let body = self.object()?;
        let name = text(&body, "projectName").unwrap_or_default().to_owned();
        if host.is_some_and(|host| host != name) {
            return Err(Refusal::parameter("projectName is not what the host names"));
        }
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = name.as_bytes();
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let good = (3..=63).contains(&bytes.len()) && bytes.iter().all(inner);
        if !good || !edge(bytes.first()) || !edge(bytes.last()) {
            return Err(Refusal::parameter(format!("project name {name} is invalid")));
        }
        if account.projects.contains_key(&name) {
            let message = format!("Project {name} already exist");
            return Err(Refusal::new(400, "ProjectAlreadyExist", message));
        }
        account.projects.insert(name, Project::new(body, self.now));
        Ok(Reply::ok())
    }

    fn describe(&self, name: &str, project: &Project) -> Reply {
        Reply::json(&self.description(name, project))
    }

    fn description(&self, name: &str, project: &Project) -> Value {
        let time = project.created.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let mut info = project.info.clone();
        info.entry("description").or_insert_with(|| "".into());
        info.insert("projectName".to_owned(), name.into());
        info.insert("status".to_owned(), "Normal".into());
        info.insert("owner".to_owned(), "".into());
        info.insert("region".to_owned(), self.region.into());
        info.insert("createTime".to_owned(), time.clone().into());
        info.insert("lastModifyTime".to_owned(), time.into());
        Value::Object(info)
    }

    fn create_logstore(&self, project: &mut Project) -> Result<Reply, Refusal> {
        let info = self.object()?;
        let invalid = |message: &str| Err(Refusal::new(400, "LogStoreInfoInvalid", message));
        let Some(name) = info.get("logstoreName").and_then(Value::as_str).map(str::to_owned) else {
            return invalid("key logstoreName is not exist");
        };
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        if !(2..=63).contains(&name.len()) || !name.bytes().all(inner) {
            return invalid(&format!("logstore name {name} is invalid"));
        }
        let ttl = info.get("ttl").and_then(Value::as_i64);
        if !ttl.is_some_and(|ttl| (1..=3650).contains(&ttl)) {
            return invalid("ttl must be in 1..3650");
        }
        if project.logstores.contains_key(&name) {
            let message = format!("logstore {name} already exist");
            return Err(Refusal::new(400, "LogStoreAlreadyExist", message));
        }
        project.logstores.insert(name, Logstore::new(info, self.now));
        Ok(Reply::ok())
    }

    fn list_logstores(&self, project: &Project) -> Result<Reply, Refusal> {
        let name = self.parameter("logstoreName").unwrap_or_default();
        let names = project.logstores.keys().filter(|key| key.contains(&name));
        let names: Vec<_> = names.map(|name| name.as_str().into()).collect();
        Ok(Reply::json(&Page::of(self)?.listed("logstores", &names)))
    }

    fn one_logstore(
        &self,
        account: &mut Account,
        project: &str,
        name: &str,
    ) -> Result<Reply, Refusal> {
        match self.method() {
            "GET" => {
                let logstore = account.logstore(project, name)?;
                let mut info = logstore.info.clone();
                let created = logstore.created.as_second();
                info.insert("createTime".to_owned(), created.into());
                info.insert("lastModifyTime".to_owned(), created.into());
                let count = logstore.shards.len();
                info.insert("shardCount".to_owned(), count.into());
                Ok(Reply::json(&Value::Object(info)))
            }
            "PUT" => {
                let logstore = account.logstore(project, name)?;
                let mut new = self.object()?;
                // It is said again by clients, and cannot be changed so.
                new.remove("shardCount");
                logstore.info.extend(new);
                Ok(Reply::ok())
            }
            "DELETE" => {
                let gone = account.project(project)?.logstores.remove(name);
                account.forget(&gone.ok_or_else(|| no_logstore(name))?);
                Ok(Reply::ok())
            }
            // PutLogs as it was spelt in 2015, and by the Go client still.
            "POST" => logs::put(self, account, (project, name), None),
            _ => Err(self.method_invalid()),
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

    fn index(&self, name: &str, logstore: &mut Logstore) -> Result<Reply, Refusal> {
        let missing = || {
            let message = format!("logstore {name} without index config");
            Refusal::new(400, "IndexConfigNotExist", message)
        };
        match self.method() {
            "GET" => {
                let mut index = logstore.index.clone().ok_or_else(missing)?;
                index.insert("index_mode".to_owned(), "v2".into());
                index.insert("storage".to_owned(), "pg".into());
                index.insert("ttl".to_owned(), logstore.info.get("ttl").cloned().into());
                index.insert("lastModifyTime".to_owned(), self.now.as_second().into());
                Ok(Reply::json(&Value::Object(index)))
            }
            "POST" if logstore.index.is_some() => {
                let message = "log store index is already created";
                Err(Refusal::new(400, "IndexAlreadyExist", message))
            }
            "PUT" | "DELETE" if logstore.index.is_none() => {
                Err(Refusal::parameter("log store index is not created"))
            }
            "POST" | "PUT" => {
                let index = self.object()?;
                let has_tokens = |part: &Value| part.get("token").is_some_and(Value::is_array);
                let lines = index.get("line").into_iter().all(has_tokens);
                if !lines || (!index.contains_key("line") && !index.contains_key("keys")) {
                    let message = "required field token is lacking or of error format";
                    return Err(Refusal::new(400, "IndexInfoInvalid", message));
                }
                logstore.index = Some(index);
                Ok(Reply::ok())
            }
            "DELETE" => {
                logstore.index = None;
                Ok(Reply::ok())
            }
            _ => Err(self.method_invalid()),
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

/// The names of what an `Object` holds, for lists.
pub(super) fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// A list in an object, for answers.
pub(super) fn listing(key: &str, items: &[Value], total: usize) -> Value {
    json!({ "count": items.len(), "total": total, key: items })
}
