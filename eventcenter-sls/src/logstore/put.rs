//! PutLogs.
//!
//! A put is repeated when its answer was lost, so logs arrive at least once. Who wants to recognise what came twice
//! gives each group a tag `__pack_id__` of its own, which also makes the console's context view work.

use std::borrow::Cow;

use md5::Digest as _;

use super::Logstore;
use crate::client::{Body, Call};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::wire::LogGroup;

const PATH: &str = "/logstores";

/// The largest group that the service takes, in bytes before compression. A larger one is not sent.
pub const LARGEST_GROUP: usize = 10 << 20;

/// A group that the service has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The service's number of the request.
    pub request_id: String,
    /// How many bytes were sent, compressed.
    pub sent: usize,
}

/// Which shard takes a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Route {
    /// Any: the service balances.
    #[default]
    Balanced,
    /// The shard whose range contains this key of 32 hexadecimal digits. What goes to one shard keeps its order.
    Key(Cow<'static, str>),
}

impl Route {
    /// All groups of one `name` to one shard: its MD5, of which only as many bits are kept as tell `buckets` apart, so
    /// that few shards are written to at a time. `buckets` is a power of two, 256 at most; 64 is what official clients
    /// take.
    ///
    /// ```
    /// use eventcenter_sls::logstore::Route;
    ///
    /// let route = Route::of("127.0.0.1", 64)?;
    /// assert_eq!(route, Route::Key("f4000000000000000000000000000000".into()));
    /// # Ok::<(), eventcenter_sls::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when `buckets` is no such number.
    pub fn of(name: &str, buckets: u32) -> Result<Self> {
        if !buckets.is_power_of_two() || buckets > 256 {
            let message = "buckets are a power of two, 256 at most";
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let [first, ..]: [u8; 16] = md5::Md5::digest(name).into();
        // 256 buckets keep all eight bits, 1 keeps none.
        let kept = u32::from(first) & (0xff << (8 - buckets.trailing_zeros()));
        Ok(Self::Key(format!("{:02x}{}", kept & 0xff, "0".repeat(30)).into()))
    }
}

impl Logstore {
    /// Puts logs, and waits until the service has taken them.
    ///
    /// ```no_run
    /// use eventcenter_sls::{Client, Log, LogGroup};
    ///
    /// # async fn example(client: Client) -> eventcenter_sls::Result<()> {
    /// let group = LogGroup::new()
    ///     .topic("k8s-event")
    ///     .log(Log::new(1_700_000_000).with("level", "Warning"));
    /// client.logstore("k8s-log-c1", "k8s-event").put(&group).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The failure, when nothing helped: its [`class`](Error::class) says what would. A group beyond [`LARGEST_GROUP`]
    /// is [`Class::Split`], without being sent.
    pub async fn put(&self, group: &LogGroup<'_>) -> Result<Receipt> {
        self.put_encoded(&group.encode(), &Route::Balanced).await
    }

    /// Puts a group that is encoded already.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    pub async fn put_encoded(&self, group: &[u8], route: &Route) -> Result<Receipt> {
        let body = Body::logs(group, self.project.client().compression())?;
        self.put_body(body, route).await
    }

    /// Puts a group that is compressed already, such as one that was refused before. To clone a body copies nothing.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    pub async fn put_body(&self, body: Body, route: &Route) -> Result<Receipt> {
        if body.raw_len() > LARGEST_GROUP {
            let message = format!("a group has {LARGEST_GROUP} bytes at most");
            return Err(Error::new(ErrorKind::Usage, message).with_class(Class::Split));
        }
        let sent = body.len();
        let call = self.path(Call::post(PATH)).body(body).repeatable();
        let call = match route {
            Route::Balanced => call.words("shards/lb"),
            Route::Key(key) => call.words("shards/route").query("key", key.clone()),
        };
        let answer = self.call(call).await?;
        Ok(Receipt { request_id: answer.request_id().to_owned(), sent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_as_many_bits_as_tell_the_buckets_apart() {
        let all = [1, 2, 4, 8, 16, 32, 64, 128, 256];
        for (name, bytes) in [
            ("127.0.0.1", ["00", "80", "c0", "e0", "f0", "f0", "f4", "f4", "f5"]),
            ("192.168.0.2", ["00", "00", "40", "60", "60", "68", "6c", "6e", "6f"]),
            ("", ["00", "80", "c0", "c0", "d0", "d0", "d4", "d4", "d4"]),
        ] {
            for (buckets, byte) in all.into_iter().zip(bytes) {
                let key = format!("{byte}000000000000000000000000000000");
                assert_eq!(Route::of(name, buckets).unwrap(), Route::Key(key.into()), "{buckets}");
            }
        }
        for buckets in [0, 7, 9, 10, 63, 512] {
            assert!(Route::of("x", buckets).is_err(), "{buckets}");
        }
    }
}
