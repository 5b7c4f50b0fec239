//! Which sinks an event goes to: a tree of routes, as the user wrote it and compiled.
//!
//! An event *takes* a route when it passes its `match` and does not hit its `exclude`; a route without either takes
//! every event. An event that takes a route
//!
//! 1. goes to the `sinks` of that route, and
//! 2. is then offered to its `routes`, in order: **the first of them that takes it stops the ones after it, unless
//!    it says `continue: true`.**
//!
//! The top of the tree is itself a route. An event that does not take it goes nowhere, and is counted. Without
//! routes in the configuration every sink takes every event.
//!
//! ```yaml
//! routes:
//!   sinks: [archive]                          # every event
//!   routes:
//!     - match: { reasons: Pulled }            # 1: dropped from what follows
//!       sinks: []
//!     - match: { level: Warning }             # 2
//!       sinks: [chat]
//!       continue: true
//!       routes:
//!         - match: { kinds: Node }            # 2a
//!           sinks: [pager]
//!     - match: { namespaces: shop }           # 3
//!       sinks: [shop-team]
//!     - sinks: [rest]                         # 4
//! ```
//!
//! | event | takes | goes to |
//! |---|---|---|
//! | Normal `Pulled` in `shop` | 1 | archive |
//! | Warning about a Node | 2, 2a, and after `continue` 4 | archive, chat, pager, rest |
//! | Warning about a Pod in `shop` | 2, and after `continue` 3 | archive, chat, shop-team |
//! | Normal about a Pod in `shop` | 3 | archive, shop-team |
//! | Normal about a Pod elsewhere | 4 | archive, rest |
//!
//! Who comes from Alertmanager: `continue` and the order of siblings are the same. What differs is that the sinks of
//! a route also get what its children take: there is no "only if no child took it". For that, write a last child
//! without `match`, as 4 above. The top route may have `match` and `exclude`, and a sink gets an event once, however
//! many routes lead to it.
//!
//! # What is refused
//!
//! A sink that nobody defined, one that no route leads to, one that is named twice, more than
//! [`SinkSet::MAX_SINKS`](crate::SinkSet::MAX_SINKS) of them; a route with neither `sinks` nor `routes` (to drop
//! events write `sinks: []`); a route after one that takes every event and stops; `continue` at the top.

mod config;

use std::collections::HashMap;

pub use config::RouteConfig;

use crate::config::{ConfigError, KeyPath};
use crate::event::Event;
use crate::filter::{EventFilter, FilterConfig};
use crate::sink_set::SinkSet;

/// A compiled tree of routes. Pure: the same event goes to the same sinks.
#[derive(Debug)]
pub struct Router {
    top: Route,
    /// Sinks beside the tree.
    beside: Vec<(usize, Option<EventFilter>)>,
}

#[derive(Debug)]
struct Route {
    filter: Option<EventFilter>,
    exclude: Option<EventFilter>,
    sinks: SinkSet,
    routes: Box<[Self]>,
    stops: bool,
}

impl Router {
    fn new(top: Route) -> Self {
        Self { top, beside: Vec::new() }
    }

    /// A sink that no route has to name: it gets every event, or those that pass the filter. For what a program adds
    /// to the sinks of its configuration, such as a store.
    #[must_use]
    pub fn with_beside(mut self, sink: usize, filter: Option<EventFilter>) -> Self {
        self.beside.push((sink, filter));
        self
    }

    /// Every event to the first `sinks` sinks.
    pub fn all(sinks: usize) -> Self {
        Self::new(Route {
            filter: None,
            exclude: None,
            sinks: SinkSet::first(sinks),
            routes: Box::default(),
            stops: true,
        })
    }

    /// Compiles the routes over these sinks; the set that [`route`](Self::route) answers counts in their order.
    ///
    /// ```
    /// use eventcenter_core::Router;
    ///
    /// let config = serde_json::from_str(
    ///     r#"{"sinks": ["archive"], "routes": [{"match": {"level": "Warning"}, "sinks": ["hok"]}]}"#,
    /// )?;
    /// let error = Router::compile(Some(&config), &["archive", "hook"]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "routes.routes[0].sinks[0]: no sink is called \"hok\"; defined: archive, hook"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is [refused](self), with a key as in the file of the configuration: `routes...`, or `sinks[i].name`.
    pub fn compile(
        config: Option<&RouteConfig>,
        sinks: &[impl AsRef<str>],
    ) -> Result<Self, ConfigError> {
        let names = names(sinks)?;
        let Some(config) = config else {
            return Ok(Self::all(sinks.len()));
        };
        let top = KeyPath::root().key("routes");
        if config.keep_going {
            return Err(ConfigError::new(
                top.key("continue"),
                "the top route has no siblings to continue with",
            ));
        }
        let mut compiler = Compiler { names, used: SinkSet::EMPTY };
        let route = compiler.route(config, &top)?;
        for (place, name) in sinks.iter().enumerate() {
            if !compiler.used.contains(place) {
                return Err(ConfigError::new(
                    sink_name(place),
                    format!("no route leads to the sink {:?}", name.as_ref()),
                ));
            }
        }
        Ok(Self::new(route))
    }

    /// The sinks that this event goes to.
    pub fn route(&self, event: &Event) -> SinkSet {
        let mut sinks = SinkSet::EMPTY;
        self.top.offer(event, &mut sinks);
        for (place, filter) in &self.beside {
            if filter.as_ref().is_none_or(|filter| filter.matches(event)) {
                sinks =
                    SinkSet::from_bits(sinks.to_bits() | SinkSet::from_iter([*place]).to_bits());
            }
        }
        sinks
    }
}

impl Route {
    /// Whether the event takes this route; adds where it goes.
    fn offer(&self, event: &Event, sinks: &mut SinkSet) -> bool {
        let takes = self.filter.as_ref().is_none_or(|filter| filter.matches(event))
            && !self.exclude.as_ref().is_some_and(|filter| filter.matches(event));
        if takes {
            *sinks = SinkSet::from_bits(sinks.to_bits() | self.sinks.to_bits());
            for route in &self.routes {
                if route.offer(event, sinks) && route.stops {
                    break;
                }
            }
        }
        takes
    }

    fn takes_everything(&self) -> bool {
        self.filter.is_none() && self.exclude.is_none()
    }
}

/// Places by name.
fn names(sinks: &[impl AsRef<str>]) -> Result<HashMap<&str, usize>, ConfigError> {
    let mut names = HashMap::new();
    for (place, name) in sinks.iter().map(AsRef::as_ref).enumerate() {
        if place == SinkSet::MAX_SINKS {
            let message = format!("there are more than {} sinks", SinkSet::MAX_SINKS);
            return Err(ConfigError::new(KeyPath::root().key("sinks").index(place), message));
        }
        if names.insert(name, place).is_some() {
            let message = format!("two sinks are called {name:?}");
            return Err(ConfigError::new(sink_name(place), message));
        }
    }
    Ok(names)
}

fn sink_name(place: usize) -> KeyPath {
    KeyPath::root().key("sinks").index(place).key("name")
}

struct Compiler<'a> {
    names: HashMap<&'a str, usize>,
    used: SinkSet,
}

impl Compiler<'_> {
    fn route(&mut self, config: &RouteConfig, at: &KeyPath) -> Result<Route, ConfigError> {
        if config.sinks.is_none() && config.routes.is_empty() {
            return Err(ConfigError::new(
                at.clone(),
                "the route has neither `sinks` nor `routes`; to drop what it takes write `sinks: []`",
            ));
        }
        let filter = compiled(config.filter.as_ref(), || at.clone().key("match"))?;
        let exclude = compiled(config.exclude.as_ref(), || at.clone().key("exclude"))?;
        let sinks = self.sinks(config, at)?;
        let mut routes: Vec<Route> = Vec::new();
        for (place, child) in config.routes.iter().enumerate() {
            let at = at.clone().key("routes").index(place);
            if routes.last().is_some_and(|before| before.takes_everything() && before.stops) {
                return Err(ConfigError::new(
                    at,
                    "no event gets here: the route before it has neither `match` nor `exclude` and takes them all",
                ));
            }
            routes.push(self.route(child, &at)?);
        }
        Ok(Route { filter, exclude, sinks, routes: routes.into(), stops: !config.keep_going })
    }

    fn sinks(&mut self, config: &RouteConfig, at: &KeyPath) -> Result<SinkSet, ConfigError> {
        let mut sinks = SinkSet::EMPTY;
        for (index, name) in config.sinks.iter().flatten().enumerate() {
            let wrong =
                |message| Err(ConfigError::new(at.clone().key("sinks").index(index), message));
            let Some(&place) = self.names.get(name.as_str()) else {
                let mut known: Vec<_> = self.names.keys().copied().collect();
                known.sort_unstable();
                let known = known.join(", ");
                return wrong(format!("no sink is called {name:?}; defined: {known}"));
            };
            if sinks.contains(place) {
                return wrong(format!("the sink {name:?} stands here twice"));
            }
            sinks.insert(place);
            self.used.insert(place);
        }
        Ok(sinks)
    }
}

fn compiled(
    config: Option<&FilterConfig>,
    at: impl FnOnce() -> KeyPath,
) -> Result<Option<EventFilter>, ConfigError> {
    config.map(EventFilter::compile).transpose().map_err(|error| error.under(at()))
}

#[cfg(test)]
mod tests;
