//! Profiles of the command line `aliyun`: `~/.aliyun/config.json`.
//!
//! `ALIBABA_CLOUD_PROFILE` names one, or the file's `current` does; `ALIBABA_CLOUD_CLI_PROFILE_DISABLED` turns this off.
//! Modes: `AK`, `StsToken`, `RamRoleArn`, `ChainableRamRoleArn`, `EcsRamRole`, `OIDC`. Others (`CloudSSO`, `OAuth`,
//! `External`) need a person or run a program, and are errors that say so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::source::{failed, file, json, wanted};
use super::sts::Role;
use super::{
    AssumeRole, AssumeRoleWithOidc, Credential, EcsRole, Provider, Secret, Source, Surroundings,
};
use crate::error::Result;

/// How many profiles may build on each other.
const LONGEST_CHAIN: usize = 5;

/// A profile of the command line.
#[derive(Debug)]
pub struct CliProfile(Surroundings);

#[derive(Deserialize)]
#[serde(default)]
struct File {
    current: String,
    profiles: Vec<Profile>,
}

impl Default for File {
    fn default() -> Self {
        Self { current: "default".to_owned(), profiles: Vec::new() }
    }
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
struct Profile {
    name: String,
    mode: String,
    access_key_id: String,
    access_key_secret: Option<Secret>,
    sts_token: Option<Secret>,
    ram_role_arn: String,
    ram_session_name: String,
    ram_role_name: String,
    external_id: String,
    oidc_provider_arn: String,
    oidc_token_file: String,
    source_profile: String,
    expired_seconds: u64,
}

impl CliProfile {
    /// The profile that is current there.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self(surroundings.clone())
    }

    async fn of(&self, file: &File, name: &str, depth: usize) -> Result<Credential> {
        let found = file.profiles.iter().find(|profile| profile.name == name);
        let profile = found.ok_or_else(|| failed(format!("there is no profile {name}")))?;
        let role = || {
            let mut role = Role::new(&profile.ram_role_arn);
            if !profile.ram_session_name.is_empty() {
                role.session.clone_from(&profile.ram_session_name);
            }
            if profile.expired_seconds > 0 {
                role.duration = Duration::from_secs(profile.expired_seconds);
            }
            role.external_id = Some(profile.external_id.clone()).filter(|id| !id.is_empty());
            role
        };
        let origin = format!("CLI profile {name}");
        let assume = async |base: Credential| {
            let base: Arc<dyn Provider> = Arc::new(base);
            wanted(&origin, AssumeRole::new(&self.0, base, "").role(role())).await
        };
        match profile.mode.as_str() {
            "AK" | "" => profile.key(&origin),
            "StsToken" => {
                let token = profile.sts_token.clone();
                let token = token.ok_or_else(|| failed(format!("{origin} has no sts_token")))?;
                Ok(profile.key(&origin)?.with_token(token))
            }
            "RamRoleArn" => assume(profile.key(&origin)?).await,
            "ChainableRamRoleArn" if depth < LONGEST_CHAIN => {
                assume(Box::pin(self.of(file, &profile.source_profile, depth + 1)).await?).await
            }
            "ChainableRamRoleArn" => Err(failed(format!("{origin} builds on too many others"))),
            "EcsRamRole" if profile.ram_role_name.is_empty() => {
                wanted(&origin, EcsRole::new(&self.0)).await
            }
            "EcsRamRole" => wanted(&origin, EcsRole::named(&self.0, &profile.ram_role_name)).await,
            "OIDC" => {
                let (provider, token) =
                    (profile.oidc_provider_arn.clone(), profile.oidc_token_file.clone());
                wanted(&origin, AssumeRoleWithOidc::told(&self.0, role(), provider, token)).await
            }
            mode => Err(failed(format!("{origin} has the mode {mode}, which is not supported"))),
        }
    }
}

impl Profile {
    fn key(&self, origin: &str) -> Result<Credential> {
        let secret = self.access_key_secret.clone().filter(|key| !key.reveal().is_empty());
        let secret = secret.filter(|_| !self.access_key_id.is_empty());
        let secret = secret.ok_or_else(|| failed(format!("{origin} has no access key")))?;
        Ok(Credential::new(&self.access_key_id, secret).with_origin(origin.to_owned()))
    }
}

#[async_trait]
impl Source for CliProfile {
    async fn fetch(&self) -> Result<Option<Credential>> {
        if self.0.is_set("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
            return Ok(None);
        }
        let Some(path) = self.0.at_home(".aliyun/config.json") else { return Ok(None) };
        let Some(text) = file(&path).await? else { return Ok(None) };
        let file: File = json(&path.display().to_string(), &text)?;
        let name = self.0.plain("ALIBABA_CLOUD_PROFILE").unwrap_or_else(|| file.current.clone());
        self.of(&file, &name, 0).await.map(Some)
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

    async fn fetch(
        document: &serde_json::Value,
        profile: &str,
        sts: &Served,
    ) -> Result<Option<Credential>> {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("home/me/.aliyun");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), document.to_string()).unwrap();
        std::fs::write(root.path().join("token"), "a-token").unwrap();
        let surroundings = Surroundings::new()
            .root(root.path())
            .sts(sts.url())
            .metadata(Served::nobody().await)
            .variables([("HOME", "/home/me"), ("ALIBABA_CLOUD_PROFILE", profile)]);
        CliProfile::new(&surroundings).fetch().await
    }

    #[tokio::test]
    async fn each_mode_is_what_it_says() {
        let document = serde_json::json!({ "current": "plain", "profiles": [
            { "name": "plain", "mode": "AK", "access_key_id": "id", "access_key_secret": "s3cr3t" },
            { "name": "sts", "mode": "StsToken", "access_key_id": "id", "access_key_secret": "s3cr3t",
              "sts_token": "t0k3n" },
            { "name": "role", "mode": "RamRoleArn", "access_key_id": "id",
              "access_key_secret": "s3cr3t", "ram_role_arn": "acs:ram::1:role/r",
              "ram_session_name": "me", "expired_seconds": 1800 },
            { "name": "chain", "mode": "ChainableRamRoleArn", "source_profile": "role",
              "ram_role_arn": "acs:ram::1:role/s" },
            { "name": "loop", "mode": "ChainableRamRoleArn", "source_profile": "loop" },
            { "name": "oidc", "mode": "OIDC", "oidc_provider_arn": "p", "oidc_token_file": "/token",
              "ram_role_arn": "acs:ram::1:role/r" },
            { "name": "machine", "mode": "EcsRamRole" },
            { "name": "on", "mode": "ChainableRamRoleArn", "source_profile": "machine",
              "ram_role_arn": "acs:ram::1:role/s" },
            { "name": "sso", "mode": "CloudSSO" },
            { "name": "half", "mode": "AK", "access_key_id": "id" },
        ]});
        let sts = Served::start(|_: &str| (200, GRANTED.to_owned())).await;
        for (profile, id, token) in [
            ("", "id", None),
            ("sts", "id", Some("t0k3n")),
            ("role", "granted-id", Some("granted-token")),
            ("chain", "granted-id", Some("granted-token")),
            ("oidc", "granted-id", Some("granted-token")),
        ] {
            let found = fetch(&document, profile, &sts).await.unwrap().unwrap();
            assert_eq!((found.id(), found.token().map(Secret::reveal)), (id, token), "{profile}");
        }
        let asked = sts.requests();
        assert!(
            asked[0].contains("DurationSeconds=1800") && asked[0].contains("RoleSessionName=me")
        );
        assert!(
            asked[2].contains("AccessKeyId=granted-id"),
            "the second role is assumed by the first"
        );
        for profile in ["loop", "machine", "on", "sso", "half", "absent"] {
            let error = fetch(&document, profile, &sts).await.unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}
