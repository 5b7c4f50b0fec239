//! Roles: the Security Token Service gives a temporary key to who may assume one.
//!
//! `AssumeRole` is asked with another key, signed in the RPC style (version 1.0, HMAC-SHA1);
//! [`AssumeRoleWithOidc`] with a token that the cluster gives to the Pod (RRSA), and is not signed. Both are posted as
//! forms, so that no secret stands in a URL. A refusal's code, message and request id are repeated, never its body; of
//! one that is about the key, the provider of that key is told, and if it has another then, that is tried, once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha1::Sha1;

use super::source::{Temporary, ask, failed, file, json, public};
use super::{Credential, Provider, Secret, Source, Surroundings};
use crate::error::{Class, Result};

const VERSION: &str = "2015-04-01";

/// How long a key is asked for: an hour, of which the service says that every role grants it.
const DURATION: Duration = Duration::from_secs(3600);

/// The role that is wanted, and for how long.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) duration: Duration,
    pub(super) policy: Option<String>,
    pub(super) external_id: Option<String>,
}

impl Role {
    pub(super) fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            session: "eventcenter-sls".to_owned(),
            duration: DURATION,
            policy: None,
            external_id: None,
        }
    }

    fn parameters(&self, action: &str, now: jiff::Timestamp) -> Vec<(&'static str, Secret)> {
        let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut all = vec![
            ("Action", Secret::from(action)),
            ("Format", "JSON".into()),
            ("Version", VERSION.into()),
            ("Timestamp", time.into()),
            ("RoleArn", self.arn.as_str().into()),
            ("RoleSessionName", self.session.as_str().into()),
            ("DurationSeconds", self.duration.as_secs().to_string().into()),
        ];
        all.extend(self.policy.as_deref().map(|policy| ("Policy", policy.into())));
        all.extend(self.external_id.as_deref().map(|id| ("ExternalId", id.into())));
        all
    }
}

/// A role that is assumed with another credential.
pub struct AssumeRole {
    base: Arc<dyn Provider>,
    role: Role,
    surroundings: Surroundings,
}

impl fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole").field("role", &self.role).finish_non_exhaustive()
    }
}

impl AssumeRole {
    /// The role of this ARN, `acs:ram::ACCOUNT:role/NAME`, assumed by whom `base` says.
    pub fn new(
        surroundings: &Surroundings,
        base: Arc<dyn Provider>,
        role_arn: impl Into<String>,
    ) -> Self {
        Self { base, role: Role::new(role_arn), surroundings: surroundings.clone() }
    }

    /// The name under which it is logged. Default `eventcenter-sls`.
    #[must_use]
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.role.session = name.into();
        self
    }

    /// How long a key is to last: 15 minutes to what the role allows. Default one hour.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.role.duration = duration;
        self
    }

    /// A policy (JSON) that narrows what the role may do.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.role.policy = Some(policy.into());
        self
    }

    /// What the role's owner demands of third parties.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.role.external_id = Some(id.into());
        self
    }

    pub(super) fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    async fn assume(&self, base: &Credential) -> Result<Credential> {
        let now = self.surroundings.clock_of().now();
        let mut parameters = self.role.parameters("AssumeRole", now);
        let nonce = format!("{:032x}", rand::random::<u128>());
        parameters.extend([
            ("AccessKeyId", base.id().into()),
            ("SignatureMethod", "HMAC-SHA1".into()),
            ("SignatureVersion", "1.0".into()),
            ("SignatureNonce", nonce.into()),
        ]);
        parameters.extend(base.token().map(|token| ("SecurityToken", token.clone())));
        let signature = signature("POST", &parameters, base.secret());
        parameters.push(("Signature", signature.into()));
        let origin = format!("role {} by {}", self.role.arn, base.origin());
        asked(&self.surroundings, &parameters, origin).await
    }
}

#[async_trait]
impl Source for AssumeRole {
    /// Whom `base` says is asked for again, once, when the service refuses the key.
    async fn fetch(&self) -> Result<Option<Credential>> {
        let base = self.base.get().await?;
        let error = match self.assume(&base).await {
            Err(error) if error.class() == Class::Refresh => error,
            other => return other.map(Some),
        };
        self.base.invalidate(&base).await;
        let next = self.base.get().await?;
        if next == base {
            return Err(error);
        }
        self.assume(&next).await.map(Some)
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

/// A role that is assumed with a token of the cluster (RRSA): what the three variables name that ACK's webhook
/// `ack-pod-identity-webhook` gives to a Pod.
///
/// | variable | meaning |
/// |---|---|
/// | `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`, `ALIBABA_CLOUD_OIDC_TOKEN_FILE` | all three, or it is not set up |
/// | `ALIBABA_CLOUD_ROLE_SESSION_NAME` | default `eventcenter-sls` |
///
/// The token's file is read each time, since the kubelet replaces it.
#[derive(Debug)]
pub struct AssumeRoleWithOidc {
    told: Option<(Role, String, String)>,
    surroundings: Surroundings,
}

impl AssumeRoleWithOidc {
    /// What the variables say.
    pub fn new(surroundings: &Surroundings) -> Self {
        let of = |name: &str| surroundings.plain(&format!("ALIBABA_CLOUD_{name}"));
        let told = match (of("ROLE_ARN"), of("OIDC_PROVIDER_ARN"), of("OIDC_TOKEN_FILE")) {
            (Some(arn), Some(provider), Some(file)) => {
                let mut role = Role::new(arn);
                role.session = of("ROLE_SESSION_NAME").unwrap_or(role.session);
                Some((role, provider, file))
            }
            _ => None,
        };
        Self { told, surroundings: surroundings.clone() }
    }

    pub(super) fn told(
        surroundings: &Surroundings,
        role: Role,
        provider_arn: String,
        token_file: String,
    ) -> Self {
        Self { told: Some((role, provider_arn, token_file)), surroundings: surroundings.clone() }
    }
}

#[async_trait]
impl Source for AssumeRoleWithOidc {
    async fn fetch(&self) -> Result<Option<Credential>> {
        let Some((role, provider, path)) = &self.told else { return Ok(None) };
        let path = self.surroundings.path(path);
        let token = file(&path).await?;
        let token = token.ok_or_else(|| failed(format!("there is no {}", path.display())))?;
        let now = self.surroundings.clock_of().now();
        let mut parameters = role.parameters("AssumeRoleWithOIDC", now);
        parameters.push(("OIDCProviderArn", provider.as_str().into()));
        parameters.push(("OIDCToken", token.trim().into()));
        let origin = format!("role {} by OIDC", role.arn);
        asked(&self.surroundings, &parameters, origin).await.map(Some)
    }

    fn max_age(&self) -> Option<Duration> {
        None
    }
}

/// The signature of the RPC style, version 1.0. The order of the parameters does not matter.
fn signature(method: &str, parameters: &[(&'static str, Secret)], secret: &Secret) -> String {
    let mut pairs: Vec<_> =
        parameters.iter().map(|(name, value)| (*name, value.reveal())).collect();
    pairs.sort_unstable();
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    let text = format!("{method}&%2F&{}", percent(&pairs.collect::<Vec<_>>().join("&")));
    let key = Secret::from(format!("{}&", secret.reveal()));
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.reveal().as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Percent-encoding of RFC 3986.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Granted {
    credentials: Temporary,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Refused {
    code: String,
    message: String,
    request_id: String,
}

/// Whether the key that was asked with is the reason: it was rotated, or has expired.
fn is_about_the_key(code: &str) -> bool {
    let about = [
        "InvalidAccessKeyId",
        "InvalidSecurityToken",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
    ];
    about.iter().any(|start| code.starts_with(start))
}

async fn asked(
    surroundings: &Surroundings,
    parameters: &[(&'static str, Secret)],
    origin: String,
) -> Result<Credential> {
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name), percent(value.reveal())));
    let request = public()?
        .post(surroundings.sts_url())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(pairs.collect::<Vec<_>>().join("&"));
    let (status, text) = ask("STS", request).await?;
    if status != 200 {
        let Refused { code, message, request_id } = serde_json::from_str(&text).unwrap_or_default();
        let said = format!("{code} (request {request_id}): {message}");
        // It is asked with secrets, and might repeat one, as it is or as it was sent.
        let quoted = parameters.iter().fold(said, |said, (name, value)| match *name {
            "OIDCToken" | "SecurityToken" | "Signature" if !value.reveal().is_empty() => {
                said.replace(value.reveal(), "***").replace(&percent(value.reveal()), "***")
            }
            _ => said,
        });
        let quoted: String = quoted.chars().filter(|c| !c.is_control()).take(300).collect();
        let error = failed(format!("{origin}: STS answers {status} {quoted}"));
        let about_the_key = (400..500).contains(&status) && is_about_the_key(&code);
        return Err(if about_the_key { error.with_class(Class::Refresh) } else { error });
    }
    json::<Granted>("the answer of STS", &text)?.credentials.credential(origin)
}

#[cfg(test)]
mod tests;
