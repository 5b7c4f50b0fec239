//! The RAM role of the machine: the metadata service of ECS gives a temporary key to every program on it.
//!
//! First in the hardened way (a session token, IMDSv2), and if that is not to be had in the plain one, unless
//! `ALIBABA_CLOUD_IMDSV1_DISABLED` forbids it. `ALIBABA_CLOUD_ECS_METADATA` names the role, or it is asked for;
//! `ALIBABA_CLOUD_ECS_METADATA_DISABLED` turns all of this off. Where there is nobody to connect to, and no role was
//! named, this is no machine of ECS, and the source is not set up; nor is it where 404 says that the machine has no
//! role. All else is a failure: another source must not step in because this one is unwell.

use std::time::Duration;

use async_trait::async_trait;

use super::source::{Temporary, ask, failed, json, nearby};
use super::{Credential, Secret, Source, Surroundings};
use crate::error::Result;

const ROLES: &str = "meta-data/ram/security-credentials/";

/// The role of this ECS instance.
#[derive(Debug)]
pub struct EcsRole {
    role: Option<String>,
    surroundings: Surroundings,
}

impl EcsRole {
    /// The role that the variables name, or the one that the instance has.
    pub fn new(surroundings: &Surroundings) -> Self {
        let role = surroundings.plain("ALIBABA_CLOUD_ECS_METADATA");
        Self { role, surroundings: surroundings.clone() }
    }

    /// This role.
    pub fn named(surroundings: &Surroundings, role: impl Into<String>) -> Self {
        Self { role: Some(role.into()), surroundings: surroundings.clone() }
    }

    async fn get(
        &self,
        http: &reqwest::Client,
        token: Option<&Secret>,
        path: &str,
    ) -> Result<(u16, zeroize::Zeroizing<String>)> {
        let mut request = http.get(self.surroundings.metadata_url(path));
        if let Some(token) = token {
            request = request.header("X-aliyun-ecs-metadata-token", token.reveal());
        }
        ask("the metadata service", request).await
    }
}

#[async_trait]
impl Source for EcsRole {
    async fn fetch(&self) -> Result<Option<Credential>> {
        if self.surroundings.is_set("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
            return Ok(None);
        }
        let http = nearby()?;
        let request = http
            .put(self.surroundings.metadata_url("api/token"))
            .header("X-aliyun-ecs-metadata-token-ttl-seconds", "21600");
        let token = match ask("the metadata service", request).await {
            Ok((200, text)) if !text.trim().is_empty() => Some(Secret::from(text.trim())),
            Ok((status, _)) if self.surroundings.is_set("ALIBABA_CLOUD_IMDSV1_DISABLED") => {
                return Err(failed(format!("the metadata service gives no token: {status}")));
            }
            Ok(_) => None,
            Err(error) if self.role.is_none() && !error.is_ambiguous() => return Ok(None),
            Err(error) => return Err(error),
        };
        let role = match &self.role {
            Some(role) => role.clone(),
            None => match self.get(&http, token.as_ref(), ROLES).await? {
                (200, text) => text.trim().to_owned(),
                // A machine without a role.
                (404, _) => return Ok(None),
                (status, _) => {
                    return Err(failed(format!(
                        "the metadata service answers {status} for the roles"
                    )));
                }
            },
        };
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if role.is_empty() || !role.bytes().all(good) {
            return Err(failed("the metadata service names no role"));
        }
        let (status, text) = self.get(&http, token.as_ref(), &format!("{ROLES}{role}")).await?;
        if status != 200 {
            return Err(failed(format!("role {role}: the metadata service answers {status}")));
        }
        let key: Temporary = json("the answer of the metadata service", &text)?;
        key.credential(format!("ECS role {role}")).map(Some)
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::served::Served;
    use super::*;

    const KEY: &str = r#"{"Code":"Success","AccessKeyId":"an-id","AccessKeySecret":"s3cr3t",
        "SecurityToken":"t0k3n","Expiration":"2023-11-14T23:13:20Z"}"#;

    fn metadata(hardened: bool) -> impl Fn(&str) -> (u16, String) + Send + Sync + 'static {
        move |request: &str| {
            let first = request.lines().next().unwrap().to_owned();
            let has_token = request.contains("x-aliyun-ecs-metadata-token: a-token");
            match first.as_str() {
                "PUT /latest/api/token HTTP/1.1" if hardened => (200, "a-token".to_owned()),
                "GET /latest/meta-data/ram/security-credentials/ HTTP/1.1"
                    if has_token == hardened =>
                {
                    (200, "node-role".to_owned())
                }
                "GET /latest/meta-data/ram/security-credentials/node-role HTTP/1.1"
                    if has_token == hardened =>
                {
                    (200, KEY.to_owned())
                }
                _ => (404, String::new()),
            }
        }
    }

    async fn fetch(served: &Served, variables: &[(&str, &str)]) -> Result<Option<Credential>> {
        let surroundings =
            Surroundings::new().metadata(served.url()).variables(variables.iter().copied());
        EcsRole::new(&surroundings).fetch().await
    }

    #[tokio::test]
    async fn the_hardened_way_is_tried_before_the_plain_one() {
        for hardened in [true, false] {
            let served = Served::start(metadata(hardened)).await;
            let found = fetch(&served, &[]).await.unwrap().unwrap();
            assert_eq!((found.id(), found.token().unwrap().reveal()), ("an-id", "t0k3n"));
            assert_eq!(found.origin(), "ECS role node-role");
            assert_eq!(found.expires_at().unwrap().to_string(), "2023-11-14T23:13:20Z");
        }
    }

    #[tokio::test]
    async fn variables_name_the_role_forbid_the_plain_way_and_turn_it_off() {
        let served = Served::start(metadata(false)).await;
        let named = [("ALIBABA_CLOUD_ECS_METADATA", "node-role")];
        assert!(fetch(&served, &named).await.unwrap().is_some());
        assert_eq!(served.requests().len(), 2, "the role is not asked for");
        let hard = [("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")];
        assert!(fetch(&served, &hard).await.is_err());
        let off = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
        assert_eq!(fetch(&served, &off).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_404_says_that_there_is_no_role() {
        for (status, none) in [(404, true), (403, false), (429, false), (500, false)] {
            let served = Served::start(move |request: &str| match request.starts_with("PUT ") {
                true => (200, "a-token".to_owned()),
                false => (status, String::new()),
            })
            .await;
            let found = fetch(&served, &[]).await;
            assert_eq!(found.is_ok_and(|found| found.is_none()), none, "{status}");
        }
        let garbled = Served::start(|_: &str| (200, "x".repeat(1 << 17))).await;
        assert!(fetch(&garbled, &[]).await.is_err());
    }

    #[tokio::test]
    async fn where_nothing_answers_it_is_not_set_up() {
        let surroundings =
            Surroundings::new().metadata(Served::nobody().await).variables([] as [(&str, &str); 0]);
        assert_eq!(EcsRole::new(&surroundings).fetch().await.unwrap(), None);
        assert!(EcsRole::named(&surroundings, "r").fetch().await.is_err());
    }
}
