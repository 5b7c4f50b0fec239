//! A receiver that speaks HTTP/1.1 over plain TCP and answers as it is told, so that core needs no HTTP library.
//!
//! It is made to misbehave: an answer can be late, slow, or a reset connection. It reads requests that have a
//! `Content-Length`, as ours do, and keeps connections open.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A running receiver; it ends when this is dropped.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `POST`, ...
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// As long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Besides `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    manner: Manner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    AtOnce,
    ByteByByte(Duration),
    Never,
    Cut,
    Reset,
}

impl Answer {
    /// This status, no headers, an empty body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), manner: Manner::AtOnce }
    }

    /// Reads the request and never answers.
    pub fn hang() -> Self {
        Self { manner: Manner::Never, ..Self::status(0) }
    }

    /// Reads the request and resets the connection.
    pub fn reset() -> Self {
        Self { manner: Manner::Reset, ..Self::status(0) }
    }

    /// Resets the connection instead of sending this: what was taken is taken, and the sender does not learn it.
    #[must_use]
    pub fn that_is_lost(mut self) -> Self {
        self.manner = Manner::Reset;
        self
    }

    /// Sends half of the body, and closes the connection.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.manner = Manner::Cut;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the body byte by byte, with this pause after each.
    #[must_use]
    pub fn slowly(mut self, pause: Duration) -> Self {
        self.manner = Manner::ByteByByte(pause);
        self
    }
}

type Answering = dyn Fn(&Request) -> Answer + Send + Sync;

struct Shared {
    answering: Mutex<Arc<Answering>>,
    exchanges: Mutex<Vec<(Request, Answer)>>,
}

impl Upstream {
    /// A receiver on a free port of this machine, which answers 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared {
            answering: Mutex::new(Arc::new(|_: &Request| Answer::status(200))),
            exchanges: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { address, shared, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers like this from now on.
    pub fn answer(&self, answer: Answer) {
        self.answer_with(move |_| answer.clone());
    }

    /// Lets the answer depend on the request from now on.
    pub fn answer_with(&self, answering: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        *lock(&self.shared.answering) = Arc::new(answering);
    }

    /// The requests that arrived whole, each with its answer.
    pub fn exchanges(&self) -> Vec<(Request, Answer)> {
        lock(&self.shared.exchanges).clone()
    }

    /// The requests that were answered with a status of 200 to 299, for receivers that mean it.
    pub fn accepted(&self) -> Vec<Request> {
        let good = |(request, answer): (Request, Answer)| {
            (200..300).contains(&answer.status).then_some(request)
        };
        self.exchanges().into_iter().filter_map(good).collect()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // A client that goes away ends its connection, and nothing else.
        tokio::spawn(async move { serve(stream, &shared).await.ok() });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        let answering = Arc::clone(&lock(&shared.answering));
        let answer = answering(&request);
        lock(&shared.exchanges).push((request, answer.clone()));
        let mut head = format!("HTTP/1.1 {} Told\r\n", answer.status);
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", answer.body.len()));
        match answer.manner {
            Manner::AtOnce => stream.write_all((head + &answer.body).as_bytes()).await?,
            Manner::ByteByByte(pause) => {
                stream.write_all(head.as_bytes()).await?;
                for byte in answer.body.bytes() {
                    stream.write_u8(byte).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Manner::Cut => {
                let half = answer.body.as_bytes().split_at(answer.body.len() / 2).0;
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(half).await?;
                return stream.shutdown().await;
            }
            Manner::Never => std::future::pending().await,
            Manner::Reset => return stream.into_inner().set_zero_linger(),
        }
    }
    Ok(())
}

/// One request; none when the client has closed the connection.
async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Request>> {
    let mut request = Request::default();
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    request.method = words.next().unwrap_or_default();
    request.path = words.next().unwrap_or_default();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut request.body).await?;
    Ok(Some(request))
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(upstream: &Upstream, request: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(upstream.address()).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn it_answers_as_told_and_remembers_the_requests() {
        let upstream = Upstream::start().await;
        upstream.answer(Answer::status(503).with_header("Retry-After", 7).with_body("busy"));
        let answer =
            ask(&upstream, "POST /in?a=b HTTP/1.1\r\nX-A: b: c\r\nContent-Length: 2\r\n\r\nhi")
                .await;
        assert_eq!(
            answer.unwrap(),
            "HTTP/1.1 503 Told\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"
        );
        let (request, answer) = upstream.exchanges().swap_remove(0);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/in?a=b"));
        assert_eq!((request.header("x-a"), request.text().as_str()), (Some("b: c"), "hi"));
        assert_eq!(answer.status, 503);
        assert!(upstream.accepted().is_empty());
    }

    #[tokio::test]
    async fn a_reset_is_a_reset() {
        let upstream = Upstream::start().await;
        upstream.answer(Answer::reset());
        let error = ask(&upstream, "GET / HTTP/1.1\r\n\r\n").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
