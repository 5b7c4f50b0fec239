//! What is kept under a name: made, read, changed, listed and removed in one way, whatever it is.
//!
//! **Unknown fields survive.** The types of this crate name the fields one works with; whatever else an answer holds is
//! kept in `other` and goes back with an update.
//!
//! **[`ensure`](Objects::ensure) is for who wants a state, not a step.** It makes what is not there; what is there keeps
//! all that the wanted object does not mention, and is changed only where it differs. It may be repeated, and may run
//! in several places at once.
//!
//! What was just made may take half a minute until logs can be put and found; that is [`Class::Wait`](crate::Class).

mod merge;

use std::marker::PhantomData;
use std::sync::Arc;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Body, Call, Client};
use crate::error::{Error, ErrorKind, Result};

/// Fields of an object that have no name here.
pub type Other = serde_json::Map<String, Value>;

/// The fields that nearly all objects have, and nobody may set.
pub(crate) const TIMES: &[&str] = &["createTime", "lastModifyTime", "lastModifiedTime"];

/// Something that is kept under a name.
pub trait Object: Serialize + DeserializeOwned + Send + Sync {
    /// Where those of its kind are, such as `/dashboards`.
    const PATH: &'static str;

    /// The field of a listing that has them.
    const LISTED: &'static str;

    /// Fields that the service answers and does not take.
    const READ_ONLY: &'static [&'static str] = TIMES;

    /// Fields that can be set when it is made, and not changed later.
    const SET_ONCE: &'static [&'static str] = &[];

    /// What a listing has of each: its name, or itself.
    type Listed: DeserializeOwned + Send;

    /// Its name.
    fn name(&self) -> &str;
}

/// What [`ensure`](Objects::ensure) had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// It was not there.
    Created,
    /// It was there, and differed.
    Updated,
    /// It was as it should be.
    Unchanged,
}

/// One part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What is in this part.
    pub items: Vec<T>,
    /// How many there are in all, where the service says so.
    pub total: Option<u64>,
}

/// All objects of one kind in one place.
///
/// ```no_run
/// use eventcenter_sls::dashboard::Dashboard;
/// use eventcenter_sls::Client;
///
/// # async fn example(client: Client) -> eventcenter_sls::Result<()> {
/// let dashboards = client.project("k8s-log-c1").dashboards();
/// dashboards.ensure(&Dashboard::new("k8s-event-center")).await?;
/// for dashboard in dashboards.all().await? {
///     println!("{}", dashboard.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Objects<T> {
    client: Client,
    /// The collection itself.
    place: Call,
    /// More parameters of a listing.
    filter: Vec<(&'static str, String)>,
    kind: PhantomData<fn() -> T>,
}

impl<T: Object> Objects<T> {
    /// Those of a project, or of the account.
    pub(crate) fn new(client: Client, project: Option<Arc<str>>) -> Self {
        let place = Call::get(T::PATH);
        let place = match project {
            Some(project) => place.project(project),
            None => place,
        };
        Self::at(client, place)
    }

    /// Those at another place than `T::PATH`.
    pub(crate) fn at(client: Client, place: Call) -> Self {
        Self { client, place, filter: Vec::new(), kind: PhantomData }
    }

    /// Lists only those for which a parameter of the API has this value, such as `logstore` of alerts.
    #[must_use]
    pub fn only(mut self, parameter: &'static str, value: impl Into<String>) -> Self {
        self.filter.push((parameter, value.into()));
        self
    }

    fn slot(&self, name: &str) -> Slot {
        let item = self.place.clone().segment(name);
        Slot {
            client: self.client.clone(),
            collection: self.place.clone(),
            item,
            read_only: T::READ_ONLY,
            set_once: T::SET_ONCE,
        }
    }

    /// Makes it.
    ///
    /// # Errors
    ///
    /// [`is_already_there`](Error::is_already_there) when there is one of this name.
    pub async fn create(&self, object: &T) -> Result<()> {
        self.slot(object.name()).create(object).await
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when there is none of this name.
    pub async fn get(&self, name: &str) -> Result<T> {
        self.slot(name).get().await
    }

    /// Replaces it, as a whole.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when there is none of this name.
    pub async fn update(&self, object: &T) -> Result<()> {
        self.slot(object.name()).update(object).await
    }

    /// Removes it. Whether it was there.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn delete(&self, name: &str) -> Result<bool> {
        self.slot(name).delete().await
    }

    /// Makes it, or makes it so. See the [module](self).
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn ensure(&self, wanted: &T) -> Result<Ensured> {
        self.slot(wanted.name()).ensure(wanted).await
    }

    /// `PUT …/{name}?action={action}`.
    pub(crate) async fn act(&self, name: &str, action: &'static str) -> Result<()> {
        let call = self.place.clone().segment(name).method(Method::PUT).query("action", action);
        self.client.call(&call).await.map(drop)
    }

    /// A part of all: `size` of them, 200 at most, behind the first `offset`.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn list(&self, offset: usize, size: usize) -> Result<Listing<T::Listed>> {
        let mut call = self.place.clone().query("offset", offset.to_string());
        call = call.query("size", size.to_string());
        for (name, value) in &self.filter {
            call = call.query(name, value.clone());
        }
        let mut answer: Value = self.client.call(&call).await?.json()?;
        let total = answer.get("total").and_then(Value::as_u64);
        // An empty list may be left out, or null.
        let items = answer.get_mut(T::LISTED).map(Value::take).filter(|items| !items.is_null());
        let items = items.map_or(Ok(Vec::new()), serde_json::from_value).map_err(|error| {
            Error::new(ErrorKind::Protocol, "a listing is not what was expected").with_source(error)
        })?;
        Ok(Listing { items, total })
    }

    /// All of them, asked for 100 at a time.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn all(&self) -> Result<Vec<T::Listed>> {
        const SIZE: usize = 100;
        let mut all = Vec::new();
        loop {
            let Listing { items, total } = self.list(all.len(), SIZE).await?;
            let got = items.len();
            all.extend(items);
            let complete = total
                .and_then(|total| usize::try_from(total).ok())
                .is_some_and(|total| all.len() >= total);
            if complete || got < SIZE {
                return Ok(all);
            }
        }
    }
}

/// One object, whether it is there or not.
pub(crate) struct Slot {
    pub(crate) client: Client,
    /// Where it is made.
    pub(crate) collection: Call,
    /// Where it is then.
    pub(crate) item: Call,
    /// Fields that are never sent.
    pub(crate) read_only: &'static [&'static str],
    /// Fields that are not sent with an update.
    pub(crate) set_once: &'static [&'static str],
}

impl Slot {
    pub(crate) async fn create(&self, object: &impl Serialize) -> Result<()> {
        let body = Body::json(&self.without(to_value(object)?, &[]))?;
        let call = self.collection.clone().method(Method::POST).once().body(body);
        self.client.call(&call).await.map(drop)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self) -> Result<T> {
        self.client.call(&self.item).await?.json()
    }

    pub(crate) async fn update(&self, object: &impl Serialize) -> Result<()> {
        let body = Body::json(&self.without(to_value(object)?, self.set_once))?;
        self.client.call(&self.item.clone().method(Method::PUT).body(body)).await.map(drop)
    }

    pub(crate) async fn delete(&self) -> Result<bool> {
        match self.client.call(&self.item.clone().method(Method::DELETE)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn ensure(&self, wanted: &impl Serialize) -> Result<Ensured> {
        let mut found = match self.get::<Value>().await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => match self.create(wanted).await {
                Ok(()) => return Ok(Ensured::Created),
                // Somebody else was faster, or the answer to our first attempt was lost.
                Err(error) if error.is_already_there() || error.is_ambiguous() => {
                    self.get().await?
                }
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let wanted = self.without(to_value(wanted)?, self.set_once);
        if merge::is_within(&wanted, &found) {
            return Ok(Ensured::Unchanged);
        }
        merge::lay_over(&mut found, &wanted);
        self.update(&found).await?;
        Ok(Ensured::Updated)
    }

    fn without(&self, mut object: Value, also: &[&str]) -> Value {
        if let Some(fields) = object.as_object_mut() {
            fields.retain(|name, _| {
                !self.read_only.contains(&name.as_str()) && !also.contains(&name.as_str())
            });
        }
        object
    }
}

fn to_value(object: &impl Serialize) -> Result<Value> {
    serde_json::to_value(object).map_err(|error| {
        Error::new(ErrorKind::Usage, "this cannot be written as JSON").with_source(error)
    })
}

#[cfg(test)]
mod tests;
