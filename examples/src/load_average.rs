//! A node probe in one file: is the machine overloaded?
//!
//! Reads the load average of the last minute from `/proc/loadavg` (proc(5)). Above the limit, given per core, the
//! condition `Overloaded` is true; it is said when it changes. The first look is a finding whatever it sees.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::{
    Clock, Condition, ConditionStatus, Error, ErrorKind, Finding, Monitor, Result, SystemClock,
};
use tokio::time::{Interval, interval};

/// See the [module](self).
#[derive(Debug)]
pub struct LoadAverage {
    limit: f64,
    ticks: Interval,
    status: ConditionStatus,
}

impl LoadAverage {
    /// A monitor that looks every so often; a good limit is 2.0.
    pub fn new(limit: f64, every: Duration) -> Self {
        Self { limit, ticks: interval(every), status: ConditionStatus::Unknown }
    }

    fn condition(status: ConditionStatus, message: String) -> Condition {
        let reason = match status {
            ConditionStatus::True => "LoadIsHigh",
            ConditionStatus::False => "LoadIsFine",
            ConditionStatus::Unknown => "LoadIsUnknown",
        };
        Condition {
            condition_type: "Overloaded".to_owned(),
            status,
            transition: SystemClock.now(),
            reason: reason.to_owned(),
            message,
        }
    }
}

#[async_trait]
impl Monitor for LoadAverage {
    fn name(&self) -> &str {
        "load-average-monitor"
    }

    fn conditions(&self) -> Arc<[Condition]> {
        Arc::new([Self::condition(ConditionStatus::Unknown, "not looked yet".to_owned())])
    }

    async fn next(&mut self) -> Result<Finding> {
        loop {
            // Cancel-safe: a tick that was not taken comes again.
            self.ticks.tick().await;
            let load = load_per_core()?;
            let status =
                if load > self.limit { ConditionStatus::True } else { ConditionStatus::False };
            if status != self.status {
                self.status = status;
                let message = format!("{load:.2} processes a core want to run");
                return Ok(Finding::Condition(Self::condition(status, message)));
            }
        }
    }
}

fn load_per_core() -> Result<f64> {
    let failed = |message: &str| Error::new("load-average-monitor", ErrorKind::Storage, message);
    let text = std::fs::read_to_string("/proc/loadavg")
        .map_err(|error| failed("cannot read /proc/loadavg").with_source(error))?;
    let load: f64 = (text.split_whitespace().next())
        .and_then(|first| first.parse().ok())
        .ok_or_else(|| failed("/proc/loadavg does not begin with a number"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    Ok(load / cores as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_says_what_it_sees_and_then_only_changes() {
        let mut never = LoadAverage::new(f64::INFINITY, Duration::from_millis(10));
        let Finding::Condition(condition) = never.next().await.unwrap() else { panic!() };
        assert_eq!(
            (condition.status, condition.reason.as_str()),
            (ConditionStatus::False, "LoadIsFine")
        );
        let silence = tokio::time::timeout(Duration::from_millis(100), never.next()).await;
        assert!(silence.is_err());
        never.limit = -1.0;
        let Finding::Condition(condition) = never.next().await.unwrap() else { panic!() };
        assert_eq!(condition.status, ConditionStatus::True);
    }
}
