//! Kubernetes Events as values, and a pipeline that loses none of them.
//!
//! ```text
//! Source.next()  ->  Observed::{Event | Progress | Gap}
//!    intake      ->  the route tree decides which sinks want it
//!    spool       ->  {event, sinks, position} goes to disk, in one order for all sinks
//!    worker      ->  per sink: cursor -> batch -> layers -> Sink.deliver(&Batch)
//!    cursor      ->  the receipt moves that sink's cursor; what is rejected becomes a dead letter
//! ```
//!
//! This crate knows no Kubernetes client, no HTTP client and no TLS: whoever writes a sink or a node probe
//! depends on it alone. [`sink`] says what a sink has to heed, [`source`] the same for a source, and [`Plan`] puts
//! them together:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use eventcenter_core::{Cluster, LayerConfig, Plan, Result, Sink, Source, Stop, layer};
//! # async fn example(hook: Arc<dyn Sink>, watch: Box<dyn Source>, cluster: Arc<Cluster>) -> Result<()> {
//! let hook = layer::stack(hook, &LayerConfig::default(), &layer::Shared::default());
//! let pipeline = Plan::new("/var/lib/example", vec![hook])?.open()?;
//! pipeline.attach().source(watch, cluster);
//! pipeline.run(&Stop::new()).await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod batch;
pub mod checkpoint;
pub mod class;
pub mod clock;
pub mod config;
pub mod dead_letter;
pub mod error;
pub mod event;
pub mod filter;
mod folder;
pub mod handover;
pub mod health;
pub mod idle;
mod intake;
pub mod layer;
pub mod metrics;
pub mod monitor;
pub mod pipeline;
mod plain;
pub mod plan;
pub mod query;
pub mod replay;
pub mod router;
pub mod secret;
pub mod sink;
pub mod sink_set;
pub mod source;
pub mod spool;
pub mod stop;
mod supervisor;
pub mod term;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod worker;
pub mod workload;

pub use batch::{Batch, Receipt, Rejected};
pub use checkpoint::{Checkpoint, MemoryCheckpoint};
pub use clock::{Clock, FixedClock, SystemClock};
pub use config::{ByteSize, ConfigError, HumanDuration, KeyPath};
pub use dead_letter::{DeadLetterConfig, DeadLetters, Letter};
pub use error::{Action, Error, ErrorKind, Result};
pub use event::{Alert, AlertStatus, Cluster, Draft, Event, Level, ObjectRef, PodRef};
pub use filter::{EventFilter, Filter, FilterConfig, Verdict};
pub use handover::Handover;
pub use health::{Health, Part};
pub use idle::Idle;
pub use layer::{LayerConfig, RetryConfig, RetryLayer, TimeoutLayer};
pub use metrics::Metrics;
pub use monitor::{Condition, ConditionStatus, Finding, Monitor, MonitorSource, Problem, Severity};
pub use pipeline::{Attach, Pipeline};
pub use plain::{plain, plain_csv, plain_json};
pub use plan::Plan;
pub use query::{Query, Statement};
pub use replay::Replay;
pub use router::{RouteConfig, Router};
pub use secret::Secret;
pub use sink::{Layer, Limits, Rate, Sink};
pub use sink_set::SinkSet;
pub use source::{Gap, Grade, Observed, Position, Source};
pub use spool::{Spool, SpoolConfig, Standing};
pub use stop::{Stop, Stopped};
pub use supervisor::Summary;
pub use term::{Boottime, Term, Uptime};
