//! The server: connections, each with its limits.
//!
//! hyper's HTTP/1 with a time for the head of a request, so that a client that sends a byte a second holds a
//! connection and nothing else, and for no longer than that time; and with one for an answer that is not taken.

mod patient;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use eventcenter_core::Stopped;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use self::patient::Patient;
use crate::Console;

/// For the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(15);
/// Bytes of a head: a statement of 16 KiB in a URL has room.
const HEAD_BYTES: usize = 64 << 10;
/// What requests that run may still take at the end.
const GRACE: Duration = Duration::from_secs(5);

impl Console {
    /// Serves until the stop begins; then live tails end, and other requests that run have 5 s.
    ///
    /// # Errors
    ///
    /// When the listener is broken.
    pub async fn serve(&self, listener: TcpListener, mut stopped: Stopped) -> io::Result<()> {
        let router = self.router();
        let graceful = GracefulShutdown::new();
        let limits = &self.0.config.limits;
        let connections = Arc::new(Semaphore::new(limits.connections));
        loop {
            let permit = tokio::select! {
                biased;
                () = stopped.stopping() => break,
                permit = Arc::clone(&connections).acquire_owned() => permit.map_err(io::Error::other)?,
            };
            let (stream, peer) = tokio::select! {
                biased;
                () = stopped.stopping() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    // Out of descriptors, or a peer that is gone already: the listener itself is well.
                    Err(error) => {
                        warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let service = tower::ServiceExt::map_request(
                router.clone(),
                move |mut request: hyper::Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(ConnectInfo(peer));
                    request.map(axum::body::Body::new)
                },
            );
            let stream = Patient::new(stream, limits.write_timeout.get());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(%error, "a connection broke off");
                }
                drop(permit);
            });
        }
        self.0.stop.begin();
        tokio::time::timeout(GRACE, graceful.shutdown()).await.ok();
        Ok(())
    }
}
