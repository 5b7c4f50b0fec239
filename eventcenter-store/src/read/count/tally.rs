//! One pass over rows that say when and how often, for several groupings.
//!
//! Rows are summed up by everything that any grouping asks for, so that each costs one look into one table; the groupings
//! take their shares of these sums. What is held stays small: when there are many sums they are handed out, and the
//! table begins anew.

use std::collections::HashMap;

use rusqlite::Rows;

use super::column;
use crate::ask::{Grouping, bucket};
use crate::read::Failure;
use crate::search::Source;

/// Sums that are held before they are handed out: some 2 MiB. Few in tests, so that it happens.
const MOST: usize = if cfg!(test) { 3 } else { 16_384 };

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Tally {
    /// Columns that are read, behind time, rise and estimated rise.
    columns: Vec<&'static str>,
    /// Lengths and offsets of buckets.
    steps: Vec<(std::time::Duration, i32)>,
    shares: Vec<Share>,
}

/// What of a sum's key belongs to a grouping: places in it.
#[derive(Debug)]
struct Share {
    /// The grouping's.
    number: usize,
    at: Option<usize>,
    values: Vec<usize>,
}

/// How often, and how much of it is an estimate.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    rise: i64,
    estimated: i64,
}

impl Tally {
    /// For the groupings of these numbers.
    pub(super) fn new(groupings: &[Grouping], numbers: &[usize]) -> Self {
        let chosen =
            || numbers.iter().filter_map(|number| Some((*number, groupings.get(*number)?)));
        let step = |grouping: &Grouping| grouping.step.map(|step| (step, grouping.offset_seconds));
        let mut steps: Vec<_> = chosen().filter_map(|(_, grouping)| step(grouping)).collect();
        steps.sort_unstable();
        steps.dedup();
        let mut columns: Vec<_> =
            chosen().flat_map(|(_, grouping)| &grouping.by).map(|by| column(*by)).collect();
        columns.sort_unstable();
        columns.dedup();
        let place = |name| columns.binary_search(&name).ok().map(|place| place + steps.len());
        let share = |(number, grouping): (usize, &Grouping)| Share {
            number,
            at: step(grouping).and_then(|step| steps.binary_search(&step).ok()),
            values: grouping.by.iter().filter_map(|by| place(column(*by))).collect(),
        };
        let shares = chosen().map(share).collect();
        Self { columns, steps, shares }
    }

    /// What is to be selected behind time, rise and estimated rise.
    pub(super) fn selected(&self, source: Source) -> String {
        self.columns.iter().map(|name| format!(", {}", source.column(name))).collect()
    }

    /// Adds all rows to what is known of all groupings.
    pub(super) fn take(&self, mut rows: Rows<'_>, coded: &mut [Coded]) -> Result<(), Failure> {
        let mut sums: HashMap<Vec<i64>, Sum> = HashMap::new();
        let mut key = Vec::with_capacity(self.steps.len() + self.columns.len());
        while let Some(row) = rows.next()? {
            let time = row.get(0)?;
            let (rise, estimated): (i64, i64) = (row.get(1)?, row.get(2)?);
            key.clear();
            key.extend(self.steps.iter().map(|(step, offset)| bucket(time, *step, *offset)));
            for place in 0..self.columns.len() {
                key.push(row.get(place + 3)?);
            }
            if let Some(sum) = sums.get_mut(key.as_slice()) {
                sum.rise += rise;
                sum.estimated += estimated;
            } else {
                if sums.len() >= MOST {
                    self.hand_out(&mut sums, coded);
                }
                sums.insert(key.clone(), Sum { rise, estimated });
            }
        }
        self.hand_out(&mut sums, coded);
        Ok(())
    }

    fn hand_out(&self, sums: &mut HashMap<Vec<i64>, Sum>, coded: &mut [Coded]) {
        for (key, sum) in sums.drain() {
            for share in &self.shares {
                let at = share.at.and_then(|place| key.get(place).copied());
                let values = share.values.iter().filter_map(|place| key.get(*place).copied());
                if let Some(coded) = coded.get_mut(share.number) {
                    coded.add(at, values.collect(), sum);
                }
            }
        }
    }
}

/// Sums of one partition, by the numbers of its words.
#[derive(Debug, Default)]
pub(super) struct Coded {
    pub(super) groups: HashMap<(Option<i64>, Vec<i64>), u64>,
    pub(super) total: u64,
    pub(super) estimated: u64,
}

impl Coded {
    fn add(&mut self, at: Option<i64>, values: Vec<i64>, sum: Sum) {
        let rise = u64::try_from(sum.rise).unwrap_or(0);
        // Sums of what was taken back are 0, and no group.
        if rise > 0 {
            *self.groups.entry((at, values)).or_default() += rise;
            self.total += rise;
            self.estimated += u64::try_from(sum.estimated).unwrap_or(0);
        }
    }
}
