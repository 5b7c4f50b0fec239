//! Which workload an object belongs to, from its name.
//!
//! An Event says what it is about, and not what that belongs to. But controllers make names by fixed rules, and so the
//! name of a Pod tells its Deployment, also when both are long gone:
//!
//! | object | such as | workload |
//! |---|---|---|
//! | Pod of a Deployment | `web-7d4b9c6f5d-x2x4z` | `Deployment/web` |
//! | Pod of a CronJob | `backup-29402340-x2x4z` | `CronJob/backup` |
//! | Pod of a StatefulSet | `db-0` | `StatefulSet/db` |
//! | other Pod with a made name | `agent-x2x4z` | `agent`: a DaemonSet, a Job or a ReplicaSet of one's own, nobody can tell |
//! | ReplicaSet of a Deployment | `web-7d4b9c6f5d` | `Deployment/web` |
//! | Job of a CronJob | `backup-29402340` | `CronJob/backup` |
//! | Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, ReplicationController | | itself |
//! | HorizontalPodAutoscaler, PodDisruptionBudget, Node, ... | | none |
//!
//! It is a guess where a person chose such a name by hand: a lone Pod `db-0` counts as one of a StatefulSet. The made
//! parts are of an alphabet without vowels and look-alikes, which words rarely are.

use crate::event::{Event, ObjectRef, PodRef};

/// What Kubernetes makes random names of (`k8s.io/apimachinery/pkg/util/rand`).
const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

impl Event {
    /// The workload that the object belongs to, as `Kind/name`, or as `name` where the kind cannot be told. See
    /// [`workload`](crate::workload).
    pub fn workload(&self) -> Option<String> {
        of(&self.object())
    }
}

impl PodRef<'_> {
    /// The same, of a Pod that an event about something else names.
    pub fn workload(&self) -> Option<String> {
        of_pod(self.name)
    }
}

fn of(object: &ObjectRef<'_>) -> Option<String> {
    let name = object.name;
    let of_kind = |kind: &str, name: &str| Some(format!("{kind}/{name}"));
    match object.kind {
        "Pod" => of_pod(name),
        "ReplicaSet" => match deployment(name) {
            Some(deployment) => of_kind("Deployment", deployment),
            None => of_kind("ReplicaSet", name),
        },
        "Job" => match cron_job(name) {
            Some(cron_job) => of_kind("CronJob", cron_job),
            None => of_kind("Job", name),
        },
        kind @ ("Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "CronJob"
        | "ReplicationController") => of_kind(kind, name),
        _ => None,
    }
}

fn of_pod(name: &str) -> Option<String> {
    let (owner, last) = name.rsplit_once('-').filter(|(owner, _)| !owner.is_empty())?;
    if last.len() == 5 && is_random(last) {
        if let Some(deployment) = deployment(owner) {
            return Some(format!("Deployment/{deployment}"));
        }
        return Some(match cron_job(owner) {
            Some(cron_job) => format!("CronJob/{cron_job}"),
            None => owner.to_owned(),
        });
    }
    let is_ordinal = last.parse::<u32>().is_ok_and(|number| number.to_string() == last);
    is_ordinal.then(|| format!("StatefulSet/{owner}"))
}

/// The Deployment of a ReplicaSet of this name: behind the last `-` stands the hash of a template.
fn deployment(name: &str) -> Option<&str> {
    let (owner, hash) = name.rsplit_once('-')?;
    let is_hash = (6..=10).contains(&hash.len()) && is_random(hash);
    (is_hash && !owner.is_empty()).then_some(owner)
}

/// The CronJob of a Job of this name: behind the last `-` stands its time, in minutes since 1970.
fn cron_job(name: &str) -> Option<&str> {
    let (owner, minutes) = name.rsplit_once('-')?;
    let is_time = minutes.len() >= 8 && minutes.bytes().all(|byte| byte.is_ascii_digit());
    (is_time && !owner.is_empty()).then_some(owner)
}

fn is_random(text: &str) -> bool {
    text.chars().all(|c| ALPHABET.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_name_tells_what_made_it() {
        let cases = [
            ("Pod", "web-7d4b9c6f5d-x2x4z", Some("Deployment/web")),
            ("Pod", "my-web-app-58f8b7c8d5-zzk8w", Some("Deployment/my-web-app")),
            ("Pod", "backup-29402340-x2x4z", Some("CronJob/backup")),
            ("Pod", "db-0", Some("StatefulSet/db")),
            ("Pod", "db-primary-12", Some("StatefulSet/db-primary")),
            ("Pod", "db-007", None),
            ("Pod", "agent-x2x4z", Some("agent")),
            ("Pod", "curl", None),
            ("Pod", "-x2x4z", None),
            ("Pod", "nginx-proxy", None),
            ("Pod", "镜像-0", Some("StatefulSet/镜像")),
            ("Pod", "", None),
            ("ReplicaSet", "web-7d4b9c6f5d", Some("Deployment/web")),
            ("ReplicaSet", "web-frontend", Some("ReplicaSet/web-frontend")),
            ("Job", "backup-29402340", Some("CronJob/backup")),
            ("Job", "migrate", Some("Job/migrate")),
            ("Deployment", "web", Some("Deployment/web")),
            ("DaemonSet", "agent", Some("DaemonSet/agent")),
            ("Node", "worker-1", None),
            ("HorizontalPodAutoscaler", "web", None),
        ];
        for (kind, name, workload) in cases {
            let object = ObjectRef {
                api_version: "",
                kind,
                namespace: "shop",
                name,
                uid: "",
                resource_version: "",
                field_path: "",
            };
            assert_eq!(of(&object).as_deref(), workload, "{kind} {name}");
        }
    }
}
