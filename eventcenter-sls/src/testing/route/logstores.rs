//! The calls on logstores and their indexes.

use serde_json::{Value, json};

use super::super::logs;
use super::super::objects::Page;
use super::super::reply::{Refusal, Reply};
use super::super::state::{Account, Logstore, Project, no_logstore};
use super::Call;

impl Call<'_> {
    pub(super) fn create_logstore(&self, project: &mut Project) -> Result<Reply, Refusal> {
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

    pub(super) fn list_logstores(&self, project: &Project) -> Result<Reply, Refusal> {
        let name = self.parameter("logstoreName").unwrap_or_default();
        let names = project.logstores.keys().filter(|key| key.contains(&name));
        let names: Vec<_> = names.map(|name| name.as_str().into()).collect();
        Ok(Reply::json(&Page::of(self)?.listed("logstores", &names)))
    }

    pub(super) fn one_logstore(
        &self,
        account: &mut Account,
        project: &str,
        name: &str,
    ) -> Result<Reply, Refusal> {
        match self.method() {
            "GET" => {
                let logstore = account.logstore(project, name)?;
                let mut info = logstore.info.clone();
                for (key, usual) in [
                    ("enable_tracking", json!(false)),
                    ("autoSplit", json!(false)),
                    ("maxSplitShard", json!(0)),
                    ("appendMeta", json!(false)),
                    ("telemetryType", json!("None")),
                    ("mode", json!("standard")),
                ] {
                    info.entry(key).or_insert(usual);
                }
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

    pub(super) fn index(&self, name: &str, logstore: &mut Logstore) -> Result<Reply, Refusal> {
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
}
