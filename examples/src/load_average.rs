//! A node probe in one file: is the machine overloaded?
//!
//! Reads the load average of the last minute from `/proc/loadavg` (proc(5)). Above the limit, given per core, the
//! condition `Overloaded` is true; it is said when it changes. The first look is a finding whatever it sees.

use std::path::{Path, PathBuf};
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
    file: PathBuf,
    limit: f64,
    ticks: Interval,
    status: ConditionStatus,
}

impl LoadAverage {
    /// A monitor that looks every so often; a good limit is 2.0.
    pub fn new(limit: f64, every: Duration) -> Self {
        let file = "/proc/loadavg".into();
        Self { file, limit, ticks: interval(every), status: ConditionStatus::Unknown }
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
            let load = load_per_core(&self.file)?;
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

fn load_per_core(file: &Path) -> Result<f64> {
    let failed = |message: &str| {
        let error = Error::new("load-average-monitor", ErrorKind::Storage, message);
        error.with("file", file.display())
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| failed("cannot read the load").with_source(error))?;
    let load: f64 = (text.split_whitespace().next())
        .and_then(|first| first.parse().ok())
        .ok_or_else(|| failed("the load does not begin with a number"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
    Ok(load / cores as f64)
}

#[cfg(test)]
mod tests {
    use eventcenter_core::monitor_conformance;
    use eventcenter_core::testing::MonitorRig;
    use tempfile::NamedTempFile;

    use super::*;

    /// A file in place of the kernel's.
    struct Machine(NamedTempFile);

    impl Machine {
        fn new() -> Self {
            let machine = Self(NamedTempFile::new().unwrap());
            machine.heal();
            machine
        }
    }

    impl MonitorRig for Machine {
        fn monitor(&self) -> Box<dyn Monitor> {
            let monitor = LoadAverage::new(2.0, Duration::from_millis(10));
            Box::new(LoadAverage { file: self.0.path().to_owned(), ..monitor })
        }

        fn hurt(&self) {
            std::fs::write(&self.0, "9999.00 1.00 1.00 1/100 1").unwrap();
        }

        fn heal(&self) {
            std::fs::write(&self.0, "0.00 0.00 0.00 1/100 1").unwrap();
        }
    }

    monitor_conformance!(load_average, Machine::new());

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
