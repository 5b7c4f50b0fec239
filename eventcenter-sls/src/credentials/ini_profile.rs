//! Profiles in `~/.alibabacloud/credentials` (or `credentials.ini`), or in the file that
//! `ALIBABA_CLOUD_CREDENTIALS_FILE` names.
//!
//! ```ini
//! [default]
//! type = access_key
//! access_key_id = …
//! access_key_secret = …
//! ```
//!
//! `ALIBABA_CLOUD_PROFILE` names the section, by default `default`. Types: `access_key`, `sts`, `ram_role_arn`,
//! `ecs_ram_role`, `oidc_role_arn`; `rsa_key_pair` is an error that says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::source::{failed, file, wanted};
use super::sts::Role;
use super::{
    AssumeRole, AssumeRoleWithOidc, Credential, EcsRole, Provider, Secret, Source, Surroundings,
};
use crate::error::Result;

/// A profile of the official clients.
#[derive(Debug)]
pub struct IniProfile(Surroundings);

impl IniProfile {
    /// The profile that the variables name.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self(surroundings.clone())
    }
}

type Section = BTreeMap<String, Secret>;

/// The section of this name. Comments begin with `#` or `;`, and have a line of their own or stand behind a title.
///
/// A title that cannot be read is an error: the keys behind it are somebody else's.
fn section(text: &str, name: &str) -> Result<Option<Section>> {
    let mut found = None;
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if let Some(line) = line.strip_prefix('[') {
            let title = title(line).ok_or_else(|| {
                failed(format!("line {number} of the INI profiles begins with [ and is no title"))
            })?;
            inside = title == name;
            if inside {
                found.get_or_insert_with(Section::new);
            }
        } else if let (true, Some((key, value))) = (inside, line.split_once('='))
            && !line.starts_with(['#', ';'])
        {
            let section = found.get_or_insert_with(Section::new);
            section.insert(key.trim().to_owned(), value.trim().into());
        }
    }
    Ok(found)
}

/// What stands before the bracket, if only a comment stands behind it.
fn title(line: &str) -> Option<&str> {
    let (title, behind) = line.split_once(']')?;
    let behind = behind.trim_start();
    (behind.is_empty() || behind.starts_with(['#', ';'])).then(|| title.trim())
}

#[async_trait]
impl Source for IniProfile {
    async fn fetch(&self) -> Result<Option<Credential>> {
        let places = match self.0.plain("ALIBABA_CLOUD_CREDENTIALS_FILE") {
            Some(path) => vec![self.0.path(path)],
            None => [".alibabacloud/credentials", ".alibabacloud/credentials.ini"]
                .iter()
                .filter_map(|path| self.0.at_home(path))
                .collect(),
        };
        let mut text = None;
        for path in &places {
            text = file(path).await?;
            if text.is_some() {
                break;
            }
        }
        let Some(text) = text else { return Ok(None) };
        let name = self.0.plain("ALIBABA_CLOUD_PROFILE").unwrap_or_else(|| "default".to_owned());
        let Some(section) = section(&text, &name)? else { return Ok(None) };
        let origin = format!("INI profile {name}");
        let secret = |key: &str| {
            let value = section.get(key).filter(|value| !value.reveal().is_empty()).cloned();
            value.ok_or_else(|| failed(format!("{origin} has no {key}")))
        };
        let plain = |key: &str| secret(key).map(|value| value.reveal().to_owned());
        let key = || {
            let key = Credential::new(plain("access_key_id")?, secret("access_key_secret")?);
            Ok(key.with_origin(origin.clone()))
        };
        let role = || {
            let mut role = Role::new(plain("role_arn")?);
            role.session = plain("role_session_name").unwrap_or(role.session);
            role.policy = plain("policy").ok();
            Ok(role)
        };
        match plain("type")?.as_str() {
            "access_key" => key().map(Some),
            "sts" => Ok(Some(key()?.with_token(secret("security_token")?))),
            "ram_role_arn" => {
                let base: Arc<dyn Provider> = Arc::new(key()?);
                AssumeRole::new(&self.0, base, "").role(role()?).fetch().await
            }
            "ecs_ram_role" => match plain("role_name") {
                Ok(name) => wanted(&origin, EcsRole::named(&self.0, name)).await.map(Some),
                Err(_) => wanted(&origin, EcsRole::new(&self.0)).await.map(Some),
            },
            "oidc_role_arn" => {
                let (provider, token) =
                    (plain("oidc_provider_arn")?, plain("oidc_token_file_path")?);
                AssumeRoleWithOidc::told(&self.0, role()?, provider, token).fetch().await
            }
            other => Err(failed(format!("{origin} has the type {other}, which is not supported"))),
        }
    }

    /// People change profiles, seldom.
    fn max_age(&self) -> Option<Duration> {
        Some(Duration::from_secs(300))
    }
}

#[cfg(test)]
mod tests {
    use super::super::served::{GRANTED, Served};
    use super::*;

    const FILE: &str = "
# access_key_id = comment
[default]
type = access_key
access_key_id = id
access_key_secret = s3=cr3t

[role]
type=ram_role_arn
access_key_id=id
access_key_secret=s3cr3t
role_arn=acs:ram::1:role/r
role_session_name=me
[rsa]
type = rsa_key_pair
[half]
type = access_key
access_key_id = id
";

    #[tokio::test]
    async fn a_section_is_a_key_or_a_role() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/keys"), FILE).unwrap();
        let sts = Served::start(|_: &str| (200, GRANTED.to_owned())).await;
        let source = |profile: &str, file: &str| {
            let variables =
                [("ALIBABA_CLOUD_CREDENTIALS_FILE", file), ("ALIBABA_CLOUD_PROFILE", profile)];
            let surroundings = Surroundings::new().root(root.path()).sts(sts.url());
            IniProfile::new(&surroundings.variables(variables))
        };
        let found = source("", "/etc/keys").fetch().await.unwrap().unwrap();
        assert_eq!((found.id(), found.secret().reveal()), ("id", "s3=cr3t"));
        let found = source("role", "/etc/keys").fetch().await.unwrap().unwrap();
        assert_eq!(found.id(), "granted-id");
        assert!(sts.requests()[0].contains("RoleSessionName=me"));
        assert_eq!(source("other", "/etc/keys").fetch().await.unwrap(), None);
        assert_eq!(source("", "/etc/none").fetch().await.unwrap(), None);
        for wrong in ["rsa", "half"] {
            assert!(source(wrong, "/etc/keys").fetch().await.is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_title_ends_the_section_before_it_whatever_stands_behind() {
        let text = |title: &str| format!("[default]\nk = mine\n{title}\nk = theirs\n");
        let of = |text: &str, name: &str| {
            let section = section(text, name).unwrap()?;
            section.get("k").map(|value| value.reveal().to_owned())
        };
        for title in ["[prod]", "[prod] # production", "[prod];production", " [ prod ]\t"] {
            assert_eq!(of(&text(title), "default").as_deref(), Some("mine"), "{title}");
            assert_eq!(of(&text(title), "prod").as_deref(), Some("theirs"), "{title}");
        }
        for title in ["[prod", "[prod] production", "[prod # here", "[", "[a]b]"] {
            let error = section(&text(title), "default").unwrap_err().to_string();
            assert!(error.contains("line 3") && !error.contains("prod"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_role_that_the_machine_does_not_have_is_a_failure() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("keys"), "[default]\ntype = ecs_ram_role\n").unwrap();
        let surroundings = Surroundings::new().root(root.path()).metadata(Served::nobody().await);
        let surroundings = surroundings.variables([("ALIBABA_CLOUD_CREDENTIALS_FILE", "/keys")]);
        let error = IniProfile::new(&surroundings).fetch().await.unwrap_err();
        assert!(error.to_string().contains("INI profile default"), "{error}");
    }

    #[tokio::test]
    async fn it_is_looked_for_at_home() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("root/.alibabacloud");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("credentials.ini"), FILE).unwrap();
        let surroundings = Surroundings::new().root(root.path()).variables([("HOME", "/root")]);
        assert!(IniProfile::new(&surroundings).fetch().await.unwrap().is_some());
    }
}
