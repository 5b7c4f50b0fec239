//! Everything of eventcenter that talks to a Kubernetes API server: the event watch, and the [Lease](lease) that says which
//! of several replicas leads.
//!
//! [`EventWatch`] is a [`Source`](eventcenter_core::Source) of the Events of a cluster or of a namespace. It goes on
//! from a stored position, and loses nothing that the API server still has: why, is said in [`watch`].
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use eventcenter_core::{Health, Metrics, Observed, Source as _, SystemClock};
//! use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings, source_name};
//!
//! # async fn example() -> eventcenter_core::Result<()> {
//! let config = ClusterConfig::default();
//! let server = ApiServer::connect(&config).await?;
//! let cluster = Arc::new(server.identify(&config).await?);
//! let around = Surroundings {
//!     server,
//!     cluster,
//!     clock: Arc::new(SystemClock),
//!     health: Health::new(),
//!     metrics: Metrics::new(),
//! };
//! for namespace in config.scopes() {
//!     let stored = None; // the position stored under `source_name(&around.cluster, namespace)`
//!     let mut watch = EventWatch::new(&config, namespace, stored, around.clone());
//!     match watch.next().await? {
//!         Observed::Event(event, position) => println!("{} at {}", event.message(), position.value),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Manual
//!
//! *Which cluster.* [`ClusterConfig`] says where the API server is; without it, it is where `kubectl` would look, and
//! in a Pod the one that the Pod runs on. A cluster is known by the uid of its namespace `kube-system`, or by the `id`
//! that you set. Changing the id means starting over: positions are stored under it.
//!
//! *Which events.* All, unless `namespaces` or the selectors say less. Each namespace has a watch of its own, with a
//! connection, a position, and a part of health (`watch events/<id>/<namespace>`).
//!
//! *Twice.* An event may be handed out again after a crash, and after a list that had to begin anew: the receiver
//! tells by [`occurrence_key`](eventcenter_core::Event::occurrence_key). In the documents of a list `kind` and
//! `apiVersion` are absent, as the API server sends them.
//!
//! *Gaps.* When the API server no longer has the changes since the position (it keeps about five minutes of them,
//! and the Events themselves for an hour), everything is listed, and a [`Gap`](eventcenter_core::Gap) says what may
//! be missing: revisions of Events that changed several times, or, after an absence as long as the Events' life
//! (`event_ttl`), whole Events. If your API servers run with another `--event-ttl`, set it.
//!
//! | you see | that means | do |
//! |---|---|---|
//! | `needs get, list and watch on events` | 401 or 403 | one of the roles below; it goes on by itself |
//! | a gap "no longer has the changes" every few minutes, on a quiet cluster | a proxy cuts idle connections in less than 40 s | raise its time-out |
//! | the same after each restart | `--etcd-compaction-interval` is below 5 min | lower `watch_timeout` to less than half of it |
//! | a gap "was it restored from a backup?" | the API server is behind the stored position, or it is another one under the same `id` | nothing, or give it an `id` of its own |
//!
//! # Permissions
//!
//! The whole cluster:
//!
//! ```yaml
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: ClusterRole
//! metadata: { name: eventcenter }
//! rules:
//!   - apiGroups: ["", events.k8s.io]
//!     resources: [events]
//!     verbs: [get, list, watch]
//!   - apiGroups: [""]
//!     resources: [namespaces]
//!     resourceNames: [kube-system]      # its uid identifies the cluster
//!     verbs: [get]
//! ---
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: ClusterRoleBinding
//! metadata: { name: eventcenter }
//! roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: eventcenter }
//! subjects: [{ kind: ServiceAccount, name: eventcenter, namespace: eventcenter }]
//! ```
//!
//! Some namespaces, without any right on the cluster: set `id` and `namespaces`, and in each of them
//!
//! ```yaml
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: Role
//! metadata: { name: eventcenter, namespace: shop }
//! rules:
//!   - apiGroups: ["", events.k8s.io]
//!     resources: [events]
//!     verbs: [get, list, watch]
//! ---
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: RoleBinding
//! metadata: { name: eventcenter, namespace: shop }
//! roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: eventcenter }
//! subjects: [{ kind: ServiceAccount, name: eventcenter, namespace: eventcenter }]
//! ```
//!
//! Events about Nodes and other objects without a namespace live in `default`.
//!
//! Several replicas also need their [Lease](lease), in the namespace that they run in. Creation cannot be limited to a
//! name; a Lease that is there already needs `get` and `update` alone. Who runs one program needs none of this.
//!
//! ```yaml
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: Role
//! metadata: { name: eventcenter-lease, namespace: eventcenter }
//! rules:
//!   - apiGroups: [coordination.k8s.io]
//!     resources: [leases]
//!     verbs: [get, create, update]
//! ---
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: RoleBinding
//! metadata: { name: eventcenter-lease, namespace: eventcenter }
//! roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: eventcenter-lease }
//! subjects: [{ kind: ServiceAccount, name: eventcenter, namespace: eventcenter }]
//! ```

#![forbid(unsafe_code)]

mod client;
mod config;
mod credential;
mod exchange;
mod failure;
pub mod lease;
mod pasted;
pub mod watch;

pub use client::ApiServer;
pub use config::{Api, ClusterConfig, Namespace, Start, is_id};
pub use lease::{Candidacy, LeaseConfig};
pub use pasted::PastedKubeconfig;
pub use watch::{EventWatch, Surroundings, compare_positions, source_name};
