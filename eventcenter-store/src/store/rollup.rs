//! Sums of occurrences, by minute and by hour: what pages ask for every time.
//!
//! Collected in memory for one transaction, and written with it. They equal a recount of the occurrences at every
//! instant; an occurrence counts under the newest state of its Event.

use std::collections::HashMap;

use rusqlite::{Connection, params};

/// Microseconds.
pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// What an occurrence counts under, as numbers of the partition's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Labels {
    pub(crate) cluster: i64,
    pub(crate) level: i64,
    pub(crate) class: i64,
    pub(crate) reason: i64,
    pub(crate) namespace: i64,
    pub(crate) node: i64,
    pub(crate) workload: i64,
}

/// A rise, and whether it is an estimate. Negative to take one back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rise: i64,
    estimated: i64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    /// By minute and labels.
    sums: HashMap<(i64, Labels), Sum>,
}

impl Rollup {
    /// Adds a rise.
    pub(crate) fn add(&mut self, labels: Labels, time: i64, rise: i64, is_estimated: bool) {
        let sum = self.sums.entry((time.div_euclid(MINUTE), labels)).or_default();
        sum.rise += rise;
        sum.estimated += if is_estimated { rise } else { 0 };
    }

    /// Writes what was collected.
    pub(crate) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sums = std::mem::take(&mut self.sums);
        let (mut minutes, mut hours) = (HashMap::new(), HashMap::new());
        let (mut nodes, mut workloads) = (HashMap::new(), HashMap::new());
        let (mut reasons, mut namespaces) = (HashMap::new(), HashMap::new());
        for ((minute, l), sum) in sums {
            let hour = minute.div_euclid(60);
            let key = [l.cluster, l.level, l.class, l.reason, l.namespace];
            add(&mut minutes, (minute, key), sum);
            add(&mut hours, (hour, key), sum);
            add(&mut reasons, [hour, l.cluster, l.level, l.class, l.reason], sum);
            add(&mut namespaces, [hour, l.cluster, l.level, l.namespace], sum);
            add(&mut nodes, [hour, l.cluster, l.level, l.node], sum);
            add(&mut workloads, [hour, l.cluster, l.level, l.namespace, l.workload], sum);
        }
        for (table, sums) in [("minutes", minutes), ("hours", hours)] {
            let unit = table.trim_end_matches('s');
            let mut upsert = connection.prepare_cached(&format!(
                "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT ({unit}, cluster, level, class, reason, namespace)
                 DO UPDATE SET rise = rise + ?7, estimated = estimated + ?8"
            ))?;
            for ((time, [cluster, level, class, reason, namespace]), sum) in sums {
                let Sum { rise, estimated } = sum;
                upsert.execute(params![
                    time, cluster, level, class, reason, namespace, rise, estimated
                ])?;
            }
        }
        let mut upsert = connection.prepare_cached(
            "INSERT INTO hour_reasons VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (hour, cluster, level, class, reason)
             DO UPDATE SET rise = rise + ?6, estimated = estimated + ?7",
        )?;
        for ([hour, cluster, level, class, reason], Sum { rise, estimated }) in reasons {
            upsert.execute(params![hour, cluster, level, class, reason, rise, estimated])?;
        }
        let mut upsert = connection.prepare_cached(
            "INSERT INTO hour_namespaces VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (hour, cluster, level, namespace)
             DO UPDATE SET rise = rise + ?5, estimated = estimated + ?6",
        )?;
        for ([hour, cluster, level, namespace], Sum { rise, estimated }) in namespaces {
            upsert.execute(params![hour, cluster, level, namespace, rise, estimated])?;
        }
        let mut upsert = connection.prepare_cached(
            "INSERT INTO hour_nodes VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (hour, cluster, level, node)
             DO UPDATE SET rise = rise + ?5, estimated = estimated + ?6",
        )?;
        for ([hour, cluster, level, node], Sum { rise, estimated }) in nodes {
            upsert.execute(params![hour, cluster, level, node, rise, estimated])?;
        }
        let mut upsert = connection.prepare_cached(
            "INSERT INTO hour_workloads VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (hour, cluster, level, namespace, workload)
             DO UPDATE SET rise = rise + ?6, estimated = estimated + ?7",
        )?;
        for ([hour, cluster, level, namespace, workload], Sum { rise, estimated }) in workloads {
            upsert.execute(params![hour, cluster, level, namespace, workload, rise, estimated])?;
        }
        Ok(())
    }
}

fn add<K: std::hash::Hash + Eq>(sums: &mut HashMap<K, Sum>, key: K, sum: Sum) {
    let known = sums.entry(key).or_default();
    known.rise += sum.rise;
    known.estimated += sum.estimated;
}
