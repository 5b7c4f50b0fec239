//! One attempt: sign, send, read, and say what it was.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, DATE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};

use super::{Answer, Call, Client, Signer, lock};
use crate::compress::Compression;
use crate::credentials::Credential;
use crate::error::{Error, ErrorKind, Result};
use crate::sign::{Pair, Request, content_md5, content_sha256, v1};

/// The largest answer, as sent and decompressed.
const LARGEST: usize = 64 << 20;
/// What is read of an answer that is a failure.
const LARGEST_FAILURE: usize = 64 << 10;
/// The years 2000 to 2099, in seconds since 1970.
const CENTURY: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// What is the same in every attempt, made once.
pub(super) struct Prepared<'a> {
    call: &'a Call,
    url: reqwest::Url,
    /// All headers but the time, the token and the signature.
    headers: Vec<Pair<'a>>,
    body: Bytes,
}

impl Client {
    pub(super) fn prepare<'a>(&self, call: &'a Call) -> Result<Prepared<'a>> {
        call.check()?;
        let project = call.project.as_deref();
        let url = self.0.endpoint.url(project, call.path(), &call.query);
        let url = reqwest::Url::parse(&url).map_err(|error| {
            Error::new(ErrorKind::Usage, "no request can be made of this").with_source(error)
        })?;
        let body = call.body.as_ref().map_or_else(Bytes::new, |body| body.bytes.clone());
        let raw_len = call.body.as_ref().map_or(0, |body| body.raw_len);
        let mut headers: Vec<Pair<'a>> = vec![
            ("host".into(), self.0.endpoint.host(project).into()),
            ("x-log-apiversion".into(), "0.6.0".into()),
            ("x-log-bodyrawsize".into(), raw_len.to_string().into()),
        ];
        if let Some(body) = &call.body {
            headers.push(("content-type".into(), body.content_type.into()));
            if let Some(name) = body.compression.name() {
                headers.push(("x-log-compresstype".into(), name.into()));
            }
        }
        match &self.0.signer {
            Signer::V1 => {
                headers.push(("x-log-signaturemethod".into(), "hmac-sha1".into()));
                if !body.is_empty() {
                    headers.push(("content-md5".into(), content_md5(&body).into()));
                }
            }
            Signer::V4(_) => {
                headers.push(("x-log-content-sha256".into(), content_sha256(&body).into()));
            }
        }
        // hyper leaves the length out where there is no body, which the service refuses.
        if body.is_empty() && call.method != Method::GET {
            headers.push(("content-length".into(), "0".into()));
        }
        for (name, value) in &call.headers {
            headers.push(((*name).into(), value.as_ref().into()));
        }
        Ok(Prepared { call, url, headers, body })
    }

    /// Signs by a clock that is `delta` ahead of ours.
    pub(super) async fn attempt(
        &self,
        prepared: &Prepared<'_>,
        credential: &Credential,
        delta: SignedDuration,
    ) -> Result<Answer> {
        let sent = self.0.clock.now();
        let now = sent.saturating_add(delta).unwrap_or(sent);
        let headers = self.sign(prepared, credential, now)?;
        let request = self.0.http.request(prepared.call.method.clone(), prepared.url.clone());
        let mut request = request.headers(headers);
        if !prepared.body.is_empty() {
            request = request.body(prepared.body.clone());
        }
        let response = request.send().await.map_err(lost)?;
        let server_time = server_time(response.headers());
        let answer = read(response).await?;
        if let Some(server_time) = server_time {
            self.0.skew.observe(sent, self.0.clock.now(), server_time);
        }
        Ok(answer)
    }

    fn sign(
        &self,
        prepared: &Prepared<'_>,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<HeaderMap> {
        let mut headers = prepared.headers.clone();
        if let Some(token) = credential.token() {
            headers.push(("x-acs-security-token".into(), token.reveal().into()));
        }
        headers.push(match &self.0.signer {
            Signer::V1 => {
                // Not by `httpdate`, which panics before 1970: our own clock may be anywhere.
                let now = now.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT");
                ("date".into(), now.to_string().into())
            }
            Signer::V4(_) => {
                let now = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
                ("x-log-date".into(), now.into())
            }
        });
        let request = Request {
            method: prepared.call.method.as_str(),
            path: prepared.call.path(),
            query: &prepared.call.query,
            headers: &headers,
        };
        let authorization = match &self.0.signer {
            Signer::V1 => v1::authorization(&request, credential),
            Signer::V4(signer) => lock(signer).authorization(&request, credential),
        };
        let mut map = HeaderMap::with_capacity(headers.len() + 1);
        for (name, value) in &headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable(name))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| unusable(name.as_str()))?;
            value.set_sensitive(name == "x-acs-security-token");
            map.insert(name, value);
        }
        let mut authorization = HeaderValue::from_str(&authorization)
            .map_err(|_| Error::new(ErrorKind::Credential, "the access key's id is no id"))?;
        authorization.set_sensitive(true);
        map.insert(AUTHORIZATION, authorization);
        debug_assert!(map.contains_key(HOST), "the host is what is signed");
        Ok(map)
    }
}

/// Without the value, which may be a secret.
fn unusable(name: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("this cannot be sent in the header {name}"))
}

/// The failure of a request without an answer.
fn lost(error: reqwest::Error) -> Error {
    let (kind, message, ambiguous) = if error.is_connect() {
        (ErrorKind::Network, "cannot connect", false)
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no answer in time", true)
    } else if error.is_builder() {
        (ErrorKind::Usage, "no request can be made of this", false)
    } else {
        (ErrorKind::Network, "the connection was lost", true)
    };
    Error::new(kind, message).with_ambiguity(ambiguous).with_source(root(error))
}

/// The last cause says what it was; those before it say that there was one.
fn root(error: reqwest::Error) -> Cow<'static, str> {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string().into()
}

/// The service's clock, to the second. A time that is not of this century is nobody's clock: what stands between might
/// write anything there, and we would sign by it from then on.
fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let believed = |time: &Timestamp| CENTURY.contains(&time.as_second());
    let seconds = text("x-log-time").and_then(|text| text.trim().parse().ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).filter(believed);
    time.or_else(|| {
        let time = httpdate::parse_http_date(text(DATE.as_str())?).ok()?;
        Timestamp::try_from(time).ok().filter(believed)
    })
}

async fn read(mut response: Response) -> Result<Answer> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let id = headers.get("x-log-requestid").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let (true, Some(request_id)) = (status.is_success(), id.clone()) else {
        let (mut body, _) = body(&mut response, LARGEST_FAILURE).await.unwrap_or_default();
        if let Ok(Some((compression, size))) = packed(&headers, LARGEST_FAILURE)
            && let Ok(raw) = compression.decompress(body.clone(), size)
        {
            body = raw;
        }
        return Err(Error::from_reply(
            status.as_u16(),
            id.as_deref(),
            server_time(&headers),
            &body,
        ));
    };
    let (body, complete) = body(&mut response, LARGEST).await.map_err(lost)?;
    if !complete {
        return Err(Error::new(ErrorKind::Protocol, "the answer is larger than 64 MiB"));
    }
    let body = match packed(&headers, LARGEST)? {
        Some((_, 0)) => Bytes::new(),
        Some((compression, raw_len)) => compression.decompress(body, raw_len)?,
        None => body,
    };
    Ok(Answer { status: status.as_u16(), request_id, headers, body })
}

/// What the answer is compressed with, and the size before that.
fn packed(headers: &HeaderMap, largest: usize) -> Result<Option<(Compression, usize)>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let Some(name) = text("x-log-compresstype").filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let wrong = |message| Error::new(ErrorKind::Protocol, message);
    let compression = Compression::from_name(name)
        .ok_or_else(|| wrong("the answer is compressed with what is not built in"))?;
    let raw_len = text("x-log-bodyrawsize").and_then(|size| size.parse().ok());
    match raw_len {
        Some(raw_len) if raw_len <= largest => Ok(Some((compression, raw_len))),
        Some(_) => Err(wrong("the answer is larger than 64 MiB")),
        None => Err(wrong("the answer is compressed and does not say its size")),
    }
}

/// The body, or its beginning, and whether that is all.
async fn body(response: &mut Response, largest: usize) -> Result<(Bytes, bool), reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = largest - body.len();
        if chunk.len() > room {
            body.extend_from_slice(chunk.get(..room).unwrap_or_default());
            return Ok((body.freeze(), false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body.freeze(), true))
}
