//! The calls on projects.

use serde_json::{Value, json};

use super::super::reply::{Refusal, Reply};
use super::super::state::{Account, Project};
use super::{Call, text};

impl Call<'_> {
    pub(super) fn create_project(
        &self,
        account: &mut Account,
        host: Option<&str>,
    ) -> Result<Reply, Refusal> {
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

    pub(super) fn describe(&self, name: &str, project: &Project) -> Reply {
        Reply::json(&self.description(name, project))
    }

    pub(super) fn description(&self, name: &str, project: &Project) -> Value {
        let time = project.created.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let mut info = project.info.clone();
        // What was not said has a value all the same, and clients rely on it.
        for (key, usual) in [
            ("description", json!("")),
            ("dataRedundancyType", json!("LRS")),
            ("resourceGroupId", json!("")),
            ("recycleBinEnabled", json!(false)),
        ] {
            info.entry(key).or_insert(usual);
        }
        info.insert("projectName".to_owned(), name.into());
        info.insert("status".to_owned(), "Normal".into());
        info.insert("owner".to_owned(), "".into());
        info.insert("region".to_owned(), self.region.into());
        info.insert("createTime".to_owned(), time.clone().into());
        info.insert("lastModifyTime".to_owned(), time.into());
        Value::Object(info)
    }
}
