//! Objects that are made, read, changed and deleted by name, and otherwise mean nothing to the double: dashboards, saved
//! searches, jobs and alerts, scheduled SQL, Logtail configurations, machine groups, sub-stores, resources and records.
//!
//! All that was sent is given back, so that unknown fields can be seen to survive.

mod resources;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reply::{Refusal, Reply};
use super::route::{Call, listing, text};
use super::state::{Object, Objects};

pub(super) use resources::resources;

/// How a kind of objects is spelt.
struct Kind {
    /// The first part of the path; also under which the objects are kept.
    path: &'static str,
    /// Where the name stands in an object.
    name: &'static str,
    /// The names in an answer to a list; empty: the objects themselves, as `results`.
    names: &'static str,
    /// Objects, besides their names.
    items: &'static str,
    /// What the codes begin with.
    code: &'static str,
}

const KINDS: &[Kind] = &[
    kind("dashboards", "dashboardName", "dashboards", "dashboardItems", "Dashboard"),
    kind("savedsearches", "savedsearchName", "savedsearches", "savedsearchItems", "SavedSearch"),
    kind("jobs", "name", "", "results", "Job"),
    kind("alerts", "name", "", "results", "Job"),
    kind("scheduledsqls", "name", "", "results", "Job"),
    kind("configs", "configName", "configs", "", "Config"),
    kind("pipelineconfigs", "configName", "configs", "", "Config"),
    kind("machinegroups", "groupName", "machinegroups", "", "MachineGroup"),
];

const fn kind(
    path: &'static str,
    name: &'static str,
    names: &'static str,
    items: &'static str,
    code: &'static str,
) -> Kind {
    Kind { path, name, names, items, code }
}

impl Kind {
    /// Alerts are jobs, under another path.
    fn kept(&self) -> &'static str {
        if self.code == "Job" { "jobs" } else { self.path }
    }

    fn missing(&self, name: &str) -> Refusal {
        let message = format!("specified {} {name} does not exist", self.code.to_lowercase());
        Refusal::new(404, format!("{}NotExist", self.code), message)
    }
}

/// Which part of a list is asked for.
pub(super) struct Page {
    offset: usize,
    size: usize,
}

impl Page {
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        let number = |name: &str, usual: usize| {
            let number = call.number(name)?;
            let invalid = |_| Refusal::parameter(format!("parameter {name} is out of range"));
            number.map_or(Ok(usual), |number| usize::try_from(number).map_err(invalid))
        };
        let size = number("size", 500)?;
        Ok(Self { offset: number("offset", 0)?, size: size.min(500) })
    }

    fn part(&self, items: &[Value]) -> Vec<Value> {
        items.iter().skip(self.offset).take(self.size).cloned().collect()
    }

    pub(super) fn listed(&self, key: &str, items: &[Value]) -> Value {
        listing(key, &self.part(items), items.len())
    }
}

/// Answers what begins with the path of a kind.
pub(super) fn answer(
    call: &Call<'_>,
    all: &mut BTreeMap<String, Objects>,
    path: &[&str],
) -> Result<Reply, Refusal> {
    let Some((first, rest)) = path.split_first() else { return Err(call.method_invalid()) };
    if *first == "logging" && rest.is_empty() {
        return logging(call, all.entry("logging".to_owned()).or_default());
    }
    let found = KINDS.iter().find(|kind| kind.path == *first);
    let kind = found.ok_or_else(|| call.unknown())?;
    if let [name, inner @ ("configs" | "machinegroups" | "machines"), rest @ ..] = rest {
        return applied(call, all, kind, name, inner, rest);
    }
    let objects = all.entry(kind.kept().to_owned()).or_default();
    match (call.method(), rest) {
        ("POST", []) => create(call, objects, kind),
        ("GET", []) => list(call, objects, kind),
        ("GET", [name]) => {
            let object = objects.get(*name).ok_or_else(|| kind.missing(name))?;
            Ok(Reply::json(&Value::Object(object.clone())))
        }
        ("PUT", [name]) => {
            let object = objects.get_mut(*name).ok_or_else(|| kind.missing(name))?;
            match call.parameter("action").as_deref() {
                Some(action @ ("enable" | "disable")) => {
                    let status = if action == "enable" { "ENABLED" } else { "DISABLED" };
                    object.insert("status".to_owned(), status.into());
                }
                Some(other) => return Err(Refusal::parameter(format!("no action {other}"))),
                None => {
                    let mut new = call.object()?;
                    if text(&new, kind.name).is_some_and(|new| new != *name) {
                        return Err(Refusal::new(400, "BadRequest", "the names are not the same"));
                    }
                    new.insert(kind.name.to_owned(), (*name).into());
                    if let Some(status) = object.get("status") {
                        new.entry("status").or_insert_with(|| status.clone());
                    }
                    *object = new;
                }
            }
            Ok(Reply::ok())
        }
        ("DELETE", [name]) => {
            objects.remove(*name).ok_or_else(|| kind.missing(name))?;
            Ok(Reply::ok())
        }
        _ => Err(call.method_invalid()),
    }
}

fn create(call: &Call<'_>, objects: &mut Objects, kind: &Kind) -> Result<Reply, Refusal> {
    let mut object = call.object()?;
    let name = text(&object, kind.name).map(str::to_owned);
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Refusal::parameter(format!("{} is missing", kind.name)));
    };
    if objects.contains_key(&name) {
        let what = kind.code.to_lowercase();
        // For dashboards the service's code is the general one, as far as is known.
        let message = format!("specified {what} already exists");
        return Err(match kind.code {
            "Dashboard" => Refusal::parameter(message),
            code => Refusal::new(400, format!("{code}AlreadyExist"), message),
        });
    }
    if kind.code == "Job" {
        object.entry("status").or_insert_with(|| "ENABLED".into());
        if kind.path == "alerts" {
            object.entry("type").or_insert_with(|| "Alert".into());
        }
        object.insert("createTime".to_owned(), call.now.as_second().into());
    }
    objects.insert(name, object);
    Ok(Reply::ok())
}

fn list(call: &Call<'_>, objects: &Objects, kind: &Kind) -> Result<Reply, Refusal> {
    let wanted = match kind.path {
        "alerts" => Some("Alert".to_owned()),
        "scheduledsqls" => Some("ScheduledSQL".to_owned()),
        _ => call.parameter("jobType").filter(|kind| !kind.is_empty()),
    };
    let is_wanted = |object: &&Object| {
        wanted.as_deref().is_none_or(|wanted| text(object, "type") == Some(wanted))
    };
    let all: Vec<&Object> = objects.values().filter(is_wanted).collect();
    let page = Page::of(call)?;
    let whole: Vec<Value> = all.iter().map(|object| Value::Object((*object).clone())).collect();
    if kind.names.is_empty() {
        return Ok(Reply::json(&page.listed(kind.items, &whole)));
    }
    let name = |object: &&Object| object.get(kind.name).cloned().unwrap_or_default();
    let mut answer = page.listed(kind.names, &all.iter().map(name).collect::<Vec<_>>());
    if let (false, Some(answer)) = (kind.items.is_empty(), answer.as_object_mut()) {
        let short = |object: &Value| json!({ kind.name: object[kind.name], "displayName": object["displayName"] });
        let items = page.part(&whole).iter().map(short).collect::<Vec<_>>();
        answer.insert(kind.items.to_owned(), items.into());
    }
    Ok(Reply::json(&answer))
}

/// Configurations that are applied to groups of machines: kept as objects named `group/config`.
fn applied(
    call: &Call<'_>,
    all: &mut BTreeMap<String, Objects>,
    kind: &Kind,
    name: &str,
    inner: &str,
    rest: &[&str],
) -> Result<Reply, Refusal> {
    if !all.get(kind.kept()).is_some_and(|objects| objects.contains_key(name)) {
        return Err(kind.missing(name));
    }
    let pairs = all.get("applied").into_iter().flatten();
    let pairs = pairs.filter_map(|(pair, _)| pair.split_once('/'));
    let page = Page::of(call)?;
    match (call.method(), kind.path, inner, rest) {
        ("GET", "machinegroups", "configs", []) => {
            let names = pairs.filter(|(group, _)| *group == name).map(|(_, config)| config.into());
            Ok(Reply::json(&page.listed("configs", &names.collect::<Vec<_>>())))
        }
        ("GET", "configs", "machinegroups", []) => {
            let names = pairs.filter(|(_, config)| *config == name).map(|(group, _)| group.into());
            Ok(Reply::json(&page.listed("machinegroups", &names.collect::<Vec<_>>())))
        }
        ("GET", "machinegroups", "machines", []) => Ok(Reply::json(&page.listed("machines", &[]))),
        ("PUT", "machinegroups", "configs", [config]) => {
            if !all.get("configs").is_some_and(|configs| configs.contains_key(*config)) {
                let message = format!("config {config} does not exist");
                return Err(Refusal::new(404, "ConfigNotExist", message));
            }
            let applied = all.entry("applied".to_owned()).or_default();
            applied.insert(format!("{name}/{config}"), Object::new());
            Ok(Reply::ok())
        }
        ("DELETE", "machinegroups", "configs", [config]) => {
            let applied = all.entry("applied".to_owned()).or_default();
            applied.remove(&format!("{name}/{config}"));
            Ok(Reply::ok())
        }
        _ => Err(call.unknown()),
    }
}

/// The one object that says where a project logs its own operations.
fn logging(call: &Call<'_>, objects: &mut Objects) -> Result<Reply, Refusal> {
    let missing = || Refusal::new(404, "LoggingNotExist", "logging does not exist");
    match call.method() {
        "GET" => {
            let object = objects.get("").ok_or_else(missing)?;
            Ok(Reply::json(&Value::Object(object.clone())))
        }
        "POST" | "PUT" => {
            objects.insert(String::new(), call.object()?);
            Ok(Reply::ok())
        }
        "DELETE" => objects.remove("").map(|_| Reply::ok()).ok_or_else(missing),
        _ => Err(call.method_invalid()),
    }
}

/// The sub-stores of a logstore.
pub(super) fn substores(
    call: &Call<'_>,
    objects: &mut Objects,
    path: &[&str],
) -> Result<Reply, Refusal> {
    let kind = kind("substores", "name", "substores", "", "SubStore");
    match (call.method(), path) {
        ("POST", []) => create(call, objects, &kind),
        ("GET", []) => list(call, objects, &kind),
        ("GET", [name]) => {
            let object = objects.get(*name).ok_or_else(|| kind.missing(name))?;
            Ok(Reply::json(&Value::Object(object.clone())))
        }
        ("PUT", [name]) => {
            let object = objects.get_mut(*name).ok_or_else(|| kind.missing(name))?;
            *object = call.object()?;
            Ok(Reply::ok())
        }
        ("DELETE", [name]) => {
            objects.remove(*name).ok_or_else(|| kind.missing(name))?;
            Ok(Reply::ok())
        }
        _ => Err(call.method_invalid()),
    }
}
