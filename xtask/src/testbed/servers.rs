//! The command lines of the servers: every flag that a test bed needs, and why where it is odd.

use std::path::Path;

use super::Program;

/// The ports of one instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) peer: u16,
    pub(super) api: u16,
}

/// What a start may choose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings<'a> {
    pub(super) dir: &'a Path,
    pub(super) ports: Ports,
    pub(super) event_ttl: &'a str,
    pub(super) compaction: &'a str,
}

/// The arguments of one server.
pub(super) fn arguments(program: Program, settings: &Settings<'_>) -> Vec<String> {
    let Settings { dir, ports, event_ttl, compaction } = settings;
    let file = |name: &str| dir.join(name).display().to_string();
    let etcd = format!("http://127.0.0.1:{}", ports.etcd);
    let peer = format!("http://127.0.0.1:{}", ports.peer);
    match program {
        Program::Etcd => vec![
            "--name=e".to_owned(),
            format!("--data-dir={}", file("etcd")),
            "--unsafe-no-fsync".to_owned(), // a test bed has nothing to lose
            format!("--listen-client-urls={etcd}"),
            format!("--advertise-client-urls={etcd}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=e={peer}"),
            "--log-level=warn".to_owned(),
        ],
        Program::KubeApiserver => vec![
            format!("--etcd-servers={etcd}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", ports.api),
            "--endpoint-reconciler-type=none".to_owned(), // else it refuses a loopback address
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            format!("--cert-dir={}", file("certs")),
            format!("--token-auth-file={}", file("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-signing-key-file={}", file("sa.key")),
            format!("--service-account-key-file={}", file("sa.key")),
            format!("--event-ttl={event_ttl}"),
            format!("--etcd-compaction-interval={compaction}"),
        ],
        Program::KubeControllerManager => vec![
            format!("--kubeconfig={}", file("kubeconfig")),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            format!("--service-account-private-key-file={}", file("sa.key")),
            format!("--root-ca-file={}", file("ca.crt")),
            "--use-service-account-credentials".to_owned(),
        ],
        Program::KubeScheduler => vec![
            format!("--kubeconfig={}", file("kubeconfig")),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ],
        Program::Kwok => vec![
            format!("--kubeconfig={}", file("kubeconfig")),
            format!("--config={}", file("stages.yaml")),
            "--manage-all-nodes=true".to_owned(),
            // Without Leases every Node is NotReady after 50 s.
            "--node-lease-duration-seconds=40".to_owned(),
        ],
    }
}
