//! Signature v4.
//!
//! ```text
//! request = METHOD LF path LF query LF headers, one a line, each with LF LF names;of;headers LF x-log-content-sha256
//! text    = SLS4-HMAC-SHA256 LF x-log-date LF scope LF hex(SHA-256(request))
//! scope   = yyyyMMdd/region/sls/aliyun_v4_request
//! key     = HMAC(HMAC(HMAC(HMAC("aliyun_v4" + secret, yyyyMMdd), region), "sls"), "aliyun_v4_request")
//! ```
//!
//! The query is sorted by names, which are *not* encoded, while values are; an empty value leaves the name alone,
//! without `=`. `Authorization: SLS4-HMAC-SHA256 Credential={id}/{scope},Signature={hex}`.
//!
//! There must be `x-log-date` (`yyyyMMddTHHmmssZ`), `x-log-content-sha256` (also of an empty body),
//! `x-log-apiversion: 0.6.0`, `Host` as it is sent, and, with a temporary key, `x-acs-security-token`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Request, hex, percent_encode};
use crate::Credential;
use crate::credentials::Secret;

const ALGORITHM: &str = "SLS4-HMAC-SHA256";
const TERMINATOR: &str = "aliyun_v4_request";
const PRODUCT: &str = "sls";

/// Signs for one region. The key of the day is computed once for a secret and a day.
///
/// ```
/// use eventcenter_sls::Credential;
/// use eventcenter_sls::sign::{Request, content_sha256, v4};
///
/// let request = Request {
///     method: "GET",
///     path: "/logstores",
///     query: &[("offset".into(), "0".into())],
///     headers: &[
///         ("host".into(), "k8s-log-c1.cn-hangzhou.log.aliyuncs.com".into()),
///         ("x-log-apiversion".into(), "0.6.0".into()),
///         ("x-log-content-sha256".into(), content_sha256(b"").into()),
///         ("x-log-date".into(), "20231114T221320Z".into()),
///     ],
/// };
/// let mut signer = v4::Signer::new("cn-hangzhou");
/// let authorization = signer.authorization(&request, &Credential::new("an id", "a secret"));
/// assert!(authorization.starts_with(
///     "SLS4-HMAC-SHA256 Credential=an id/20231114/cn-hangzhou/sls/aliyun_v4_request,Signature="
/// ));
/// ```
#[derive(Debug)]
pub struct Signer {
    region: String,
    cached: Option<Cached>,
}

/// The last key, and what it was made of.
struct Cached {
    secret: Secret,
    day: String,
    key: Key,
}

type Key = Zeroizing<[u8; 32]>;

impl std::fmt::Debug for Cached {
    /// Whoever has the key can sign for a day.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached").field("day", &self.day).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer for this region, such as `cn-hangzhou`.
    pub fn new(region: impl Into<String>) -> Self {
        Self { region: region.into(), cached: None }
    }

    /// The region that is signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The value of `Authorization`.
    pub fn authorization(&mut self, request: &Request<'_>, credential: &Credential) -> String {
        let date = request.header("x-log-date");
        // The day is what stands before the T, so the scope agrees with the date whatever it is.
        let day = date.split_once('T').map_or(date, |(day, _)| day);
        let scope = format!("{day}/{}/{PRODUCT}/{TERMINATOR}", self.region);
        let request = hex(&Sha256::digest(canonical(request)));
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{request}");
        let signature = mac(self.key(credential.secret(), day).as_ref(), text.as_bytes());
        let id = credential.id();
        format!("{ALGORITHM} Credential={id}/{scope},Signature={}", hex(signature.as_ref()))
    }

    pub(super) fn key(&mut self, secret: &Secret, day: &str) -> &Key {
        let is_same = |cached: &Cached| cached.day == day && cached.secret == *secret;
        if !self.cached.as_ref().is_some_and(is_same) {
            self.cached = None;
        }
        let region = &self.region;
        let cached = self.cached.get_or_insert_with(|| Cached {
            secret: secret.clone(),
            day: day.to_owned(),
            key: derive(secret, day, region),
        });
        &cached.key
    }
}

fn derive(secret: &Secret, day: &str, region: &str) -> Key {
    let first = Zeroizing::new(format!("aliyun_v4{}", secret.reveal()));
    let key = mac(first.as_bytes(), day.as_bytes());
    [region, PRODUCT, TERMINATOR].iter().fold(key, |key, text| mac(key.as_ref(), text.as_bytes()))
}

pub(super) fn canonical(request: &Request<'_>) -> String {
    let headers = request.signed_headers(&["content-type", "host"]);
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let query = request.sorted_query().into_iter().map(|(name, value)| match value {
        "" => name.to_owned(),
        _ => format!("{name}={}", percent_encode(value)),
    });
    let query: Vec<_> = query.collect();
    let mut text = format!("{}\n{}\n{}\n", request.method, request.path, query.join("&"));
    for (name, value) in &headers {
        text += name;
        text.push(':');
        text += value;
        text.push('\n');
    }
    text.push('\n');
    text += &names.join(";");
    text.push('\n');
    text += request.header("x-log-content-sha256");
    text
}

fn mac(key: &[u8], text: &[u8]) -> Key {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("a key of HMAC may have any length")
    };
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().into())
}
