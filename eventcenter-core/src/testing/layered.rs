//! A rig whose sink has all layers around it.

use std::num::NonZero;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Reply, Rig, Shown};
use crate::config::HumanDuration;
use crate::layer::{self, LayerConfig, RateLimitConfig, RetryConfig};
use crate::sink::Sink;

/// The same receiver; the sink in all its [layers](crate::layer). There is one attempt, so that what the sink says of an
/// attempt is what comes out, and more than enough of them in a minute, since a double does not mind.
#[derive(Debug)]
pub struct Layered<R>(R);

impl<R: Rig> Layered<R> {
    /// Around the sink of this rig.
    pub fn new(rig: R) -> Self {
        Self(rig)
    }
}

#[async_trait]
impl<R: Rig> Rig for Layered<R> {
    async fn sink(&self) -> Arc<dyn Sink> {
        let retry = RetryConfig { attempts: NonZero::<u32>::MIN, ..RetryConfig::default() };
        let rate_limit = Some(RateLimitConfig {
            deliveries: NonZero::<u32>::MAX,
            per: HumanDuration::from_secs(60),
            bucket: None,
        });
        let config = LayerConfig { retry, rate_limit, ..LayerConfig::default() };
        layer::stack(self.0.sink().await, &config, &layer::Shared::default())
    }

    fn can(&self, reply: &Reply) -> bool {
        self.0.can(reply)
    }

    fn answer(&self, reply: Reply) {
        self.0.answer(reply);
    }

    fn accepted(&self) -> Vec<String> {
        self.0.accepted()
    }

    fn secret(&self) -> Option<&str> {
        self.0.secret()
    }

    fn shown(&self) -> Option<Shown> {
        self.0.shown()
    }
}
