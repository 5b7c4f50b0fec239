//! A service on loopback for tests: it answers each request as a function says.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What STS answers.
pub(super) const GRANTED: &str = r#"{"Credentials":{"AccessKeyId":"granted-id",
    "AccessKeySecret":"granted-secret","SecurityToken":"granted-token",
    "Expiration":"2023-11-14T23:13:20Z"},"RequestId":"r"}"#;

type Answering = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// It ends when this is dropped.
pub(super) struct Served {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl Served {
    /// The function is given the request as text, body included.
    pub(super) async fn start(
        answering: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answering, seen): (Arc<Answering>, _) = (Arc::new(answering), Arc::clone(&requests));
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answering), Arc::clone(&seen)));
            }
        };
        Self { url, requests, task: tokio::spawn(accept).abort_handle() }
    }

    /// The URL of nobody.
    pub(super) async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    answering: Arc<Answering>,
    seen: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        let mut length = 0;
        loop {
            let start = request.len();
            if stream.read_line(&mut request).await.ok()? == 0 {
                return None;
            }
            let line = request.get(start..)?.trim_end().to_lowercase();
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        request.push_str(&String::from_utf8(body).ok()?);
        let (status, text) = answering(&request);
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let head = format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n\r\n", text.len());
        stream.write_all((head + &text).as_bytes()).await.ok()?;
    }
}
