//! The client: from a call to an answer.
//!
//! One [`Client`] is for one endpoint and one source of credentials; it is cheap to clone and keeps its connections for
//! 50 seconds (the service closes them after 60). It is HTTP/1.1, never follows a redirect (a signature holds for one
//! host), and takes no answer beyond 64 MiB.
//!
//! **Each attempt** asks the [`Provider`] for a credential and is signed anew, by the service's clock. **What failed**
//! goes by its [`Class`]:
//!
//! | class | what the client does |
//! |---|---|
//! | `Resync` | adopts the service's clock, and tries again at once, once |
//! | `Refresh` | tells the provider; if there is another credential then, tries again at once, once |
//! | `Retry`, quotas | tries again after a pause, within the budget of [`Retries`] |
//! | all others | returns the error: they ask for a decision |
//!
//! A request that may have been carried out, and that must not be carried out twice ([`Call::once`]), is not repeated.
//! A future that is dropped sends nothing more.

mod answer;
mod attempt;
mod builder;
mod call;
mod retry;
#[cfg(test)]
pub(crate) mod scripted;
mod skew;

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tracing::debug;

use crate::clock::Clock;
use crate::compress::Compression;
use crate::credentials::{Credential, Provider};
use crate::endpoint::Endpoint;
use crate::error::{Class, Result};
use crate::sign::v4;
use crate::{Logstore, Project};

pub use answer::Answer;
pub(crate) use builder::install_crypto_provider;
pub use builder::{Builder, Signature};
pub use call::{Body, Call};
pub use retry::Retries;
use skew::Skew;

/// Asks the service. See the [module](self).
///
/// ```no_run
/// use eventcenter_sls::client::Call;
/// use eventcenter_sls::{Client, Credential};
///
/// # async fn example() -> eventcenter_sls::Result<()> {
/// let client = Client::builder("cn-hangzhou.log.aliyuncs.com")
///     .credentials(Credential::new("an id", "its secret"))
///     .build()?;
/// // Whatever has no method of its own can be called all the same.
/// let answer = client.call(&Call::get("/regions").query("language", "en")).await?;
/// let regions: serde_json::Value = answer.json()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    endpoint: Endpoint,
    signer: Signer,
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    skew: Skew,
    retries: Retries,
    compression: Compression,
}

/// How requests are signed.
enum Signer {
    V1,
    V4(Mutex<v4::Signer>),
}

impl Client {
    /// A client of the service at `endpoint`, such as `cn-hangzhou.log.aliyuncs.com`.
    pub fn builder(endpoint: impl Into<String>) -> Builder {
        Builder::new(endpoint.into())
    }

    /// One project.
    pub fn project(&self, name: impl Into<Arc<str>>) -> Project {
        Project::new(self.clone(), name.into())
    }

    /// One logstore of a project.
    pub fn logstore(&self, project: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Logstore {
        self.project(project).logstore(name)
    }

    /// Sends a call, and repeats it as the [module](self) says.
    ///
    /// # Errors
    ///
    /// The last failure, when there is nothing more to try.
    pub async fn call(&self, call: &Call) -> Result<Answer> {
        let prepared = self.prepare(call)?;
        let started = Instant::now();
        let mut credential = self.credential().await?;
        let (mut resynced, mut refreshed, mut pauses) = (false, false, 0);
        loop {
            let delta = self.0.skew.get();
            let error = match self.attempt(&prepared, &credential, delta).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.class() {
                Class::Resync if !resynced => {
                    resynced = true;
                    let adopted = self.0.skew.adopt(self.0.clock.now(), error.server_time());
                    // Not what was known meanwhile: another request may have learnt the same from its own refusal.
                    if adopted.is_some_and(|adopted| adopted != delta) {
                        debug!(path = call.path(), "signed anew by the service's clock");
                        continue;
                    }
                    return Err(error);
                }
                Class::Refresh if !refreshed => {
                    refreshed = true;
                    self.0.provider.invalidate(&credential).await;
                    let next = self.credential().await?;
                    if next == credential {
                        return Err(error);
                    }
                    credential = next;
                    continue;
                }
                Class::Retry | Class::ProjectQuota | Class::LogstoreQuota
                    if call.is_repeatable() || !error.is_ambiguous() => {}
                _ => return Err(error),
            }
            let pause = self.0.retries.pause(pauses, error.class());
            pauses += 1;
            if started.elapsed().saturating_add(pause) >= self.0.retries.budget {
                return Err(error);
            }
            debug!(path = call.path(), %error, ?pause, "to be tried again");
            tokio::time::sleep(pause).await;
            credential = self.credential().await?;
        }
    }

    /// The credential that the next request will be signed with.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credential`](crate::ErrorKind::Credential) when there is none.
    pub async fn credential(&self) -> Result<Credential> {
        self.0.provider.get().await
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The region that requests are signed for; `None` with signature v1.
    pub fn region(&self) -> Option<String> {
        match &self.0.signer {
            Signer::V1 => None,
            Signer::V4(signer) => Some(lock(signer).region().to_owned()),
        }
    }

    /// How far the service's clock is ahead of ours, as far as is known.
    pub fn clock_delta(&self) -> jiff::SignedDuration {
        self.0.skew.get()
    }

    /// What logs are compressed with.
    pub fn compression(&self) -> Compression {
        self.0.compression
    }
}

impl fmt::Debug for Client {
    /// Without the HTTP client, which knows the credentials of proxies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.endpoint)
            .field("provider", &self.0.provider)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
