//! The console in the configuration.
//!
//! ```yaml
//! console:
//!   listen: 127.0.0.1:8085
//!   auth: { token: { file: /run/secrets/console } }   # or { proxy: { header: X-Forwarded-User, trusted: [10.0.0.0/8] } }, or none
//!   hosts: [events.example.org]                       # names that browsers reach it by, beside localhost
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::http::HeaderName;
use eventcenter_core::Secret;
use eventcenter_core::config::{ByteSize, ConfigError, HumanDuration, KeyPath};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

/// The block `console`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address and port. Default `127.0.0.1:8085`.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Who may ask. Default: on a loopback address, everybody on the machine.
    pub auth: Option<Auth>,
    /// Host names that browsers may reach it by, beside `localhost` and the address itself. With none of them, and on
    /// an address that is not loopback, any name will do.
    pub hosts: Vec<String>,
    /// What a client can cost.
    pub limits: LimitsConfig,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8085)),
            auth: None,
            hosts: Vec::new(),
            limits: LimitsConfig::default(),
        }
    }
}

/// Who may ask.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Everybody who can connect. Written out, so that it is nobody's accident.
    None,
    /// Whoever sends `Authorization: Bearer TOKEN`, or the token as the password of Basic authentication; a browser is
    /// shown a form for it, and has a cookie for 12 h then. Ten wrong tokens in a minute are followed by 429.
    Token(Secret),
    /// Whoever a reverse proxy vouches for.
    Proxy(ProxyConfig),
}

/// A reverse proxy that knows who asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// The header in which it says who, such as `X-Forwarded-User`. Requests without it are refused.
    pub header: String,
    /// Addresses or networks of proxies that are believed.
    #[serde(deserialize_with = "networks")]
    pub trusted: Vec<IpNet>,
}

/// What a client can cost.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Connections at a time; more wait to be accepted. Default 1024.
    pub connections: usize,
    /// Requests that are answered at a time, exports until they are taken; more get 503. Default 64.
    pub requests: usize,
    /// Live tails at a time; more get 503. Default 64.
    pub tails: usize,
    /// For one answer to be made. Default 10 s.
    pub deadline: HumanDuration,
    /// A client that takes nothing of an answer for so long is let go. Default 30 s.
    pub write_timeout: HumanDuration,
    /// Bytes of a request's body. Default 64 KiB; kubeconfigs may have 256 KiB, imports of saved things a hundred of the
    /// largest of these.
    pub body: ByteSize,
    /// Rows of an export, which says that there are more, or breaks off. Default 1,000,000.
    pub export_rows: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 1024,
            requests: 64,
            tails: 64,
            deadline: HumanDuration::from_secs(10),
            write_timeout: HumanDuration::from_secs(30),
            body: ByteSize::new(64 << 10),
            export_rows: 1_000_000,
        }
    }
}

impl ConsoleConfig {
    /// Checks what parts cannot check alone. The error's key is relative to `console`.
    ///
    /// # Errors
    ///
    /// When others could reach it and nobody said who may ask; when a token is empty, or a proxy's header no header;
    /// when a limit is zero.
    pub fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key: KeyPath, message: &str| Err(ConfigError::new(key, message));
        if !self.listen.ip().is_loopback() && self.auth.is_none() {
            return refuse(
                KeyPath::root().key("auth"),
                "others can reach this address: say who may ask, `{ token: { file: PATH } }`, `{ proxy: … }` or `none`",
            );
        }
        let auth = KeyPath::root().key("auth");
        match &self.auth {
            None | Some(Auth::None) => {}
            Some(Auth::Token(token)) => {
                let token = token.reveal();
                let token = token.map_err(|error| {
                    ConfigError::new(auth.clone().key("token"), error.to_string())
                })?;
                if token.trim().is_empty() {
                    return refuse(auth.key("token"), "the token is empty; nobody could log in");
                }
            }
            Some(Auth::Proxy(proxy)) => {
                proxy.check().map_err(|error| error.under(auth.key("proxy")))?;
            }
        }
        let LimitsConfig { connections, requests, tails, export_rows, .. } = self.limits;
        let body = usize::try_from(self.limits.body.bytes()).unwrap_or(usize::MAX);
        for (key, limit) in [
            ("body", body),
            ("connections", connections),
            ("requests", requests),
            ("tails", tails),
            ("export_rows", export_rows),
        ] {
            if limit == 0 {
                return refuse(KeyPath::root().key("limits").key(key), "nobody could ask anything");
            }
        }
        let LimitsConfig { deadline, write_timeout, .. } = &self.limits;
        for (key, limit, message) in [
            ("deadline", deadline, "no answer is that fast"),
            ("write_timeout", write_timeout, "no client is that fast"),
        ] {
            if limit.get() < Duration::from_millis(100) {
                return refuse(KeyPath::root().key("limits").key(key), message);
            }
        }
        Ok(())
    }
}

impl ProxyConfig {
    /// The error's key is relative to the proxy.
    fn check(&self) -> Result<(), ConfigError> {
        if HeaderName::from_bytes(self.header.as_bytes()).is_err() {
            let message = format!("{:?} is no name of a header", self.header);
            return Err(ConfigError::new(KeyPath::root().key("header"), message));
        }
        if self.trusted.is_empty() {
            let message = "a proxy is believed by its address too; there is none";
            return Err(ConfigError::new(KeyPath::root().key("trusted"), message));
        }
        Ok(())
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        de::Error::custom(format!(
            "invalid address {text:?}; write IP:PORT, such as 127.0.0.1:8085"
        ))
    })
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .into_iter()
        .map(|text| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse().or_else(|_| address()).map_err(|_| {
                de::Error::custom(format!(
                    "invalid network {text:?}; write 10.0.0.0/8 or an address"
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<(), String> {
        let config: ConsoleConfig =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_that_others_reach_needs_to_know_who_may_ask() {
        for good in [
            "{}",
            r#"{"listen":"[::1]:1"}"#,
            r#"{"listen":"0.0.0.0:8085","auth":"none"}"#,
            r#"{"listen":"0.0.0.0:8085","auth":{"token":"abc"}}"#,
            r#"{"listen":"0.0.0.0:1","auth":{"proxy":{"header":"X-User","trusted":["10.0.0.0/8","::1"]}}}"#,
        ] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
        for (bad, says) in [
            (r#"{"listen":"0.0.0.0:8085"}"#, "auth: others can reach this address"),
            (
                r#"{"auth":{"proxy":{"header":"","trusted":["::1"]}}}"#,
                "auth.proxy.header: \"\" is no name of a header",
            ),
            (
                r#"{"auth":{"proxy":{"header":"X User","trusted":["::1"]}}}"#,
                "auth.proxy.header: \"X User\" is no name of a header",
            ),
            (
                r#"{"auth":{"proxy":{"header":"X-User","trusted":[]}}}"#,
                "auth.proxy.trusted: a proxy is believed by its address too",
            ),
            (r#"{"auth":{"token":" \n"}}"#, "auth.token: the token is empty"),
            (r#"{"limits":{"body":0}}"#, "limits.body: nobody could ask"),
            (r#"{"limits":{"write_timeout":"0s"}}"#, "limits.write_timeout: no client"),
            (r#"{"auth":{"proxy":{"header":"X","trusted":["ten"]}}}"#, "invalid network \"ten\""),
            (r#"{"listen":"8085"}"#, "invalid address \"8085\""),
            (r#"{"limits":{"requests":0}}"#, "limits.requests: nobody could ask"),
            (r#"{"limits":{"deadline":"1ms"}}"#, "limits.deadline: no answer"),
            (r#"{"auth":"maybe"}"#, "unknown variant `maybe`"),
            (r#"{"port":1}"#, "unknown field `port`"),
        ] {
            let said = checked(bad).unwrap_err();
            assert!(said.contains(says), "{bad}: {said}");
        }
    }
}
