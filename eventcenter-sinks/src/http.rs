//! What all sinks that speak HTTP share: one way to connect, one meaning for each answer.
//!
//! | answer | kind | action |
//! |---|---|---|
//! | 2xx | | taken |
//! | 3xx | `Config` | `Suspend`: redirects are not followed, since a credential must not follow them |
//! | 400, 422, other 4xx | `Refused` | `DeadLetter` |
//! | 401, 403 | `Auth` | `Suspend` |
//! | 404, 405, 410 | `Config` | `Suspend` |
//! | 408, 425, 5xx | `Unavailable` | `Retry`; ambiguous for 502 and 504, where a gateway lost the answer |
//! | 413 | `TooLarge` | `Split` |
//! | 429 | `Throttled` | `Retry` |
//! | no connection | `Unavailable` | `Retry`; `Config`, `Suspend` for a certificate that is not accepted or has expired |
//! | our certificate is not accepted | `Auth` | `Suspend` |
//! | no answer in time | `Timeout` | `Retry`, ambiguous |
//! | connection lost | `Unavailable` | `Retry`, ambiguous |
//!
//! Where the action is `Retry` and the answer has a `Retry-After` (seconds or an HTTP date, RFC 9110 10.2.3), it is
//! `RetryAfter`, of one hour at most. One that is garbage, or lies in the past, says nothing.
//!
//! An error names host and port, never path or query, in which many receivers carry the credential. Of an answer that
//! is no success it quotes one kB, without what the request had in sensitive headers, path and query: receivers echo.
//!
//! TLS is rustls with ring. Who is trusted is up to the operating system, or to `ca_file` alone. Proxies are those
//! of the environment (`HTTPS_PROXY`, `NO_PROXY`).

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eventcenter_core::{
    Action, Clock as _, Error, ErrorKind, HumanDuration, KeyPath, Result, SystemClock,
};
use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, Request, RequestBuilder, Response, StatusCode, Url};
use rustls::AlertDescription;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Part of the timeout: who does not even connect by then was sent nothing, and that can be said.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How much of an answer is read, in bytes, and how long that may take: it is only quoted.
const QUOTE: usize = 1024;
const QUOTE_TIME: Duration = Duration::from_secs(2);

/// Whom to trust, and who we are. Files are read once, at the start.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsConfig {
    /// PEM certificates of the authorities to trust, instead of the operating system's.
    pub ca_file: Option<PathBuf>,
    /// PEM certificates to show to the receiver (mTLS), with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The PEM key of the first certificate in `cert_file`.
    pub key_file: Option<PathBuf>,
    /// Trusts anybody, so that whoever is in between reads and changes everything. Default false.
    pub insecure_skip_verify: bool,
}

/// Makes ring the cryptography of the process, unless another was chosen before.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else was faster: just as well.
        rustls::crypto::ring::default_provider().install_default().ok();
    }
}

/// The usual time for one request.
pub(crate) fn fifteen_seconds() -> HumanDuration {
    HumanDuration::from_secs(15)
}

/// The client of one sink.
pub(crate) struct Http {
    name: String,
    client: Client,
}

impl fmt::Debug for Http {
    /// Without the client, which knows the credentials of proxies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    retry_after: Option<Duration>,
    /// The receiver's clock, if it tells.
    #[cfg_attr(not(feature = "dingtalk"), expect(dead_code, reason = "for who signs with a time"))]
    pub(crate) date: Option<Timestamp>,
    host: String,
    quote: String,
}

impl Answer {
    /// The beginning of the body, one kB at most, without what must not be repeated.
    #[cfg(feature = "dingtalk")]
    pub(crate) fn body(&self) -> &str {
        &self.quote
    }
}

impl Http {
    /// `timeout` is for one request, from connecting to the last byte of the answer.
    pub(crate) fn new(name: &str, tls: &TlsConfig, timeout: Duration) -> Result<Self> {
        if timeout.is_zero() {
            let message = "no request is that fast; write a duration such as 15s";
            let error = Error::new(name, ErrorKind::Config, message);
            return Err(error.in_setting(KeyPath::root().key("timeout")));
        }
        install_crypto_provider();
        let client = Client::builder()
            .user_agent(concat!("eventcenter/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME.min(timeout / 2))
            .timeout(timeout)
            .tls_danger_accept_invalid_certs(tls.insecure_skip_verify);
        let unusable = |key: &str, error: reqwest::Error| {
            let message = format!("tls.{key} cannot be used");
            let error =
                Error::new(name, ErrorKind::Config, message).with_source(error.without_url());
            error.in_setting(tls_key(key))
        };
        let client = match &tls.ca_file {
            Some(file) => client.tls_certs_only(
                Certificate::from_pem_bundle(&read(name, "ca_file", file)?)
                    .map_err(|error| unusable("ca_file", error))?,
            ),
            None => client,
        };
        let client = match (&tls.cert_file, &tls.key_file) {
            (Some(cert), Some(key)) => {
                let pem =
                    [read(name, "cert_file", cert)?, read(name, "key_file", key)?].join(&b'\n');
                let identity = Identity::from_pem(&pem);
                client.identity(identity.map_err(|error| unusable("cert_file", error))?)
            }
            (None, None) => client,
            _ => {
                let message = "tls.cert_file and tls.key_file go together";
                let error = Error::new(name, ErrorKind::Config, message);
                return Err(error.in_setting(KeyPath::root().key("tls")));
            }
        };
        let client = client.build().map_err(|error| {
            Error::new(name, ErrorKind::Config, "cannot set up TLS")
                .with_source(error.without_url())
        })?;
        Ok(Self { name: name.to_owned(), client })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request that was made with [`client`](Self::client).
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let request = request.build().map_err(|error| {
            let message = "no request can be made of these settings";
            Error::new(&self.name, ErrorKind::Config, message).with_source(error.without_url())
        })?;
        let host = host(request.url());
        let sensitive = sensitive(&request);
        match self.client.execute(request).await {
            Ok(mut response) => Ok(Answer {
                status: response.status(),
                retry_after: retry_after(response.headers(), SystemClock.now().into()),
                date: date(response.headers()),
                host,
                quote: mask(quote(&mut response).await, &sensitive),
            }),
            Err(error) => Err(lost(&self.name, error).with("host", host)),
        }
    }

    /// The answer as an error, by the table of the [module](self).
    pub(crate) fn error(&self, answer: &Answer) -> Error {
        let status = answer.status;
        let (kind, message) = match status.as_u16() {
            300..=399 => (ErrorKind::Config, "redirects are not followed: configure the final URL"),
            401 | 403 => (ErrorKind::Auth, "the receiver does not accept the credential"),
            404 | 405 | 410 => (ErrorKind::Config, "the receiver is not there"),
            408 | 425 | 500.. => (ErrorKind::Unavailable, "the receiver is out of order"),
            413 => (ErrorKind::TooLarge, "this is too large for the receiver"),
            429 => (ErrorKind::Throttled, "the receiver asks for patience"),
            400..=499 => (ErrorKind::Refused, "the receiver refused"),
            _ => (ErrorKind::Protocol, "the answer makes no sense"),
        };
        let mut error = Error::new(&self.name, kind, message)
            .with("host", &answer.host)
            .with("status", status.as_u16());
        if !answer.quote.is_empty() {
            // One line, whatever the receiver wrote.
            error = error.with("body", answer.quote.escape_debug());
        }
        if matches!(status.as_u16(), 502 | 504) {
            error = error.ambiguous();
        }
        match (error.action(), answer.retry_after) {
            (Action::Refresh, _) => error.with_action(Action::Suspend),
            (Action::Retry, Some(wait)) => error.with_action(Action::RetryAfter(wait)),
            _ => error,
        }
    }
}

/// Host and port: all that may be said of a URL.
fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// The error of a request to which there was no answer.
fn lost(name: &str, error: reqwest::Error) -> Error {
    let tls = tls(&error);
    let (kind, message, ambiguous) = if let Some(rustls::Error::InvalidCertificate(_)) = tls {
        (ErrorKind::Config, "the receiver's certificate is not accepted", false)
    } else if let Some(rustls::Error::AlertReceived(alert)) = tls
        && is_about_us(*alert)
    {
        (ErrorKind::Auth, "the receiver does not accept our certificate", false)
    } else if error.is_connect() {
        (ErrorKind::Unavailable, "cannot connect", false)
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no answer in time", true)
    } else {
        (ErrorKind::Unavailable, "the connection was lost before the answer", true)
    };
    let error = Error::new(name, kind, message).with_source(error.without_url());
    match error.action() {
        Action::Refresh => error.with_action(Action::Suspend),
        _ if ambiguous => error.ambiguous(),
        _ => error,
    }
}

/// What TLS has to say about it. An `io::Error` hides what it wraps from `source`.
fn tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .map(|inner| inner as &(dyn StdError + 'static));
    error.downcast_ref().or_else(|| wrapped.or(error.source()).and_then(tls))
}

/// Whether a receiver says by this that it does not know us, or does not want us (RFC 8446, 6.2). It has looked at
/// no request then.
fn is_about_us(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok()?,
    };
    (!wait.is_zero()).then_some(wait.min(LONGEST_RETRY_AFTER))
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?.try_into().ok()
}

/// The beginning of the body. To read a short one to its end also lets the connection be used again.
async fn quote(response: &mut Response) -> String {
    let mut body = Vec::new();
    let read = async {
        while body.len() < QUOTE {
            let Ok(Some(chunk)) = response.chunk().await else { break };
            body.extend_from_slice(&chunk);
        }
    };
    // What has arrived by then will do.
    tokio::time::timeout(QUOTE_TIME, read).await.ok();
    body.truncate(QUOTE);
    String::from_utf8_lossy(&body).into_owned()
}

/// The words of a request that must not be quoted.
fn sensitive(request: &Request) -> Vec<String> {
    let headers = request.headers().values().filter(|value| value.is_sensitive());
    let words = headers.filter_map(|value| value.to_str().ok()).flat_map(str::split_whitespace);
    let url = request.url();
    let parts = url.path_segments().into_iter().flatten().chain(url.query());
    // The name of a parameter is a word of the interface.
    let pairs = url.query().into_iter().flat_map(|query| query.split('&'));
    let pairs = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let decoded = url.query_pairs().map(|(_, value)| value.into_owned());
    let words = words.chain(parts).chain(pairs).map(str::to_owned).chain(decoded);
    // Shorter ones are words of the language, not credentials.
    words.filter(|word| word.len() >= 6).collect()
}

/// SHA-256 as text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mask(text: String, sensitive: &[String]) -> String {
    sensitive.iter().fold(text, |text, word| text.replace(word.as_str(), "***"))
}

fn read(name: &str, key: &str, file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| {
        Error::new(name, ErrorKind::Config, format!("tls.{key} cannot be read"))
            .with("file", file.display())
            .with_source(error)
            .in_setting(tls_key(key))
    })
}

fn tls_key(key: &str) -> KeyPath {
    KeyPath::root().key("tls").key(key)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn parsed(value: &str) -> Option<Duration> {
        let now = httpdate::parse_http_date("Wed, 25 Nov 2026 01:00:00 GMT").unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, now)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_an_hour_at_most() {
        for (value, wait) in [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("Wed, 25 Nov 2026 01:02:00 GMT", Some(120)),
            ("864000", Some(3600)),
            ("Sat, 05 Dec 2026 01:00:00 GMT", Some(3600)),
            ("18446744073709551615", Some(3600)),
            ("0", None),
            ("-7", None),
            ("soon", None),
            ("", None),
            ("1.5", None),
            ("18446744073709551616", None),
            ("Wed, 25 Nov 2026 00:59:00 GMT", None),
        ] {
            assert_eq!(parsed(value), wait.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_receiver_that_repeats_what_it_was_sent_is_quoted_without_it() {
        let mut header = HeaderValue::from_static("Bearer in-a-header");
        header.set_sensitive(true);
        let url = "http://hook/in-the-path/x?key=in%2Dthe-query&other=also-there";
        let request = Client::new().get(url).header("authorization", header).build().unwrap();
        let echo = "in-a-header in-the-path in%2Dthe-query in-the-query also-there key=in%2Dthe-query&other=also-there x";
        assert_eq!(mask(echo.to_owned(), &sensitive(&request)), "*** *** *** *** *** *** x");
    }

    #[test]
    fn half_an_identity_is_refused() {
        let tls = TlsConfig { cert_file: Some("/x".into()), ..TlsConfig::default() };
        let error = Http::new("hook", &tls, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "hook: tls.cert_file and tls.key_file go together");
    }

    #[test]
    fn a_missing_file_is_named_with_its_key() {
        let tls = TlsConfig { ca_file: Some("/nonexistent".into()), ..TlsConfig::default() };
        let error = Http::new("hook", &tls, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "hook: tls.ca_file cannot be read (file=/nonexistent)");
    }
}
