//! Occurrences summed up in groups.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use eventcenter_core::Event;
use jiff::Timestamp;

use crate::ask::{Counts, Dimension, Group, Grouping, bucket};

/// What an event is grouped under.
fn value(event: &Event, dimension: Dimension) -> String {
    let object = event.object();
    match dimension {
        Dimension::Cluster => event.cluster().id.clone(),
        Dimension::Level => event.level().to_string(),
        Dimension::Class => event.class().map_or("", |class| class.name).to_owned(),
        Dimension::Reason => event.reason().to_owned(),
        Dimension::Namespace => object.namespace.to_owned(),
        Dimension::Kind => object.kind.to_owned(),
        Dimension::Object => format!("{}/{}/{}", object.kind, object.namespace, object.name),
        Dimension::Node => event.host().to_owned(),
        Dimension::Component => event.component().to_owned(),
        Dimension::Workload => event.workload().unwrap_or_default(),
    }
}

/// The sums of one grouping.
pub(super) struct Sums<'a> {
    grouping: &'a Grouping,
    groups: BTreeMap<(Option<Timestamp>, Vec<String>), u64>,
    total: u64,
    estimated: u64,
}

impl<'a> Sums<'a> {
    pub(super) fn new(grouping: &'a Grouping) -> Self {
        Self { grouping, groups: BTreeMap::new(), total: 0, estimated: 0 }
    }

    pub(super) fn add(&mut self, event: &Event, at: Timestamp, rise: u32, estimated: bool) {
        let rise = u64::from(rise);
        let values = self.grouping.by.iter().map(|by| value(event, *by)).collect();
        let bucket = self.grouping.step.map(|step| {
            let begin = bucket(at.as_microsecond(), step, self.grouping.offset_seconds);
            Timestamp::from_microsecond(begin).unwrap_or(Timestamp::MIN)
        });
        *self.groups.entry((bucket, values)).or_default() += rise;
        self.total += rise;
        if estimated {
            self.estimated += rise;
        }
    }

    pub(super) fn counts(self) -> Counts {
        let Self { grouping, groups, total, estimated } = self;
        let mut groups: Vec<Group> =
            groups.into_iter().map(|((at, values), count)| Group { values, at, count }).collect();
        let mut others = 0;
        if grouping.step.is_none() {
            // The sort is stable: equal counts stand in the order of their values.
            groups.sort_by_key(|group| Reverse(group.count));
            let top = grouping.top.min(groups.len());
            others = groups.drain(top..).map(|group| group.count).sum();
        }
        Counts { groups, others, total, estimated }
    }
}
