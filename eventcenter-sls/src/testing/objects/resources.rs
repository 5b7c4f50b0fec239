//! Resources, which belong to the account, and their records.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::reply::{Refusal, Reply};
use super::super::route::{Call, text};
use super::super::state::Objects;
use super::{create, kind, list};

/// Resources of the account, and their records. A resource need not be made before its records: the service has some
/// (`sls.alert.action_policy`) from the beginning.
pub(in super::super) fn resources(
    call: &Call<'_>,
    all: &mut BTreeMap<String, Objects>,
    path: &[&str],
) -> Result<Reply, Refusal> {
    let missing = |what: &str, name: &str| {
        let message = format!("{what} {name} does not exist");
        Refusal::new(404, "ResourceNotExist", message)
    };
    let described = all.entry(String::new()).or_default();
    match (call.method(), path) {
        ("POST", []) => {
            let kind = kind("resources", "name", "", "items", "Resource");
            create(call, described, &kind)
        }
        ("GET", []) => {
            let kind = kind("resources", "name", "", "items", "Resource");
            list(call, described, &kind)
        }
        ("GET", [name]) => {
            let object = described.get(*name).ok_or_else(|| missing("resource", name))?;
            Ok(Reply::json(&Value::Object(object.clone())))
        }
        ("PUT", [name]) => {
            described.insert((*name).to_owned(), call.object()?);
            Ok(Reply::ok())
        }
        ("DELETE", [name]) => {
            described.remove(*name).ok_or_else(|| missing("resource", name))?;
            all.remove(*name);
            Ok(Reply::ok())
        }
        (_, [name, "records", rest @ ..]) => {
            let records = all.entry((*name).to_owned()).or_default();
            let kind = kind("records", "id", "", "items", "ResourceRecord");
            match (call.method(), rest) {
                ("POST", []) => create(call, records, &kind),
                ("GET", []) => list(call, records, &kind),
                // Made or replaced.
                ("PUT", []) => {
                    let record = call.object()?;
                    let id = text(&record, "id").unwrap_or_default().to_owned();
                    records.insert(id, record);
                    Ok(Reply::ok())
                }
                ("DELETE", []) => {
                    let ids = call.parameter("ids").unwrap_or_default();
                    ids.split(',').for_each(|id| drop(records.remove(id)));
                    Ok(Reply::ok())
                }
                ("GET", [id]) => {
                    let record = records.get(*id).ok_or_else(|| kind.missing(id))?;
                    Ok(Reply::json(&Value::Object(record.clone())))
                }
                ("PUT", [id]) => {
                    let mut record = call.object()?;
                    record.insert("id".to_owned(), (*id).into());
                    records.insert((*id).to_owned(), record);
                    Ok(Reply::ok())
                }
                _ => Err(call.method_invalid()),
            }
        }
        _ => Err(call.unknown()),
    }
}
