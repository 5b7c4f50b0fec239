//! The Chrome DevTools Protocol: calls with answers, and events, as JSON over one WebSocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// A page that hangs is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(60);

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;
type Listener = Box<dyn Fn(&str, &Value) + Send>;
type Listeners = Arc<Mutex<HashMap<String, Listener>>>;

/// A connection; clones are the same.
#[derive(Clone)]
pub(super) struct Wire {
    out: mpsc::UnboundedSender<String>,
    waiting: Waiting,
    listeners: Listeners,
    next: Arc<AtomicU64>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) async fn connect(address: &str) -> Self {
        // A picture or a document of a page is larger than what a chat would send.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let connected =
            tokio_tungstenite::connect_async_with_config(address, Some(config), true).await;
        let (mut sink, mut stream) = connected.expect("a connection to chromium").0.split();
        let (out, mut queue) = mpsc::unbounded_channel::<String>();
        let (waiting, listeners) = (Waiting::default(), Listeners::default());
        tokio::spawn(async move {
            while let Some(text) = queue.recv().await {
                if sink.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
        });
        let (answers, heard) = (Arc::clone(&waiting), Arc::clone(&listeners));
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                let Ok(text) = message.to_text() else { continue };
                let Ok(value) = serde_json::from_str::<Value>(text) else { continue };
                if let Some(id) = value["id"].as_u64() {
                    let waiter = answers.lock().expect("no panic").remove(&id);
                    waiter.into_iter().for_each(|waiter| drop(waiter.send(value.clone())));
                } else if let (Some(session), Some(method)) =
                    (value["sessionId"].as_str(), value["method"].as_str())
                    && let Some(listener) = heard.lock().expect("no panic").get(session)
                {
                    listener(method, &value["params"]);
                }
            }
            // Whoever still waits is told that there will be no answer.
            answers.lock().expect("no panic").clear();
        });
        Self { out, waiting, listeners, next: Arc::default() }
    }

    /// Hears the events of a session.
    pub(super) fn listen(&self, session: &str, listener: impl Fn(&str, &Value) + Send + 'static) {
        self.listeners.lock().expect("no panic").insert(session.to_owned(), Box::new(listener));
    }

    pub(super) fn forget(&self, session: &str) {
        self.listeners.lock().expect("no panic").remove(session);
    }

    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.try_call(session, method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The result, or the error as the browser says it.
    pub(super) async fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().expect("no panic").insert(id, answer);
        let mut call = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        self.out.send(call.to_string()).map_err(|_| "chromium is gone".to_owned())?;
        let answered = tokio::time::timeout(PATIENCE, answered).await;
        let mut answer =
            answered.map_err(|_| "no answer within a minute")?.map_err(|_| "chromium is gone")?;
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["result"].take()),
        }
    }
}
