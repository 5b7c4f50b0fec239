//! What one wants, laid over what there is.
//!
//! Objects are merged key by key; lists and all else are replaced. The service answers numbers as it likes (`30` and
//! `30.0`), and that is no difference.

use serde_json::Value;

/// Whether `found` already says everything that `wanted` says.
pub(super) fn is_within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(key, wanted)| found.get(key).is_some_and(|found| is_within(wanted, found))),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| is_within(wanted, found))
        }
        (Value::Number(wanted), Value::Number(found)) => {
            wanted == found || wanted.as_f64().is_some_and(|wanted| Some(wanted) == found.as_f64())
        }
        _ => wanted == found,
    }
}

/// Makes `found` say everything that `wanted` says.
pub(super) fn lay_over(found: &mut Value, wanted: &Value) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                lay_over(found.entry(key).or_insert(Value::Null), wanted);
            }
        }
        (found, wanted) => *found = wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_mentioned_does_not_matter_and_stays() {
        let wanted = json!({ "ttl": 90, "keys": { "level": { "type": "text" } }, "token": [","] });
        let mut found = json!({
            "ttl": 30, "owner": "1", "token": [",", " "],
            "keys": { "level": { "type": "long", "alias": "l" }, "theirs": { "type": "text" } },
        });
        assert!(!is_within(&wanted, &found));
        lay_over(&mut found, &wanted);
        let merged = json!({
            "ttl": 90, "owner": "1", "token": [","],
            "keys": { "level": { "type": "text", "alias": "l" }, "theirs": { "type": "text" } },
        });
        assert_eq!(found, merged);
        assert!(is_within(&wanted, &found));
    }

    #[test]
    fn a_number_is_a_number() {
        assert!(is_within(&json!({ "a": 1 }), &json!({ "a": 1.0 })));
        assert!(!is_within(&json!(1), &json!("1")));
        assert!(!is_within(&json!(1), &json!(2)));
        assert!(!is_within(&json!([1]), &json!([1, 2])));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3_u8).prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_laid_over_is_within(mut found in any_value(), wanted in any_value()) {
            lay_over(&mut found, &wanted);
            prop_assert!(is_within(&wanted, &found));
        }
    }
}
