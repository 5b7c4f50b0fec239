//! Reading and writing one Lease: `coordination.k8s.io/v1`, checked against Kubernetes 1.20 and 1.37 (2026-11).
//!
//! A write names the version that it was made from, and the API server refuses it with 409 when there is a newer one;
//! so does the creation of a Lease that is there already. Both are [`Written::Not`].

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::{Clock, ErrorKind, SystemClock};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use kube::Client;
use kube::client::Body;

use super::record::Record;
use crate::client::ApiServer;
use crate::exchange::{Exchange, Frame, Patience};
use crate::failure::{Failure, Kind};

/// More than etcd takes.
const MAX_LEASE: usize = 4 << 20;

/// How a write ended.
#[derive(Debug)]
pub(super) enum Written {
    /// It is there, with a new version.
    As(Record),
    /// Somebody else was first.
    Not,
}

/// Where the Lease is.
#[async_trait]
pub(super) trait LeaseApi: Debug + Send + Sync + 'static {
    /// The Lease as it is now.
    async fn read(&self) -> Result<Record, Failure>;

    /// Writes it, if it is still of the version that it was made from.
    async fn write(&self, record: &Record) -> Result<Written, Failure>;
}

/// A Lease of an API server.
#[derive(Debug)]
pub(super) struct ServerLease {
    pub(super) server: ApiServer,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) patience: Patience,
    pub(super) component: Arc<str>,
}

impl ServerLease {
    fn folder(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.folder(), self.name)
    }

    async fn ask(&self, method: Method, uri: &str, body: Vec<u8>) -> Result<Record, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let client: &Client = self.server.client();
        let request = request(method, uri, body);
        let mut exchange = Exchange::of(client, request, self.patience, &self.component, &clock);
        let mut answer = Vec::new();
        loop {
            match exchange.frame().await? {
                Frame::Data(data) if answer.len() + data.len() <= MAX_LEASE => answer.extend(data),
                Frame::Data(_) | Frame::End => break,
                Frame::Answered => {}
            }
        }
        let record = serde_json::from_slice(&answer).ok().and_then(Record::read);
        record.ok_or_else(|| {
            let message = "the answer to a request for the Lease is none";
            Failure::passing(&self.component, ErrorKind::Protocol, message)
        })
    }
}

#[async_trait]
impl LeaseApi for ServerLease {
    async fn read(&self) -> Result<Record, Failure> {
        match self.ask(Method::GET, &self.path(), Vec::new()).await {
            Err(failure) if failure.kind == Kind::Absent => {
                Ok(Record::absent(&self.namespace, &self.name))
            }
            other => other,
        }
    }

    async fn write(&self, record: &Record) -> Result<Written, Failure> {
        // A value of JSON can be written.
        let body = serde_json::to_vec(record.document()).unwrap_or_default();
        let written = match record.version() {
            Some(_) => self.ask(Method::PUT, &self.path(), body).await,
            None => self.ask(Method::POST, &self.folder(), body).await,
        };
        match written {
            Ok(record) => Ok(Written::As(record)),
            Err(failure) if failure.kind == Kind::Conflict => Ok(Written::Not),
            // Deleted since it was read.
            Err(failure) if failure.kind == Kind::Absent && record.version().is_some() => {
                Ok(Written::Not)
            }
            Err(failure) => Err(failure),
        }
    }
}

fn request(method: Method, uri: &str, body: Vec<u8>) -> http::Result<Request<Body>> {
    let json = HeaderValue::from_static("application/json");
    crate::exchange::headed(Request::builder().method(method).uri(uri))
        .header(CONTENT_TYPE, json)
        .body(Body::from(body))
}
