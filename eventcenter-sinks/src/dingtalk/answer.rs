//! What a robot's answer means. It is HTTP 200 whatever happened; `errcode` tells.
//!
//! | `errcode` | | kind | action |
//! |---|---|---|---|
//! | 0 | | | taken |
//! | -1 | busy | `Unavailable` | `Retry` |
//! | 130101, 410100, 660026, or words to that effect | too many a minute | `Throttled` | `RetryAfter` 1 min; 10 min if it comes again |
//! | 90030 | too many a day | `Throttled` | `RetryAfter` until midnight in Beijing |
//! | 310000 `timestamp` | our clock is wrong | `Auth` | `Retry` by theirs, once; else `Suspend` |
//! | 310000 `sign` | | `Auth` | `Suspend` |
//! | 310000 `keywords`, `ip` | the robot's security | `Config` | `Suspend` |
//! | 300001, 300005, 400101, 40035 | no such robot, no such token | `Config` | `Suspend` |
//! | 400013, 400102, 400106, 88 | group gone, robot disabled | `Config` | `Suspend` |
//! | 460101 | over 20,000 bytes | `TooLarge` | `Split` |
//! | 400105, 400401, 430101 to 430104, any other | this message never | `Refused` | `DeadLetter` |
//! | `status` 1111 with `wait` | the gateway in front | `Throttled` | `RetryAfter` |
//! | no JSON | who knows | `Protocol` | `Retry`, ambiguous |
//!
//! Codes come as numbers and as text. `errmsg` may have more behind it, so it is looked through, not compared.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventcenter_core::{Action, Error, ErrorKind};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

/// Why a message was not taken.
#[derive(Debug)]
pub(super) enum No {
    /// The time in the signature is not theirs.
    Clock(Error),
    /// Anything else.
    Other(Error),
}

/// When the robot last asked for patience: the first time a minute will do, then it is the ten of the rule.
#[derive(Debug, Default)]
pub(super) struct Throttled(Mutex<Option<Instant>>);

impl Throttled {
    const FIRST: Duration = Duration::from_secs(60);
    const AGAIN: Duration = Duration::from_secs(600);

    fn wait(&self) -> Duration {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = last.is_some_and(|last| last.elapsed() < Self::AGAIN + Self::FIRST);
        *last = Some(Instant::now());
        if again { Self::AGAIN } else { Self::FIRST }
    }

    pub(super) fn is_over(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[derive(Deserialize)]
struct Answer {
    errcode: Option<Value>,
    #[serde(default)]
    errmsg: String,
    status: Option<Value>,
    wait: Option<u64>,
}

pub(super) fn read(name: &str, body: &str, throttled: &Throttled) -> Result<(), No> {
    let error = |kind, message: &str| Error::new(name, kind, message);
    let Ok(answer) = serde_json::from_str::<Answer>(body) else {
        let said: String = body.chars().take(200).collect();
        let unknown = error(ErrorKind::Protocol, "the answer is none of DingTalk's").ambiguous();
        return Err(No::Other(unknown.with("body", said.escape_debug())));
    };
    if let (Some(wait), Some(1111)) = (answer.wait, answer.status.as_ref().and_then(number)) {
        let shield = error(ErrorKind::Throttled, "the gateway in front asks for patience");
        let wait = Duration::from_secs(wait.max(5));
        return Err(No::Other(shield.with_action(Action::RetryAfter(wait))));
    }
    let Some(code) = answer.errcode.as_ref().and_then(number) else {
        let unknown = error(ErrorKind::Protocol, "the answer has no errcode").ambiguous();
        return Err(No::Other(unknown));
    };
    if code == 0 {
        return Ok(());
    }
    let said = answer.errmsg.to_lowercase();
    let told = |kind, message: &str| {
        let words: String = answer.errmsg.chars().take(300).collect();
        error(kind, message).with("errcode", code).with("errmsg", words.escape_debug())
    };
    let suspended = |kind, message| No::Other(told(kind, message).with_action(Action::Suspend));
    let is_too_many =
        ["too fast", "too many", "per minute", "限流"].iter().any(|word| said.contains(word));
    Err(match code {
        130_101 | 410_100 | 660_026 => {
            later(told(ErrorKind::Throttled, TOO_MANY), throttled.wait())
        }
        90_030 => {
            later(told(ErrorKind::Throttled, "too many messages for this day"), until_midnight())
        }
        _ if is_too_many => later(told(ErrorKind::Throttled, TOO_MANY), throttled.wait()),
        -1 => No::Other(told(ErrorKind::Unavailable, "DingTalk is busy")),
        310_000 if said.contains("timestamp") => {
            let wrong =
                told(ErrorKind::Auth, "the robot does not accept the time of the signature");
            No::Clock(wrong.with_action(Action::Suspend))
        }
        310_000 if said.contains("sign") => {
            suspended(ErrorKind::Auth, "the robot does not accept the signature")
        }
        310_000 => suspended(ErrorKind::Config, "the robot's security settings refuse the message"),
        300_001 | 300_005 | 400_101 | 40_035 => {
            suspended(ErrorKind::Config, "there is no robot with this token")
        }
        400_013 | 400_102 | 400_106 | 88 => {
            suspended(ErrorKind::Config, "the robot may not post any more")
        }
        460_101 => No::Other(told(ErrorKind::TooLarge, "the message is too long")),
        _ => No::Other(told(ErrorKind::Refused, "DingTalk refuses the message")),
    })
}

const TOO_MANY: &str = "too many messages for this robot";

fn later(error: Error, wait: Duration) -> No {
    No::Other(error.with_action(Action::RetryAfter(wait)))
}

/// A code, which the documentation writes as text in places.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The quota of a day is DingTalk's, whose day is Beijing's.
fn until_midnight() -> Duration {
    let hour = Duration::from_secs(3600);
    let Ok(zone) = TimeZone::get("Asia/Shanghai").or_else(|_| TimeZone::posix("CST-8")) else {
        return hour;
    };
    let now = Timestamp::now();
    let tomorrow =
        now.to_zoned(zone).start_of_day().and_then(|midnight| midnight.checked_add(1.day()));
    tomorrow
        .ok()
        .and_then(|then| Duration::try_from(then.timestamp().duration_since(now)).ok())
        .unwrap_or(hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> Error {
        match read("ops", body, &Throttled::default()).unwrap_err() {
            No::Clock(error) | No::Other(error) => error,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_code_has_its_kind_and_action() {
        use Action::{DeadLetter, Retry, RetryAfter, Split, Suspend};
        use ErrorKind::{Auth, Config, Refused, Throttled, TooLarge, Unavailable};
        let minute = RetryAfter(Duration::from_secs(60));
        for (code, said, kind, action) in [
            ("-1", "system busy", Unavailable, Retry),
            ("130101", "send too fast, exceed 20 times per minute", Throttled, minute),
            ("\"410100\"", "sent too fast, throttled", Throttled, minute),
            ("660026", "sending too many messages per minute", Throttled, minute),
            ("300001", "request exceed 20 times per minute", Throttled, minute),
            ("300001", "token is not exist", Config, Suspend),
            ("300005", "token is not exist", Config, Suspend),
            ("400101", "access_token does not exist", Config, Suspend),
            ("400013", "group disbanded", Config, Suspend),
            ("310000", "keywords not in content, more: [https://ding-doc]", Config, Suspend),
            ("310000", "ip 192.0.2.1 not in whitelist", Config, Suspend),
            ("310000", "sign not match", Auth, Suspend),
            ("310000", "invalid timestamp", Auth, Suspend),
            ("460101", "message too long, exceed 20000 bytes", TooLarge, Split),
            ("430104", "unsafe content", Refused, DeadLetter),
            ("123456", "something new", Refused, DeadLetter),
        ] {
            let error = told(&format!(r#"{{"errcode":{code},"errmsg":"{said}"}}"#));
            assert_eq!((error.kind(), error.action()), (kind, action), "{code} {said}");
            assert!(error.to_string().contains(said), "{error}");
        }
        let RetryAfter(wait) = told(r#"{"errcode":90030,"errmsg":"webhook over limit"}"#).action()
        else {
            panic!("the next day comes")
        };
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(86_400));
        let shield = told(r#"{"status":1111,"wait":42,"source":"x5","punish":"deny","uuid":"u"}"#);
        assert_eq!(shield.action(), RetryAfter(Duration::from_secs(42)));
    }

    #[test]
    fn zero_alone_is_success_and_what_is_no_answer_is_of_unknown_outcome() {
        for good in [r#"{"errcode":0,"errmsg":"ok"}"#, r#"{"errcode":"0"}"#] {
            read("ops", good, &Throttled::default()).unwrap();
        }
        for strange in ["", "<html>502</html>", "{}", "[]", r#"{"errmsg":"ok"}"#, r#"{"errcode":0"#]
        {
            let error = told(strange);
            assert!(
                error.kind() == ErrorKind::Protocol && error.is_ambiguous(),
                "{strange}: {error}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_for_patience_again_waits_the_ten_minutes() {
        let throttled = Throttled::default();
        assert_eq!(throttled.wait(), Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(throttled.wait(), Duration::from_secs(600));
        throttled.is_over();
        assert_eq!(throttled.wait(), Duration::from_secs(60));
    }
}
