//! All sinks by their names: the one list, and how the configuration picks from it.
//!
//! A sink in the configuration is a mapping of `name`, exactly one kind, and `layers` if the defaults will not do:
//!
//! ```yaml
//! - name: hook
//!   webhook: { url: https://example.org/in }
//!   layers: { timeout: 1m, retry: { attempts: 3 } }
//! ```

use std::fmt;
use std::sync::Arc;

use eventcenter_core::config::KeyPath;
use eventcenter_core::layer::LayerConfig;
use eventcenter_core::{Result, Sink};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

#[cfg(feature = "dingtalk")]
use crate::dingtalk::{DingTalk, DingTalkConfig};
#[cfg(feature = "file")]
use crate::file::{File, FileConfig};
#[cfg(feature = "sls")]
use crate::sls::{Sls, SlsConfig};
#[cfg(feature = "stdout")]
use crate::stdout::{Stdout, StdoutConfig};
#[cfg(feature = "webhook")]
use crate::webhook::{Webhook, WebhookConfig};

/// One line a sink: its kind (which is its feature and its key), its type and the type of its settings.
macro_rules! sinks {
    ($($kind:literal => $Sink:ident, $Config:ident;)*) => {
        /// The kinds of sinks of this build.
        pub fn kinds() -> &'static [&'static str] {
            &[$(#[cfg(feature = $kind)] $kind,)*]
        }

        /// What may stand in the mapping, in any build.
        const KEYS: &[&str] = &["name", "layers", $($kind,)*];

        #[derive(Debug)]
        enum Kind {
            $(#[cfg(feature = $kind)] $Sink(Box<$Config>),)*
        }

        #[cfg_attr(
            not(any($(feature = $kind),*)),
            expect(unused_variables, reason = "a build without any sink")
        )]
        impl Kind {
            fn read<'de, A: MapAccess<'de>>(kind: &str, map: &mut A) -> Result<Self, A::Error> {
                match kind {
                    $(
                        #[cfg(feature = $kind)]
                        $kind => Ok(Self::$Sink(map.next_value()?)),
                        #[cfg(not(feature = $kind))]
                        $kind => Err(A::Error::custom(concat!(
                            "this build has no sink `", $kind, "`; build with --features ", $kind
                        ))),
                    )*
                    _ => Err(A::Error::unknown_field(kind, KEYS)),
                }
            }

            fn build(self, name: String) -> Result<Arc<dyn Sink>> {
                match self {
                    $(#[cfg(feature = $kind)] Self::$Sink(config) => {
                        let built = $Sink::new(name, *config);
                        let place = || KeyPath::root().key($kind);
                        Ok(Arc::new(built.map_err(|error| error.in_setting(place()))?))
                    })*
                }
            }
        }
    };
}

sinks! {
    "dingtalk" => DingTalk, DingTalkConfig;
    "file" => File, FileConfig;
    "sls" => Sls, SlsConfig;
    "stdout" => Stdout, StdoutConfig;
    "webhook" => Webhook, WebhookConfig;
}

/// A sink as the user writes it. See the [module](self).
#[derive(Debug)]
pub struct SinkConfig {
    name: String,
    kind: Kind,
    layers: LayerConfig,
}

impl SinkConfig {
    /// What the user calls it; never empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layers it shall have.
    pub fn layers(&self) -> &LayerConfig {
        &self.layers
    }

    /// The sink itself, still without [layers](Self::layers).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](eventcenter_core::ErrorKind::Config) when a setting cannot be honoured; its
    /// [`setting`](eventcenter_core::Error::setting) names it, seen from the sink's mapping.
    pub fn build(self) -> Result<Arc<dyn Sink>> {
        self.kind.build(self.name)
    }
}

impl<'de> Deserialize<'de> for SinkConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SinkVisitor;

        impl<'de> Visitor<'de> for SinkVisitor {
            type Value = SinkConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a sink: a mapping of name and one of {}", kinds().join(", "))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SinkConfig, A::Error> {
                let (mut name, mut layers, mut kind) = (None, None, None::<(String, Kind)>);
                while let Some(key) = map.next_key::<String>()? {
                    match (key.as_str(), &kind) {
                        ("name", _) => name = Some(map.next_value::<String>()?),
                        ("layers", _) => layers = Some(map.next_value()?),
                        (_, None) => kind = Some((key.clone(), Kind::read(&key, &mut map)?)),
                        (_, Some((first, _))) => {
                            let message = format!("a sink is `{first}` or `{key}`, not both");
                            return Err(A::Error::custom(message));
                        }
                    }
                }
                let name = name.filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| A::Error::missing_field("name"))?;
                let (_, kind) = kind.ok_or_else(|| {
                    A::Error::custom(format!("sink `{name}` is none of {}", kinds().join(", ")))
                })?;
                Ok(SinkConfig { name, kind, layers: layers.unwrap_or_default() })
            }
        }

        deserializer.deserialize_map(SinkVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "stdout")]
    #[tokio::test]
    async fn a_sink_is_a_name_and_a_kind() {
        let json = r#"{"stdout":{},"name":"out","layers":{"retry":{"attempts":1}}}"#;
        let config: SinkConfig = serde_json::from_str(json).unwrap();
        assert_eq!((config.name(), config.layers().retry.attempts.get()), ("out", 1));
        let sink = config.build().unwrap();
        sink.probe().await.unwrap();
    }

    #[test]
    #[cfg(all(feature = "dingtalk", feature = "file", feature = "stdout", feature = "webhook"))]
    fn what_cannot_be_meant_is_refused() {
        for (json, says) in [
            (r#"{"stdout":{}}"#, "missing field `name`"),
            (r#"{"name":"","stdout":{}}"#, "missing field `name`"),
            (r#"{"name":"x"}"#, "sink `x` is none of dingtalk, file, sls, stdout, webhook"),
            (r#"{"name":"x","stdout":{},"file":{"path":"/x"}}"#, "`stdout` or `file`, not both"),
            (r#"{"name":"x","stdot":{}}"#, "unknown field `stdot`"),
            (r#"{"name":"x","stdout":{"colour":true}}"#, "unknown field `colour`"),
            (
                r#"{"name":"x","webhook":{"url":"http://x","method":"GET"}}"#,
                "unknown variant `GET`",
            ),
            (r#"{"name":"x","stdout":{},"layers":{"retries":1}}"#, "unknown field `retries`"),
        ] {
            let error = serde_json::from_str::<SinkConfig>(json).unwrap_err().to_string();
            assert!(error.contains(says), "{json}: {error}");
        }
    }

    #[test]
    #[cfg(not(feature = "webhook"))]
    fn a_sink_that_was_left_out_is_missed_by_name() {
        let json = r#"{"name":"x","webhook":{"url":"http://x"}}"#;
        let error = serde_json::from_str::<SinkConfig>(json).unwrap_err().to_string();
        assert!(
            error.starts_with("this build has no sink `webhook`; build with --features webhook"),
            "{error}"
        );
    }
}
