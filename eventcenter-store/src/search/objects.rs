//! Objects: by name, by uid.

use eventcenter_core::query::{Node, ValuePattern};

use super::{FEW, INLINE, NOTHING, Source, Translator};
use crate::read::Failure;

/// Objects of a kind, namespace or workload, fewer than which lead to its events.
const FEW_OBJECTS: i64 = 2000;

impl Translator<'_> {
    /// Rows about these objects.
    pub(super) fn objects(
        &mut self,
        column: &str,
        ids: &[i64],
        narrows: bool,
    ) -> Result<String, Failure> {
        let sql = self.is_in(column, ids);
        if narrows && ids.len() <= INLINE {
            self.found(&format!("events e WHERE {sql}"))?;
        }
        Ok(sql)
    }

    /// Rows whose objects have one of these words as their kind, namespace or workload. Where these are few objects with
    /// few events, they lead there: Nodes are few, and so is what is in one of many namespaces.
    pub(super) fn of_objects(
        &mut self,
        column: &str,
        words: &[i64],
        narrows: bool,
    ) -> Result<String, Failure> {
        let plain = self.one_of(column, words);
        let is_narrow = self.hits.is_some_and(|known| known < FEW);
        let is_long = words.is_empty() || words.len() > INLINE;
        if !narrows || self.source == Source::Sums || is_narrow || is_long {
            return Ok(plain);
        }
        let objects = format!("SELECT id FROM objects WHERE {}", self.is_in(column, words));
        let sql = format!("SELECT count(*) FROM ({objects} LIMIT {FEW_OBJECTS})");
        let known: i64 = self.reader.connection.query_row(&sql, [], |row| row.get(0))?;
        if known >= FEW_OBJECTS {
            return Ok(plain);
        }
        self.led(format!("e.object IN ({objects})"), plain)
    }

    /// Rows about these Pods, or about something else that happened to them.
    pub(super) fn pods(&mut self, ids: &[i64], narrows: bool) -> Result<String, Failure> {
        if ids.is_empty() {
            return Ok(NOTHING.to_owned());
        }
        let (object, pod) = (self.is_in("e.object", ids), self.is_in("e.pod", ids));
        let sql = format!("({object} OR (e.pod <> 0 AND {pod}))");
        if narrows && ids.len() <= INLINE {
            self.found(&format!("events e WHERE {sql}"))?;
        }
        Ok(sql)
    }

    pub(super) fn objects_named(&mut self, value: &ValuePattern) -> Result<Vec<i64>, Failure> {
        match value.as_exact() {
            Some(exact) => {
                let ids = self.ids("SELECT id FROM objects WHERE name = ?1", exact)?;
                self.with_odd(ids, |name, _| name == exact)
            }
            None => self.scanned("SELECT id, name FROM objects", |name| value.matches(name)),
        }
    }

    pub(super) fn pods_named(&mut self, value: &ValuePattern) -> Result<Vec<i64>, Failure> {
        // With or without the namespace before it.
        let candidates = match value.as_exact() {
            Some(exact) => {
                let name = exact.rsplit_once('/').map_or(exact, |(_, name)| name);
                self.objects_named(&ValuePattern::literal(name))?
            }
            None => {
                let sql = "SELECT id, name FROM objects";
                self.scanned(sql, |_| true)?
            }
        };
        let sql = "SELECT o.name, n.text FROM objects o JOIN words k ON k.id = o.kind
                   JOIN words n ON n.id = o.namespace WHERE o.id = ?1 AND k.text = 'Pod'";
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let mut ids = Vec::new();
        for id in candidates {
            let mut rows = statement.query([id])?;
            if let Some(row) = rows.next()? {
                let (name, namespace): (String, String) = (row.get(0)?, row.get(1)?);
                let is_name = !name.is_empty() && value.matches(&name);
                if is_name || value.matches(&format!("{namespace}/{name}")) {
                    ids.push(id);
                }
            }
        }
        Ok(ids)
    }

    pub(super) fn pods_with_uid(&mut self, value: &ValuePattern) -> Result<Vec<i64>, Failure> {
        let pods = "kind = (SELECT id FROM words WHERE text = 'Pod')";
        match value.as_exact() {
            Some(exact) => {
                let sql = format!("SELECT id FROM objects WHERE uid = ?1 AND uid <> '' AND {pods}");
                let ids = self.ids(&sql, exact)?;
                let with_odd = self.with_odd(ids, |_, uid| uid == exact)?;
                let all = self.ids(&format!("SELECT id FROM objects WHERE {pods} AND ?1 = ?1"), "");
                let all: std::collections::HashSet<i64> = all?.into_iter().collect();
                Ok(with_odd.into_iter().filter(|id| all.contains(id)).collect())
            }
            None => self.scanned(&format!("SELECT id, uid FROM objects WHERE {pods}"), |uid| {
                value.matches(uid)
            }),
        }
    }

    /// The object's uid, or the Event's own.
    pub(super) fn uid(
        &mut self,
        node: &Node,
        value: &ValuePattern,
        narrows: bool,
    ) -> Result<String, Failure> {
        let Some(exact) = value.as_exact().filter(|_| self.source == Source::Events) else {
            return self.document(node);
        };
        let ids = self.ids("SELECT id FROM objects WHERE uid = ?1 AND uid <> ''", exact)?;
        let ids = self.with_odd(ids, |_, uid| uid == exact)?;
        let object = self.is_in("e.object", &ids);
        let packed: String = exact.chars().filter(|letter| *letter != '-').collect();
        let is_uuid = exact.len() == 36
            && packed.len() == 32
            && packed.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_uuid {
            let sql = format!("({object} OR e.uid = x'{packed}')");
            if narrows && ids.len() <= INLINE {
                self.found(&format!("events e WHERE {sql}"))?;
            }
            return Ok(sql);
        }
        // What is no UUID is kept as it is written; there is little of it.
        Ok(format!("({object} OR (length(e.uid) <> 16 AND {}))", self.document(node)?))
    }

    fn ids(&self, sql: &str, text: &str) -> Result<Vec<i64>, Failure> {
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let ids = statement.query_map([text], |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    fn scanned(&self, sql: &str, passes: impl Fn(&str) -> bool) -> Result<Vec<i64>, Failure> {
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().unwrap_or_default();
            if !text.is_empty() && passes(text) {
                ids.push(row.get(0)?);
            }
        }
        Ok(ids)
    }

    /// Adds objects that no index finds, since they are written with capitals.
    fn with_odd(
        &self,
        mut ids: Vec<i64>,
        passes: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<i64>, Failure> {
        let odd = self.reader.learned.odd_objects(&self.reader.connection, passes)?;
        for id in odd {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}
