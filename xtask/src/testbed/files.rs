//! What the servers read: tokens, the key that signs service account tokens, kubeconfigs.
//!
//! Three people can log in, each a context of the kubeconfig: `admin` (may do everything, the
//! current context), `reader` (may get, list and watch Events of both API groups and
//! Namespaces), `stranger` (known, but without rights, for 403). Every file is readable by its
//! owner only.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The users, in the order of the kubeconfig.
pub(super) const USERS: [&str; 3] = ["admin", "reader", "stranger"];

/// Writes a file that only its owner can read.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Random bytes of the kernel.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes))?;
    Ok(bytes)
}

/// A bearer token of 128 random bits.
pub(super) fn token() -> Result<String> {
    Ok(random::<16>()?.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    }))
}

/// The API server's token file: `token,user,uid[,"groups"]`.
pub(super) fn tokens_csv(tokens: &[String; 3]) -> String {
    let [admin, reader, stranger] = tokens;
    format!("{admin},admin,1,\"system:masters\"\n{reader},reader,2\n{stranger},stranger,3\n")
}

/// A P-256 private key as the API server wants it: PEM of SEC1 (RFC 5915), not of PKCS#8.
pub(super) fn signing_key() -> Result<String> {
    let mut scalar = random::<32>()?;
    // The group order starts with ffffffff 00000000 ffff...: this keeps the scalar below it and above 0.
    scalar[0] = (scalar[0] & 0x7f) | 0x01;
    // SEQUENCE { INTEGER 1, OCTET STRING scalar, [0] { OBJECT IDENTIFIER prime256v1 } }
    let mut der = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    der.extend_from_slice(&scalar);
    der.extend_from_slice(&[
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ]);
    let mut pem = String::from("-----BEGIN EC PRIVATE KEY-----\n");
    let encoded = base64(&der);
    for line in encoded.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line)?);
        pem.push('\n');
    }
    pem.push_str("-----END EC PRIVATE KEY-----\n");
    Ok(pem)
}

/// A kubeconfig, as JSON (which is YAML), with one context a user.
pub(super) fn kubeconfig(port: u16, authority: &[u8], tokens: &[String; 3]) -> Result<String> {
    let cluster = json!({
        "server": format!("https://127.0.0.1:{port}"),
        "certificate-authority-data": base64(authority),
    });
    let people = || USERS.iter().zip(tokens);
    let users = people().map(|(name, token)| json!({"name": name, "user": {"token": token}}));
    let contexts = people()
        .map(|(name, _)| json!({"name": name, "context": {"cluster": "testbed", "user": name}}));
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": cluster}],
        "users": users.collect::<Vec<_>>(),
        "contexts": contexts.collect::<Vec<_>>(),
        "current-context": "admin",
    });
    Ok(serde_json::to_string_pretty(&config)?)
}

/// The authority out of the API server's own certificate file, which is leaf first, authority last.
pub(super) fn authority(chain: &str) -> Option<&str> {
    let start = chain.rfind("-----BEGIN CERTIFICATE-----")?;
    chain.get(start..).filter(|last| start > 0 && last.contains("-----END CERTIFICATE-----"))
}

/// What the API server is given first: rights of `reader`.
pub(super) fn rights() -> [(&'static str, Value); 2] {
    let verbs = ["get", "list", "watch"];
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "testbed-reader"},
        "rules": [
            {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": verbs},
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": verbs},
        ],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "testbed-reader"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "testbed-reader",
        },
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"},
        ],
    });
    [
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", role),
        ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding),
    ]
}

/// A Node for kwok to keep alive.
pub(super) fn node(number: u32) -> Value {
    let name = format!("node-{number}");
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node-role.kubernetes.io/worker": "",
                "topology.kubernetes.io/zone": format!("zone-{}", number % 3),
            },
        },
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_key_is_51_bytes_of_sec1() -> Result<()> {
        let key = signing_key()?;
        let lines: Vec<&str> = key.lines().collect();
        assert_eq!(lines.first(), Some(&"-----BEGIN EC PRIVATE KEY-----"));
        assert_eq!(lines.iter().filter(|line| !line.starts_with("--")).count(), 2);
        assert!(key.contains("\nMDECAQEEI"), "{key}");
        Ok(())
    }

    #[test]
    fn the_authority_is_the_last_certificate_of_the_chain() {
        let one =
            |name| format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
        let chain = one("leaf") + &one("authority");
        assert_eq!(authority(&chain), Some(one("authority").as_str()));
        assert_eq!(authority(&one("leaf")), None);
        assert_eq!(authority(""), None);
    }
}
