//! Reading a YAML document, with errors for people.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_path_to_error::Segment;
use serde_saphyr::{Error, Options};

use super::error::ConfigError;
use super::key_path::KeyPath;

/// The value that a YAML document describes. `file` is what errors call the document: the path as the user gave it.
///
/// YAML 1.2: `no`, `off` and `yes` are text, and a key may stand once. Anchors and merge keys work.
///
/// ```
/// use eventcenter_core::config::{ByteSize, read};
///
/// #[derive(Debug, serde::Deserialize)]
/// struct Spool {
///     max_bytes: ByteSize,
/// }
///
/// let error = read::<Spool>("config.yaml", "max_bytes: 4 gigs").unwrap_err();
/// assert!(error.to_string().starts_with("config.yaml:1:12: max_bytes: invalid size \"4 gigs\""), "{error}");
/// ```
///
/// # Errors
///
/// The first thing that is wrong, with its line and key.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigError> {
    if is_blank(text) {
        return Err(ConfigError::new(KeyPath::root(), "the file is empty").in_file(file));
    }
    let mut key = KeyPath::root();
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            key = key_path(error.path());
            error.into_inner()
        })
    })
    .map_err(|error| {
        // Of a missing key the last step is the map it is missing from; the message says the rest.
        let message = message(&error);
        let described = ConfigError::new(key, message).in_file(file);
        match error.location() {
            Some(place) if place.line() > 0 => described.at(place.line(), place.column()),
            _ => described,
        }
    })
}

/// For `#[serde(default, deserialize_with = "present")]`: a key that is there with nothing behind it is a mistake,
/// and not the same as a key that is not there.
///
/// # Errors
///
/// Whatever is wrong with the value.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for reading and for locating.
pub(super) fn options() -> Options {
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        reject_unsupported_tags: true,
    }
}

fn is_blank(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn key_path(path: &serde_path_to_error::Path) -> KeyPath {
    path.iter().fold(KeyPath::root(), |key, segment| match segment {
        Segment::Seq { index } => key.index(*index),
        Segment::Map { key: name } => key.key(name),
        Segment::Enum { variant } => key.key(variant),
        Segment::Unknown => key,
    })
}

/// The parser speaks to programmers; this speaks to whoever wrote the file.
fn message(error: &Error) -> String {
    match error.without_snippet() {
        Error::Unexpected { expected: "sequence start", .. } => "expected a list".to_owned(),
        Error::Unexpected { expected: "mapping start", .. } => {
            "expected keys with values".to_owned()
        }
        Error::Unexpected { expected: "string scalar" | "scalar", .. } => {
            "expected a single value".to_owned()
        }
        Error::NullIntoString { .. } => "expected text, but there is no value".to_owned(),
        Error::InvalidBooleanStrict { .. } => "expected true or false".to_owned(),
        Error::InvalidScalar { ty, .. } => match *ty {
            "u8" | "u16" | "u32" | "u64" | "usize" => {
                format!("expected a whole number that is not negative ({ty})")
            }
            "i8" | "i16" | "i32" | "i64" | "isize" => format!("expected a whole number ({ty})"),
            ty => format!("invalid {ty}"),
        },
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown key {field:?}; known here are {}", expected.join(", "))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown value {variant:?}; known here are {}", expected.join(", "))
        }
        Error::SerdeMissingField { field, .. } => format!("the key {field:?} is missing"),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} stands here twice")
        }
        Error::MultipleDocuments { .. } => {
            "a second YAML document begins here; one is expected".to_owned()
        }
        Error::UnknownAnchor { .. } => "no anchor of this name was defined before".to_owned(),
        error => {
            let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            // The place is shown in front.
            let place = error
                .location()
                .map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            let text = place.and_then(|place| text.strip_suffix(&place)).unwrap_or(&text);
            text.lines().map(str::trim).collect::<Vec<_>>().join("; ")
        }
    }
}
