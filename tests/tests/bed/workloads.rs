//! The control plane that all tests share, and what is let happen on it: a Deployment, a Pod that fits nowhere, a Job.
//!
//! `cargo xtask test` starts it. Without it the calling test is skipped, and says so; where `CI=true` it fails.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventcenter_tests::eventually;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

/// Controllers and the scheduler need their time on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The kubeconfig of the shared control plane; without one, the calling test is skipped.
pub(crate) fn kubeconfig() -> Option<PathBuf> {
    xtask::testbed::shared::kubeconfig().or_else(|| {
        skipped();
        None
    })
}

/// Says that the calling test needs a control plane and has none.
pub(crate) fn skipped() {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no control plane, and this is CI");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    eprintln!("SKIPPED {test}: there is no control plane; `cargo xtask test` starts one");
}

/// A namespace of a test's own, and what is in it.
pub(crate) struct Workloads {
    pub(crate) client: Client,
    /// Of the namespace.
    pub(crate) name: String,
}

impl Workloads {
    /// With the client of the kubeconfig's current context, which may do everything.
    pub(crate) async fn open(kubeconfig: &Path, name: &str) -> Self {
        let read = Kubeconfig::read_from(kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(read, &options).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let name = format!("e2e-{name}-{}", std::process::id());
        let namespace = json!({ "metadata": { "name": name } });
        create::<Namespace>(&Api::all(client.clone()), namespace).await;
        Self { client, name }
    }

    /// A Deployment of 20 replicas, a Pod that fits nowhere, and a Job.
    pub(crate) async fn begin(&self) {
        let pod = |more: Value| {
            let mut spec = json!({ "containers": [{ "name": "app", "image": "app" }] });
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let template =
            |more| json!({ "metadata": { "labels": { "app": "web" } }, "spec": pod(more) });
        let deployment = json!({
            "metadata": { "name": "web" },
            "spec": {
                "replicas": 20,
                "selector": { "matchLabels": { "app": "web" } },
                "template": template(json!({})),
            },
        });
        create::<Deployment>(&self.api(), deployment).await;
        let unschedulable = pod(json!({ "nodeSelector": { "there-is": "none" } }));
        let nowhere = json!({ "metadata": { "name": "nowhere" }, "spec": unschedulable });
        create::<Pod>(&self.api(), nowhere).await;
        let job = template(json!({ "restartPolicy": "Never" }));
        let once = json!({ "metadata": { "name": "once" }, "spec": { "template": job } });
        create::<Job>(&self.api(), once).await;
    }

    pub(crate) async fn scale(&self, replicas: u32) {
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        let api: Api<Deployment> = self.api();
        api.patch("web", &PatchParams::default(), &patch).await.unwrap();
    }

    /// The namespace goes away with all in it; nobody waits for that.
    pub(crate) async fn close(&self) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }
}

pub(crate) async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object: K = serde_json::from_value(object).unwrap();
    // The account that each Pod needs is made a moment after its namespace.
    eventually("an object to be made", PATIENCE, async || {
        api.create(&PostParams::default(), &object).await.map(drop)
    })
    .await;
}
