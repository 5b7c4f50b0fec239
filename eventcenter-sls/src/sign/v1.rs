//! Signature v1.
//!
//! ```text
//! VERB LF Content-MD5 LF Content-Type LF Date LF headers, one a line LF path?query
//! ```
//!
//! The query is sorted, and its values are not encoded. `Authorization: LOG {id}:{base64 of HMAC-SHA1}`; the key of the
//! HMAC is the secret's text.
//!
//! There must be `Date` (RFC 9110, two digits for the day), `x-log-apiversion: 0.6.0`, `x-log-signaturemethod:
//! hmac-sha1` and, with a temporary key, `x-acs-security-token`; `Content-MD5` when there is a body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::Request;
use crate::Credential;

/// The value of `Authorization`.
///
/// ```
/// use eventcenter_sls::Credential;
/// use eventcenter_sls::sign::{Request, v1};
///
/// let request = Request {
///     method: "GET",
///     path: "/logstores",
///     query: &[],
///     headers: &[
///         ("date".into(), "Mon, 3 Jan 2010 08:33:47 GMT".into()),
///         ("x-log-apiversion".into(), "0.6.0".into()),
///         ("x-log-bodyrawsize".into(), "0".into()),
///         ("x-log-signaturemethod".into(), "hmac-sha1".into()),
///     ],
/// };
/// let credential = Credential::new("mockAccessKeyID", "mockAccessKeySecret");
/// let authorization = v1::authorization(&request, &credential);
/// assert_eq!(authorization, "LOG mockAccessKeyID:Rwm6cTKzoti4HWoe+GKcb6Kv07E=");
/// ```
pub fn authorization(request: &Request<'_>, credential: &Credential) -> String {
    let signature = mac(credential.secret().reveal().as_bytes(), &string_to_sign(request));
    format!("LOG {}:{}", credential.id(), STANDARD.encode(signature))
}

pub(super) fn string_to_sign(request: &Request<'_>) -> String {
    let mut text = format!(
        "{}\n{}\n{}\n{}\n",
        request.method,
        request.header("content-md5"),
        request.header("content-type"),
        request.header("date"),
    );
    let headers = request.signed_headers(&[]);
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    text += &headers.join("\n");
    text.push('\n');
    text += request.path;
    let mut separator = '?';
    for (name, value) in request.sorted_query() {
        text.push(separator);
        text += name;
        text.push('=');
        text += value;
        separator = '&';
    }
    text
}

pub(super) fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<sha1::Sha1>::new_from_slice(key) else {
        unreachable!("a key of HMAC may have any length")
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
