//! The DevTools protocol: JSON messages, each ended by a zero byte, over a pipe to the browser and one from it.
//!
//! An order carries a number and is answered once, with `result` or `error`. Events carry the session of the page that
//! they are about, and go to its [`Seen`], in the order in which they come.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::seen::Seen;
use crate::wait::PATIENCE;

/// Both pipes.
#[derive(Debug)]
pub(super) struct Wire {
    to: tokio::sync::Mutex<ChildStdin>,
    next: AtomicU64,
    known: Mutex<Known>,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Known {
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    sessions: HashMap<String, Arc<Mutex<Seen>>>,
}

impl Wire {
    /// Begins to read. The reader ends with the browser, or with the runtime.
    pub(super) fn start(to: ChildStdin, from: ChildStdout) -> Arc<Self> {
        let (to, known) = (tokio::sync::Mutex::new(to), Mutex::default());
        let wire = Arc::new(Self { to, next: AtomicU64::new(1), known });
        tokio::spawn(Arc::clone(&wire).read(from));
        wire
    }

    /// Gives an order, and waits for its answer.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let (sender, answer) = oneshot::channel();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.known().waiting.insert(id, sender);
        let mut order = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            order["sessionId"] = json!(session);
        }
        let asked = async {
            self.write(&order).await?;
            answer.await.map_err(|_| "the browser has ended".to_owned())
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        let mut answer = answered.map_err(|_| format!("{method}: no answer in {PATIENCE:?}"))??;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// From here on, events of this session go there.
    pub(super) fn watch(&self, session: &str, seen: &Arc<Mutex<Seen>>) {
        self.known().sessions.insert(session.to_owned(), Arc::clone(seen));
    }

    async fn write(&self, order: &Value) -> Result<(), String> {
        let mut bytes = order.to_string().into_bytes();
        bytes.push(0);
        let mut to = self.to.lock().await;
        let written = to.write_all(&bytes).await;
        written.map_err(|error| format!("the browser does not listen: {error}"))
    }

    async fn read(self: Arc<Self>, from: ChildStdout) {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while from.read_until(0, &mut bytes).await.is_ok_and(|read| read > 0) {
            bytes.pop_if(|last| *last == 0);
            if let Ok(message) = serde_json::from_slice::<Value>(&bytes) {
                self.take(message);
            }
            bytes.clear();
        }
        // Whoever still waits is told so by the end of the channel.
        self.known().waiting.clear();
    }

    fn take(self: &Arc<Self>, message: Value) {
        let known = &mut *self.known();
        if let Some(id) = message["id"].as_u64() {
            if let Some(waiting) = known.waiting.remove(&id) {
                // Whoever has given up waiting needs no answer.
                waiting.send(message).ok();
            }
            return;
        }
        let (session, method) = (message["sessionId"].as_str(), message["method"].as_str());
        let Some((session, method)) = session.zip(method) else { return };
        if let Some(seen) = known.sessions.get(session) {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.event(method, &message["params"]);
        }
        if method == "Page.javascriptDialogOpening" {
            // The page stands still until somebody answers.
            let (wire, session) = (Arc::clone(self), session.to_owned());
            tokio::spawn(async move {
                let refused = json!({ "accept": false });
                wire.call(Some(&session), "Page.handleJavaScriptDialog", refused).await
            });
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
