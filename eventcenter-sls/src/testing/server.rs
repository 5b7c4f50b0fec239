//! The loop of a connection: read, let go wrong what is to go wrong, verify, carry out, answer.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::debug;

use super::Builder;
use super::body;
use super::exchange::{Counters, Exchange};
use super::fault::{Act, Fault};
use super::http::{self, Read, Request};
use super::reply::{Refusal, Reply};
use super::route::Call;
use super::state::Account;
use super::verify::{Key, Verifier};
use crate::clock::Clock;

/// How long a connection may be idle: the service's own figure.
const IDLE: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 1024;
/// How many exchanges are remembered.
const REMEMBERED: usize = 4096;

type Asked = Arc<dyn Fn(&Exchange) -> Option<Fault> + Send + Sync>;

/// What all connections share. No lock is held while another is taken, nor while anything is awaited.
pub(super) struct Shared {
    region: String,
    clock: Arc<dyn Clock>,
    ahead: Mutex<SignedDuration>,
    lag: SignedDuration,
    most_logs: usize,
    patience: Duration,
    keys: Mutex<Vec<Key>>,
    account: Mutex<Account>,
    script: Mutex<VecDeque<Fault>>,
    asked: Mutex<Option<Asked>>,
    exchanges: Mutex<VecDeque<Exchange>>,
    counters: Mutex<Counters>,
    bodies: Arc<Semaphore>,
    first_id: u128,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(builder: Builder) -> Self {
        let Builder { keys, region, clock, room, most_logs, lag, patience, .. } = builder;
        Self {
            region,
            clock,
            ahead: Mutex::default(),
            lag,
            most_logs,
            patience,
            keys: Mutex::new(keys),
            account: Mutex::new(Account::new(room)),
            script: Mutex::default(),
            asked: Mutex::default(),
            exchanges: Mutex::default(),
            counters: Mutex::default(),
            bodies: Arc::new(Semaphore::new(http::BODIES)),
            // 96 bits are 24 digits.
            first_id: u128::from(rand::random::<u64>()) << 24,
        }
    }

    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, Vec<Key>> {
        lock(&self.keys)
    }

    pub(super) fn script(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        lock(&self.script)
    }

    pub(super) fn asked(&self) -> MutexGuard<'_, Option<Asked>> {
        lock(&self.asked)
    }

    pub(super) fn exchanges(&self) -> MutexGuard<'_, VecDeque<Exchange>> {
        lock(&self.exchanges)
    }

    pub(super) fn set_ahead(&self, ahead: SignedDuration) {
        *lock(&self.ahead) = ahead;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now().saturating_add(*lock(&self.ahead)).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn counters(&self) -> Counters {
        let (kept, dropped) = {
            let account = self.account();
            (account.kept, account.dropped)
        };
        Counters { kept, dropped, ..*lock(&self.counters) }
    }

    fn next_id(&self) -> String {
        let mut counters = lock(&self.counters);
        counters.requests += 1;
        format!("{:024X}", self.first_id + u128::from(counters.requests))
    }

    /// What is to happen to this request.
    fn fault(&self, exchange: &Exchange) -> Fault {
        if let Some(fault) = self.script().pop_front() {
            return fault;
        }
        let asked = self.asked().clone();
        asked.and_then(|asked| asked(exchange)).unwrap_or_else(|| Fault::late(Duration::ZERO))
    }

    fn remember(&self, exchange: Exchange) {
        let Exchange { method, project, path, status, code, .. } = &exchange;
        debug!(method, project, path, status, code, "answered");
        if exchange.status >= 400 {
            lock(&self.counters).refused += 1;
        }
        let mut exchanges = self.exchanges();
        if exchanges.len() == REMEMBERED {
            exchanges.pop_front();
        }
        exchanges.push_back(exchange);
    }

    /// Verifies and carries out.
    fn carry_out(&self, request: &Request, exchange: &mut Exchange) -> Result<Reply, Refusal> {
        let now = self.now();
        if request.header("host").is_none_or(str::is_empty) {
            return Err(Refusal::new(400, "MissingHost", "Host does not exist in http header"));
        }
        let keys = self.keys().clone();
        let verifier = Verifier { keys: &keys, region: &self.region, now };
        exchange.access_key_id = Some(verifier.check(request)?);
        let body = body::raw(request)?;
        let call = Call {
            request,
            project: exchange.project.as_deref(),
            body,
            now,
            region: &self.region,
            lag: self.lag,
            most_logs: self.most_logs,
        };
        call.answer(&mut self.account())
    }
}

/// Takes connections, as many as there may be at a time.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        // Too many open files, say: it passes.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A client that goes away ends its connection, and nothing else.
            serve(stream, &shared).await.ok();
            drop(permit);
        });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let read = http::read(&mut stream, &shared.bodies, shared.patience, IDLE).await?;
        let (request, refusal) = match read {
            Read::Whole(request) => (request, None),
            Read::Refused(request, refusal) => (request, Some(refusal)),
            Read::Closed => return Ok(()),
        };
        let mut exchange = seen(&request);
        exchange.request_id = shared.next_id();
        let close = refusal.is_some()
            || request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let reply = match refusal {
            Some(refusal) => Some(refusal.into()),
            None => {
                let fault = shared.fault(&exchange);
                tokio::time::sleep(fault.delay).await;
                match fault.act {
                    Act::Answer(reply) => Some(reply),
                    Act::Cut => None,
                    Act::Hang => {
                        drop(request);
                        shared.remember(exchange);
                        return std::future::pending().await;
                    }
                    act @ (Act::Obey | Act::LoseAnswer) => {
                        let done = shared.carry_out(&request, &mut exchange);
                        let reply = done.unwrap_or_else(Reply::from);
                        matches!(act, Act::Obey).then_some(reply)
                    }
                }
            }
        };
        drop(request);
        let id = exchange.request_id.clone();
        if let Some(reply) = &reply {
            exchange.status = reply.status;
            exchange.code.clone_from(&reply.code);
        }
        shared.remember(exchange);
        let Some(reply) = reply else { return stream.into_inner().set_zero_linger() };
        http::write(&mut stream, &reply.head(&id, shared.now(), close), &reply.body).await?;
        if close {
            return http::drain(&mut stream).await;
        }
    }
}

fn seen(request: &Request) -> Exchange {
    let secret = |name: &str| matches!(name, "authorization" | "x-acs-security-token");
    let headers = request.headers.iter().filter(|(name, _)| !secret(name));
    Exchange {
        method: request.method.clone(),
        project: request.header("host").and_then(project).map(str::to_owned),
        path: request.path.clone(),
        query: request.query.clone(),
        headers: headers.cloned().collect(),
        body: request.body.len(),
        ..Exchange::default()
    }
}

/// What a host names: see the module above.
fn project(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    let name = name.map_or(host, |(name, _)| name);
    let bare = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || name == "localhost";
    let own = [".log.aliyuncs.com", ".sls.aliyuncs.com"];
    let own = own.iter().filter_map(|suffix| name.strip_suffix(suffix));
    if bare || name == "log-global.aliyuncs.com" || own.clone().any(|rest| !rest.contains('.')) {
        return None;
    }
    Some(name.split_once('.').map_or(name, |(project, _)| project))
}

#[cfg(test)]
mod tests {
    use super::project;

    #[test]
    fn a_host_names_its_project() {
        for host in [
            "k8s-log-c1.127.0.0.1:4567",
            "k8s-log-c1.localhost",
            "k8s-log-c1.cn-hangzhou.log.aliyuncs.com",
            "k8s-log-c1.cn-hangzhou-intranet.log.aliyuncs.com:443",
            "k8s-log-c1.log-global.aliyuncs.com",
            "k8s-log-c1",
        ] {
            assert_eq!(project(host), Some("k8s-log-c1"), "{host}");
        }
        for host in ["127.0.0.1:80", "[::1]:80", "localhost", "cn-hangzhou.log.aliyuncs.com"] {
            assert_eq!(project(host), None, "{host}");
        }
    }
}
