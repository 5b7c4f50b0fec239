//! Label and field selectors, as far as the fake serves them; what it does not know is refused
//! with a 400, never ignored.

use super::object::{Api, Object};
use super::status::Status;

/// All requirements of a request; an empty one selects everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: Key,
    test: Test,
}

#[derive(Clone, Debug)]
enum Key {
    Field(&'static str),
    Label(String),
}

#[derive(Clone, Debug)]
enum Test {
    Is(String),
    IsNot(String),
    Exists,
    Absent,
}

impl Selector {
    /// Parses both parameters; absent ones are empty.
    pub(crate) fn parse(fields: &str, labels: &str, api: Api) -> Result<Self, Status> {
        let mut requirements = Vec::new();
        for term in terms(fields) {
            let Some((key, test)) = comparison(term) else {
                return Err(Status::new(
                    400,
                    format!("invalid selector: {term:?}; can't understand {term:?}"),
                ));
            };
            let Some(field) = field(key, api) else {
                return Err(Status::new(400, format!("field label not supported: {key}")));
            };
            requirements.push(Requirement { key: Key::Field(field), test });
        }
        for term in terms(labels) {
            let (key, test) = match (comparison(term), term.strip_prefix('!')) {
                (Some(found), _) => found,
                (None, Some(absent)) => (absent, Test::Absent),
                (None, None) => (term, Test::Exists),
            };
            if key.is_empty() || key.contains(['(', ')', ' ']) {
                return Err(Status::new(
                    400,
                    format!("this fake has no set-based selectors: {term}"),
                ));
            }
            requirements.push(Requirement { key: Key::Label(key.to_owned()), test });
        }
        Ok(Self { requirements })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    pub(crate) fn matches(&self, object: &Object) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = match &requirement.key {
                Key::Field(name) => Some(field_value(object, name)),
                Key::Label(name) => object.metadata.labels.get(name).map(String::as_str),
            };
            match &requirement.test {
                Test::Is(wanted) => value == Some(wanted.as_str()),
                Test::IsNot(unwanted) => value != Some(unwanted.as_str()),
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
            }
        })
    }
}

fn terms(selector: &str) -> impl Iterator<Item = &str> {
    selector.split(',').map(str::trim).filter(|term| !term.is_empty())
}

fn comparison(term: &str) -> Option<(&str, Test)> {
    if let Some((key, value)) = term.split_once("!=") {
        return Some((key.trim(), Test::IsNot(value.trim().to_owned())));
    }
    let (key, value) = term.split_once("==").or_else(|| term.split_once('='))?;
    Some((key.trim(), Test::Is(value.trim().to_owned())))
}

/// The core/v1 name of a field; events.k8s.io/v1 has its own names for some.
fn field(name: &str, api: Api) -> Option<&'static str> {
    const COMMON: [&str; 4] = ["metadata.name", "metadata.namespace", "reason", "type"];
    const CORE: [&str; 9] = [
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reportingComponent",
        "source",
    ];
    if let Some(common) = COMMON.into_iter().find(|known| *known == name) {
        return Some(common);
    }
    match api {
        Api::Core => CORE.into_iter().find(|known| *known == name),
        Api::Events if name == "reportingController" => Some("reportingComponent"),
        Api::Events => {
            let part = name.strip_prefix("regarding.")?;
            CORE.into_iter().find(|known| known.strip_prefix("involvedObject.") == Some(part))
        }
    }
}

fn field_value<'a>(object: &'a Object, name: &str) -> &'a str {
    let about = &object.involved_object;
    match name {
        "metadata.name" => &object.metadata.name,
        "metadata.namespace" => &object.metadata.namespace,
        "reason" => &object.reason,
        "type" => &object.r#type,
        "involvedObject.kind" => &about.kind,
        "involvedObject.namespace" => &about.namespace,
        "involvedObject.name" => &about.name,
        "involvedObject.uid" => &about.uid,
        "involvedObject.apiVersion" => &about.api_version,
        "involvedObject.resourceVersion" => &about.resource_version,
        "involvedObject.fieldPath" => &about.field_path,
        "reportingComponent" => &object.reporting_component,
        // Empty for Events that came through events.k8s.io: the component stands in for it.
        "source" if object.source.component.is_empty() => &object.reporting_component,
        "source" => &object.source.component,
        _ => "",
    }
}
