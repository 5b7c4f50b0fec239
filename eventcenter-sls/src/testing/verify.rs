//! Who signed this, and when: signatures v1 and v4, verified.
//!
//! This is written from the service's documentation and the vectors that its clients publish, and shares no line with
//! the signer of this crate: an error in the one cannot be hidden by the same error in the other.
//!
//! What is checked, in this order, each with the service's own code: `x-log-apiversion`, that there is a signature,
//! that the access key is known and its token the right one, the clock (15 minutes), the signature, the hash of the body.
//!
//! Undocumented, and therefore decided here: under v1 `x-log-date` is not among the signed headers, since the Python
//! client adds it after it has signed; it stands in for a `Date` that is missing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::http::Request;
use super::reply::Refusal;
use crate::credentials::{Credential, Secret};

/// How far a request's time may be off, in seconds.
const TOLERANCE: i64 = 15 * 60;

const V4_TERMINATOR: &str = "aliyun_v4_request";

/// An access key that the double knows.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: String,
    secret: Secret,
    token: Option<Secret>,
    expires_at: Option<Timestamp>,
}

impl From<&Credential> for Key {
    fn from(credential: &Credential) -> Self {
        Self {
            id: credential.id().to_owned(),
            secret: credential.secret().clone(),
            token: credential.token().cloned(),
            expires_at: credential.expires_at(),
        }
    }
}

/// The access keys, the region and the time: what a signature is checked against.
#[derive(Debug)]
pub(super) struct Verifier<'a> {
    pub(super) keys: &'a [Key],
    pub(super) region: &'a str,
    pub(super) now: Timestamp,
}

fn refuse<T>(status: u16, code: &str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(status, code, message))
}

impl Verifier<'_> {
    /// The access key that signed.
    pub(super) fn check(&self, request: &Request) -> Result<String, Refusal> {
        match request.header("x-log-apiversion") {
            None => return refuse(400, "MissingAPIVersion", "x-log-apiversion does not exist"),
            Some("0.6.0") => {}
            Some(other) => {
                return refuse(400, "InvalidAPIVersion", format!("{other} is not supported"));
            }
        }
        let Some(authorization) = request.header("authorization") else {
            return refuse(400, "MissAccessKeyId", "Authorization does not exist in http header");
        };
        if let Some(credential) = authorization.strip_prefix("SLS4-HMAC-SHA256 ") {
            self.v4(request, credential)
        } else if let Some(credential) = authorization.strip_prefix("LOG ") {
            self.v1(request, credential)
        } else {
            refuse(401, "SignatureNotMatch", "Authorization is not in a known form")
        }
    }

    fn key(&self, id: &str, request: &Request) -> Result<&Key, Refusal> {
        let Some(key) = self.keys.iter().find(|key| key.id == id) else {
            return refuse(401, "Unauthorized", format!("AccessKeyId not found: {id}"));
        };
        if request.header("x-acs-security-token") != key.token.as_ref().map(Secret::reveal) {
            return refuse(401, "Unauthorized", "The security token you provided is invalid");
        }
        if key.expires_at.is_some_and(|at| at <= self.now) {
            return refuse(401, "Unauthorized", "The security token you provided has expired");
        }
        Ok(key)
    }

    fn clock(&self, time: Timestamp) -> Result<(), Refusal> {
        let off = self.now.as_second() - time.as_second();
        if off.abs() > TOLERANCE {
            let message = format!("RequestTime exceeds 15 minutes, server time is {}", self.now);
            return refuse(400, "RequestTimeExpired", message);
        }
        Ok(())
    }

    fn v1(&self, request: &Request, credential: &str) -> Result<String, Refusal> {
        match request.header("x-log-signaturemethod") {
            None => {
                let message = "x-log-signaturemethod does not exist in http header";
                return refuse(400, "MissingSignatureMethod", message);
            }
            Some("hmac-sha1") => {}
            Some(other) => {
                let message = format!("signature method {other} is not supported");
                return refuse(400, "InvalidSignatureMethod", message);
            }
        }
        let Some(date) = request.header("date").or_else(|| request.header("x-log-date")) else {
            return refuse(400, "MissingDate", "Date does not exist in http header");
        };
        let Some(time) = http_date(date) else {
            return refuse(400, "InvalidDateFormat", format!("Date {date} must follow RFC822"));
        };
        let Some((id, signature)) = credential.split_once(':') else {
            return refuse(401, "SignatureNotMatch", "Authorization is not in a known form");
        };
        let key = self.key(id, request)?;
        self.clock(time)?;
        let text = v1_text(request, date);
        let given = STANDARD.decode(signature).unwrap_or_default();
        if sha1_mac(key.secret.reveal().as_bytes(), text.as_bytes()).verify_slice(&given).is_err() {
            return refuse(401, "SignatureNotMatch", format!("signature {signature} not match"));
        }
        if let Some(claimed) = request.header("content-md5")
            && claimed != hex::<true>(&Md5::digest(&request.body))
        {
            return refuse(400, "PostBodyInvalid", "Content-MD5 does not match the body");
        }
        Ok(key.id.clone())
    }

    fn v4(&self, request: &Request, credential: &str) -> Result<String, Refusal> {
        let form =
            || Refusal::new(401, "SignatureNotMatch", "Authorization is not in a known form");
        let (credential, signature) = credential.split_once(',').ok_or_else(form)?;
        let credential = credential.strip_prefix("Credential=").ok_or_else(form)?;
        let signature = signature.strip_prefix("Signature=").ok_or_else(form)?;
        let (id, scope) = credential.split_once('/').ok_or_else(form)?;
        let Some(date) = request.header("x-log-date") else {
            return refuse(400, "MissingDate", "x-log-date does not exist in http header");
        };
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", date);
        let Some(time) = time.ok().and_then(|time| time.to_zoned(TimeZone::UTC).ok()) else {
            let message = format!("x-log-date {date} must be like 20060102T150405Z");
            return refuse(400, "InvalidDateFormat", message);
        };
        let key = self.key(id, request)?;
        self.clock(time.timestamp())?;
        let day = date.get(..8).unwrap_or_default();
        if scope != format!("{day}/{}/sls/{V4_TERMINATOR}", self.region) {
            return refuse(401, "SignatureNotMatch", format!("the scope {scope} is not this one"));
        }
        let hash = request.header("x-log-content-sha256").unwrap_or_default();
        let canonical = hex::<false>(&Sha256::digest(v4_text(request, hash).as_bytes()));
        let text = format!("SLS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
        let mut secret = format!("aliyun_v4{}", key.secret.reveal()).into_bytes();
        for part in [day, self.region, "sls", V4_TERMINATOR] {
            secret = sha256_mac(&secret, part.as_bytes()).finalize().into_bytes().to_vec();
        }
        let mac = sha256_mac(&secret, text.as_bytes());
        let given = unhex(signature).unwrap_or_default();
        if mac.verify_slice(&given).is_err() || signature.bytes().any(|b| b.is_ascii_uppercase()) {
            return refuse(401, "SignatureNotMatch", format!("signature {signature} not match"));
        }
        if hash != hex::<false>(&Sha256::digest(&request.body)) {
            let message = "x-log-content-sha256 does not match the body";
            return refuse(400, "PostBodyInvalid", message);
        }
        Ok(key.id.clone())
    }
}

/// What is signed under v1.
pub(super) fn v1_text(request: &Request, date: &str) -> String {
    let of = |name: &str| request.header(name).unwrap_or_default();
    let mut text = [&request.method, of("content-md5"), of("content-type"), date, ""].join("\n");
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| is_special(name) && name != "x-log-date")
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    headers.sort_unstable();
    text.push_str(&headers.concat());
    text.push_str(&request.path);
    let mut pairs = request.pairs();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !pairs.is_empty() {
        text.push('?');
        text.push_str(&pairs.join("&"));
    }
    text
}

/// The canonical request of v4.
pub(super) fn v4_text(request: &Request, hash: &str) -> String {
    let mut pairs = request.pairs();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let pair = |(key, value): &(String, String)| match value.as_str() {
        "" => key.clone(),
        value => format!("{key}={}", percent(value)),
    };
    let query = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| name == "content-type" || name == "host" || is_special(name))
        .collect();
    headers.sort_unstable();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let parts = [&request.method, &request.path, &query, &lines, &names.join(";"), hash];
    parts.join("\n")
}

/// Whether a header is signed for its name alone.
fn is_special(name: &str) -> bool {
    (name.starts_with("x-log-") && !name.starts_with("x-log-meta-")) || name.starts_with("x-acs-")
}

/// Percent-encoding of RFC 3986.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The service reads a one-digit day too, and does not look at the day of the week.
fn http_date(text: &str) -> Option<Timestamp> {
    let text = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let time = strtime::parse("%d %b %Y %H:%M:%S", text).ok()?.to_datetime().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn sha1_mac(key: &[u8], text: &[u8]) -> Hmac<Sha1> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

fn sha256_mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac
}

fn hex<const UPPER: bool>(bytes: &[u8]) -> String {
    let digit = |byte: &u8| if UPPER { format!("{byte:02X}") } else { format!("{byte:02x}") };
    bytes.iter().map(digit).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(|two| (two.len() == 2).then(|| pair(two)).flatten()).collect()
}

#[cfg(test)]
mod tests;
