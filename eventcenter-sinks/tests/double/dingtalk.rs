//! A robot of DingTalk, as strict as DingTalk: signature and clock, keyword, shape, size, twenty a minute and ten
//! minutes of silence after that. Every answer is HTTP 200; `errcode` says what happened.
//!
//! It was itself tried with the PyPI package DingtalkChatbot: `vectors/dingtalkchatbot-1.5.7.ndjson`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventcenter_core::testing::{Answer, Request, Upstream};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const LARGEST: usize = 20_000;

/// What a robot is like, and what it has posted.
#[derive(Default)]
pub(crate) struct Robot {
    pub(crate) token: String,
    pub(crate) secret: Option<String>,
    pub(crate) keyword: Option<String>,
    /// Added to the machine's clock, in milliseconds.
    pub(crate) ahead: i64,
    /// A clock that only tests move; none: the machine's.
    pub(crate) now: Option<i64>,
    pub(crate) posted: Vec<Value>,
    pub(crate) minute: VecDeque<i64>,
    pub(crate) silent_until: i64,
}

/// A robot that listens on loopback.
pub(crate) struct Double {
    upstream: Upstream,
    robot: Arc<Mutex<Robot>>,
}

impl Double {
    pub(crate) async fn start(robot: Robot) -> Self {
        let double = Self { upstream: Upstream::start().await, robot: Arc::new(Mutex::new(robot)) };
        double.answer_as_itself();
        double
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/robot/send", self.upstream.url())
    }

    pub(crate) fn answer_as_itself(&self) {
        let robot = Arc::clone(&self.robot);
        self.upstream.answer_with(move |request| robot.lock().unwrap().answer(request));
    }

    /// Answers like this from now on, unless the request is refused anyhow.
    pub(crate) fn answer_with(
        &self,
        answering: impl Fn(&Value) -> Option<Answer> + Send + Sync + 'static,
    ) {
        let robot = Arc::clone(&self.robot);
        self.upstream.answer_with(move |request| {
            let told =
                serde_json::from_slice(&request.body).ok().and_then(|message| answering(&message));
            told.unwrap_or_else(|| robot.lock().unwrap().answer(request))
        });
    }

    /// Answers as itself, and its answers are lost on the way.
    pub(crate) fn lose_answers(&self) {
        let robot = Arc::clone(&self.robot);
        let answer = move |request: &Request| robot.lock().unwrap().answer(request).that_is_lost();
        self.upstream.answer_with(answer);
    }

    pub(crate) fn robot(&self) -> MutexGuard<'_, Robot> {
        self.robot.lock().unwrap()
    }

    /// What stands in the group, oldest first.
    pub(crate) fn posted(&self) -> Vec<Value> {
        self.robot().posted.clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.upstream.exchanges().len()
    }
}

pub(crate) fn no(code: i64, message: &str) -> Answer {
    Answer::status(200)
        .with_header("Content-Type", "application/json")
        .with_body(json!({ "errcode": code, "errmsg": message }).to_string())
}

impl Robot {
    fn now(&self) -> i64 {
        self.now.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond()) + self.ahead
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        let now = self.now();
        let date: std::time::SystemTime = jiff::Timestamp::from_millisecond(now).unwrap().into();
        let date = httpdate::fmt_http_date(date);
        match self.take(request, now) {
            Ok(()) => no(0, "ok"),
            Err((code, message)) => no(code, message),
        }
        .with_header("Date", date)
    }

    fn take(&mut self, request: &Request, now: i64) -> Result<(), (i64, &'static str)> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if path != "/robot/send" {
            return Err((404, "not found"));
        }
        if request.method != "POST" {
            return Err((43002, "require POST http method"));
        }
        let is_json = |kind: &str| {
            kind.split(';').next().unwrap().trim().eq_ignore_ascii_case("application/json")
        };
        if !request.header("content-type").is_some_and(is_json) {
            return Err((43004, "invalid Content-Type"));
        }
        let get = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| decoded(value))
        };
        let Some(token) = get("access_token").filter(|token| !token.is_empty()) else {
            return Err((40035, "missing parameter access_token"));
        };
        if token != self.token {
            return Err((300_005, "token is not exist"));
        }
        if let Some(secret) = &self.secret {
            let Some(timestamp) = get("timestamp").and_then(|text| text.parse::<i64>().ok()) else {
                return Err((310_000, "sign not match, more: [https://ding-doc.dingtalk.com]"));
            };
            if (now - timestamp).abs() > HOUR {
                return Err((310_000, "invalid timestamp, more: [https://ding-doc.dingtalk.com]"));
            }
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(format!("{timestamp}\n{secret}").as_bytes());
            let given = get("sign").and_then(|sign| STANDARD.decode(sign).ok()).unwrap_or_default();
            if mac.verify_slice(&given).is_err() {
                return Err((310_000, "sign not match, more: [https://ding-doc.dingtalk.com]"));
            }
        }
        if request.body.len() > LARGEST {
            return Err((460_101, "message too long, exceed 20000 bytes"));
        }
        let Ok(message) = serde_json::from_slice::<Value>(&request.body) else {
            return Err((400_401, "miss param : msgtype"));
        };
        let text = match message["msgtype"].as_str() {
            Some("text") => {
                message["text"]["content"].as_str().ok_or((400_401, "miss param : text"))?
            }
            Some("markdown") => {
                message["markdown"]["title"]
                    .as_str()
                    .filter(|title| !title.is_empty())
                    .ok_or((400_401, "miss param : title"))?;
                message["markdown"]["text"].as_str().ok_or((400_401, "miss param : markdown"))?
            }
            Some("actionCard") => {
                let card = &message["actionCard"];
                ["title", "singleTitle", "singleURL"]
                    .iter()
                    .all(|key| card[*key].is_string())
                    .then_some(())
                    .ok_or((400_401, "miss param : actionCard"))?;
                card["text"].as_str().ok_or((400_401, "miss param : text"))?
            }
            Some("link") => {
                message["link"]["text"].as_str().ok_or((400_401, "miss param : link"))?
            }
            _ => return Err((400_105, "unsupported msgtype")),
        };
        if self.keyword.as_ref().is_some_and(|keyword| !text.contains(keyword)) {
            return Err((
                310_000,
                "keywords not in content, more: [https://ding-doc.dingtalk.com]",
            ));
        }
        // Who is silenced and goes on is silenced for longer.
        self.minute.retain(|at| now - at < MINUTE);
        if now < self.silent_until || self.minute.len() >= 20 {
            self.silent_until = now + 10 * MINUTE;
            return Err((130_101, "send too fast, exceed 20 times per minute"));
        }
        self.minute.push_back(now);
        self.posted.push(message);
        Ok(())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
