//! Health and metrics over HTTP, for probes and Prometheus.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 while the program runs |
//! | `/readyz` | 200 when every part that readiness depends on is ready, else 503; the body is a JSON report of all parts |
//! | `/metrics` | OpenMetrics text |
//!
//! kube-eventer's `/healthz` says "ok" whatever happens; its real check stands under the misspelt `/healtz`.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use eventcenter_core::{Health, Metrics, Stopped};
use tokio::net::TcpListener;

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct HealthServer {
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
}

impl HealthServer {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The operating system's, such as "address already in use".
    pub async fn bind(address: SocketAddr, health: Health, metrics: Metrics) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, health, metrics })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until the grace period of a stop is over.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub async fn serve(self, mut stopped: Stopped) -> io::Result<()> {
        let router = routes(self.health, self.metrics, |_| {});
        tokio::select! {
            served = axum::serve(self.listener, router) => served,
            () = stopped.aborted() => Ok(()),
        }
    }
}

/// The three paths, for whoever serves more than these; `measure` brings up to date what is only measured when it is
/// asked for.
pub fn routes(
    health: Health,
    metrics: Metrics,
    measure: impl Fn(&Metrics) + Clone + Send + Sync + 'static,
) -> Router {
    let shown = move || async move {
        measure(&metrics);
        numbers(&metrics)
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { ready(&health) }))
        .route("/metrics", get(shown))
}

fn ready(health: &Health) -> Response {
    let report = health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string_pretty(&report).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn numbers(metrics: &Metrics) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.encode()).into_response()
}
