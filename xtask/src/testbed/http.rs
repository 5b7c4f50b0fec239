//! The few HTTP requests that the test bed itself makes, on plain blocking sockets.
//!
//! HTTP/1.0, because it has neither chunked bodies nor connections that stay open: the reply is
//! what comes until the end of the stream. etcd is asked in the clear, the API server through
//! TLS with the authority it made for itself. For loopback and small replies; a request takes 10
//! seconds at most between two reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

const SILENCE: Duration = Duration::from_secs(10);

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The body, bytes for bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }
}

/// What to ask.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) body: Option<&'a Value>,
}

/// Asks in the clear.
pub(super) fn plain(port: u16, request: &Request<'_>) -> Result<Reply> {
    exchange(connect(port)?, request)
}

/// A TLS configuration that trusts exactly the certificates in `pem`.
pub(super) fn trust(pem: &[u8]) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Asks through TLS.
pub(super) fn tls(port: u16, trusted: Arc<ClientConfig>, request: &Request<'_>) -> Result<Reply> {
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let session = ClientConnection::new(trusted, name)?;
    exchange(StreamOwned::new(session, connect(port)?), request)
}

fn connect(port: u16) -> Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, SILENCE)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

fn exchange(mut stream: impl Read + Write, request: &Request<'_>) -> Result<Reply> {
    let body = request.body.map(Value::to_string).unwrap_or_default();
    let mut text = format!("{} {} HTTP/1.0\r\n", request.method, request.path);
    text += "Host: 127.0.0.1\r\nAccept: application/json\r\nContent-Type: application/json\r\n";
    if let Some(token) = request.token {
        text += &format!("Authorization: Bearer {token}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes())?;
    stream.flush()?;

    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // The peer may close TCP without closing TLS; a short body shows in Content-Length.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        done => drop(done?),
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Reply> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no HTTP reply")?;
    let (head, body) = bytes.split_at(end + 4);
    let head = std::str::from_utf8(head).context("reply head is not text")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("no status in {head:?}"))?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    if length.is_some_and(|length: usize| length != body.len()) {
        bail!("reply body of {} bytes, {length:?} announced", body.len());
    }
    Ok(Reply { status, body: body.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_read() -> Result<()> {
        let reply = parse(b"HTTP/1.0 201 Created\r\nContent-length: 7\r\n\r\n{\"a\":1}")?;
        assert_eq!(reply.status, 201);
        assert_eq!(reply.json()?["a"], 1);
        Ok(())
    }

    #[test]
    fn a_cut_body_is_an_error() {
        assert!(parse(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n{}").is_err());
        assert!(parse(b"HTTP/1.0 200 OK\r\nConte").is_err());
    }
}
