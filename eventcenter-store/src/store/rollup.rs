//! Sums of occurrences, by minute, hour and day: what pages ask for every time.
//!
//! Collected in memory for one transaction, and written with it. They equal a recount of the occurrences at every
//! instant; an occurrence counts under the newest state of its Event.

use std::collections::BTreeMap;

use rusqlite::{Connection, params_from_iter};

/// Microseconds.
pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// What an occurrence counts under, as numbers of the partition's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Labels {
    pub(crate) cluster: i64,
    pub(crate) level: i64,
    pub(crate) class: i64,
    pub(crate) reason: i64,
    pub(crate) namespace: i64,
    pub(crate) kind: i64,
    pub(crate) component: i64,
    pub(crate) node: i64,
    pub(crate) workload: i64,
}

/// One of [`Labels`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Cluster,
    Level,
    Class,
    Reason,
    Namespace,
    Kind,
    Component,
    Node,
    Workload,
}

impl Label {
    /// Its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Level => "level",
            Self::Class => "class",
            Self::Reason => "reason",
            Self::Namespace => "namespace",
            Self::Kind => "kind",
            Self::Component => "component",
            Self::Node => "node",
            Self::Workload => "workload",
        }
    }

    fn of(self, labels: &Labels) -> i64 {
        match self {
            Self::Cluster => labels.cluster,
            Self::Level => labels.level,
            Self::Class => labels.class,
            Self::Reason => labels.reason,
            Self::Namespace => labels.namespace,
            Self::Kind => labels.kind,
            Self::Component => labels.component,
            Self::Node => labels.node,
            Self::Workload => labels.workload,
        }
    }
}

/// A table of sums.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The column that numbers its pieces of time.
    pub(crate) unit_name: &'static str,
    /// The length of a piece, in microseconds.
    pub(crate) unit: i64,
    /// The rest of its key in order, seven at most.
    pub(crate) labels: &'static [Label],
}

/// Of longer pieces first, and of these the smaller tables.
pub(crate) const TABLES: &[Table] = {
    use Label::{Class, Cluster, Component, Kind, Level, Namespace, Node, Reason, Workload};
    const fn table(
        name: &'static str,
        (unit_name, unit): (&'static str, i64),
        labels: &'static [Label],
    ) -> Table {
        Table { name, unit_name, unit, labels }
    }
    /// Kind and component follow from the reason, nearly always: they add a few bytes to a sum, and hardly a sum.
    const WHOLE: &[Label] = &[Cluster, Level, Class, Reason, Namespace, Kind, Component];
    const BY_DAY: (&str, i64) = ("day", DAY);
    const BY_HOUR: (&str, i64) = ("hour", HOUR);
    &[
        table("day_reasons", BY_DAY, &[Cluster, Level, Class, Reason]),
        table("day_nodes", BY_DAY, &[Kind, Cluster, Level, Class, Node]),
        table("days", BY_DAY, WHOLE),
        table("day_workloads", BY_DAY, &[Cluster, Level, Namespace, Workload]),
        table("hour_reasons", BY_HOUR, &[Cluster, Level, Class, Reason]),
        table("hour_namespaces", BY_HOUR, &[Cluster, Level, Namespace]),
        table("hour_nodes", BY_HOUR, &[Kind, Cluster, Level, Class, Node]),
        table("hours", BY_HOUR, WHOLE),
        table("hour_workloads", BY_HOUR, &[Cluster, Level, Namespace, Workload]),
        table("minutes", ("minute", MINUTE), WHOLE),
    ]
};

/// A rise, and how much of it is an estimate. Negative to take one back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rise: i64,
    estimated: i64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.rise += other.rise;
        self.estimated += other.estimated;
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    /// By minute and labels.
    sums: BTreeMap<(i64, Labels), Sum>,
}

impl Rollup {
    /// Adds a rise.
    pub(crate) fn add(&mut self, labels: Labels, time: i64, rise: i64, is_estimated: bool) {
        let estimated = if is_estimated { rise } else { 0 };
        let sum = self.sums.entry((time.div_euclid(MINUTE), labels)).or_default();
        sum.add(Sum { rise, estimated });
    }

    /// Writes what was collected.
    pub(crate) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sums = std::mem::take(&mut self.sums);
        for table in TABLES {
            // In the order of the table's key, so that neighbours are written together.
            let mut of_table: BTreeMap<(i64, [i64; 7]), Sum> = BTreeMap::new();
            for ((minute, labels), sum) in &sums {
                let mut key = [0; 7];
                for (place, label) in key.iter_mut().zip(table.labels) {
                    *place = label.of(labels);
                }
                let piece = minute.div_euclid(table.unit / MINUTE);
                of_table.entry((piece, key)).or_default().add(*sum);
            }
            let mut upsert = connection.prepare_cached(&table.upsert())?;
            for ((piece, key), Sum { rise, estimated }) in of_table {
                let labels = key.into_iter().take(table.labels.len());
                upsert.execute(params_from_iter(
                    [rise, estimated, piece].into_iter().chain(labels),
                ))?;
            }
        }
        Ok(())
    }
}

impl Table {
    /// Adds to a sum: rise, estimated, piece of time, labels.
    fn upsert(&self) -> String {
        let Self { name, unit_name, labels, .. } = self;
        let columns: String = labels.iter().map(|label| format!(", {}", label.name())).collect();
        let values: String = (0..labels.len()).map(|place| format!(", ?{}", place + 4)).collect();
        format!(
            "INSERT INTO {name} (rise, estimated, {unit_name}{columns}) VALUES (?1, ?2, ?3{values})
             ON CONFLICT ({unit_name}{columns})
             DO UPDATE SET rise = rise + ?1, estimated = estimated + ?2"
        )
    }
}
