//! An HTTP/1.1 server on 127.0.0.1, on a thread of its own, that can also break its connections.
//!
//! hyper speaks the protocol; this module adds what a fault needs: closing or resetting (RST) a
//! connection before the headers or in the middle of a body, hanging for ever, ending politely
//! ([`Loopback::stop`]) or like a machine that loses power ([`Loopback::kill`]).

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long a polite stop waits for answers that are under way.
const GRACE: Duration = Duration::from_millis(500);

/// How long a start waits for a port that the kernel still holds.
const PORT_PATIENCE: Duration = Duration::from_secs(5);

/// A connection ends here instead of going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// FIN: the peer sees the end of the stream, too early.
    Close,
    /// RST: the peer sees "connection reset".
    Reset,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is broken on purpose")
    }
}

impl Error for Break {}

/// Gives the next chunk at once, or `None` when there are no more for now.
pub(crate) type Burst = Box<dyn FnMut() -> Option<Bytes> + Send>;

/// The body of an answer.
pub(crate) enum Body {
    /// All of it, with a Content-Length.
    Whole(Bytes),
    /// Chunked: first what `burst` gives, as fast as the socket takes it, then what is sent to
    /// `rest`. A [`Break`] ends the connection, dropping the sender ends the body.
    Stream { burst: Option<Burst>, rest: mpsc::Receiver<Result<Bytes, Break>> },
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Break;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Break>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream { burst, rest } => {
                if let Some(next) = burst {
                    if let Some(chunk) = next() {
                        return Poll::Ready(Some(Ok(Frame::data(chunk))));
                    }
                    *burst = None;
                }
                rest.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
}

/// What becomes of a request: an answer, or the end of its connection.
pub(crate) type Outcome = Result<Response<Body>, Break>;

/// The future of an [`Outcome`]; one that never ends leaves the client without headers.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What the server does with a request. The second argument tells when the server is stopping.
pub(crate) type Handler = Arc<dyn Fn(Request<Incoming>, Stopping) -> Answering + Send + Sync>;

/// How far the server is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    Stopping,
    Killed,
}

/// Tells a long answer that it must end.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<Phase>);

impl Stopping {
    /// Whether the server is stopping politely. After a kill this stays false: the connection is
    /// about to be reset, and no body may come to a clean end before.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow() == Phase::Stopping
    }

    /// Waits until the server is stopping politely; for ever if it is killed.
    pub(crate) async fn set(&mut self) {
        if self.reached(|phase| phase != Phase::Serving).await != Phase::Stopping {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the server is on its way out, one way or the other.
    async fn begun(&mut self) {
        self.reached(|phase| phase != Phase::Serving).await;
    }

    async fn killed(&mut self) {
        self.reached(|phase| phase == Phase::Killed).await;
    }

    fn is_killed(&self) -> bool {
        *self.0.borrow() == Phase::Killed
    }

    async fn reached(&mut self, far_enough: impl Fn(Phase) -> bool) -> Phase {
        // An error means that the server was dropped, which is a kill.
        self.0.wait_for(|phase| far_enough(*phase)).await.map_or(Phase::Killed, |phase| *phase)
    }
}

/// A running server; dropping it kills it.
pub(crate) struct Loopback {
    address: SocketAddr,
    phase: watch::Sender<Phase>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Listens on `port` of 127.0.0.1; 0 takes a free one.
    pub(crate) fn start(port: u16, handler: Handler) -> Self {
        let listener = bind(port);
        let address = listener.local_addr().expect("a bound socket has an address");
        let (phase, seen) = watch::channel(Phase::Serving);
        let thread = std::thread::Builder::new()
            .name(format!("loopback-{}", address.port()))
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .expect("a tokio runtime");
                runtime.block_on(accept(listener, handler, Stopping(seen)));
                runtime.shutdown_background();
            })
            .expect("a thread");
        Self { address, phase, thread: Some(thread) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends like a process that got SIGTERM: no new connections, bodies end cleanly. What is still
    /// hanging after [`GRACE`] is cut.
    pub(crate) fn stop(mut self) {
        self.end(Phase::Stopping);
    }

    /// Ends like a process that got SIGKILL, with an RST on every connection.
    pub(crate) fn kill(mut self) {
        self.end(Phase::Killed);
    }

    /// When this returns, the port is free and no connection is left.
    fn end(&mut self, phase: Phase) {
        self.phase.send_replace(phase);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server on {} panicked", self.address);
        }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.end(Phase::Killed);
    }
}

fn bind(port: u16) -> TcpListener {
    let deadline = Instant::now() + PORT_PATIENCE;
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => {
                listener.set_nonblocking(true).expect("a socket can be set non-blocking");
                return listener;
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            Err(error) => panic!("cannot listen on port {port}: {error}"),
        }
    }
}

/// Accepts until the server stops; then waits for the connections, each of which sees it too.
async fn accept(listener: TcpListener, handler: Handler, mut stopping: Stopping) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listening socket");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopping.begun() => break,
            Some(ended) = connections.join_next() => ended.expect("a connection's task panicked"),
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted {
                    connections.spawn(serve(socket, Arc::clone(&handler), stopping.clone()));
                }
            }
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        ended.expect("a connection's task panicked");
    }
}

/// One connection, to its end.
async fn serve(socket: TcpStream, handler: Handler, mut stopping: Stopping) {
    // A test that measures latency must not measure Nagle's algorithm.
    drop(socket.set_nodelay(true));
    let seen = stopping.clone();
    let service = service_fn(move |request| handler(request, seen.clone()));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    let mut run = |cx: &mut Context<'_>| connection.poll_without_shutdown(cx);

    // The stop is looked at first: after a kill no body may still come to a clean end.
    let ended = tokio::select! {
        biased;
        () = stopping.begun() => None,
        result = std::future::poll_fn(&mut run) => Some(result),
    };
    let end = match ended {
        Some(Ok(())) => Break::Close,
        Some(Err(error)) => broken_by(&error),
        None if stopping.is_killed() => Break::Reset,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            let mut run = |cx: &mut Context<'_>| connection.poll_without_shutdown(cx);
            let polite = tokio::time::timeout(GRACE, std::future::poll_fn(&mut run));
            tokio::select! {
                biased;
                () = stopping.killed() => Break::Reset,
                _ = polite => Break::Close,
            }
        }
    };
    let socket = connection.into_parts().io.into_inner();
    if end == Break::Reset {
        drop(socket.set_zero_linger());
    }
}

/// Whether the connection ended by one of our own breaks, and by which.
fn broken_by(error: &hyper::Error) -> Break {
    let cause = error.source().and_then(|source| source.downcast_ref::<Break>());
    cause.copied().unwrap_or(Break::Close)
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loopback({})", self.address)
    }
}
