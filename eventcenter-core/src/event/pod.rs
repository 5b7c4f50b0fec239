//! Which Pod an event is about, also where it is written about a Node.
//!
//! | event | the Pod |
//! |---|---|
//! | about a Pod | the object |
//! | `PodOOMKilling` of ACK's node-problem-detector, about a Node | in its message: `pod was OOM killed. node:N pod:P namespace:NS uuid:U` |
//! | `OOMKilling`, about a Node, with a control group in its message | the uid in `…/pod<uid>/…` or `…-pod<uid>.slice` |
//!
//! The kernel's own message about an OOM kill has the process alone; nothing is guessed from that.

use std::borrow::Cow;

use super::Event;

/// A Pod, as far as it is known. What is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its uid, with hyphens.
    pub uid: Cow<'a, str>,
}

impl Event {
    /// The Pod it is about, if that can be told. Name and namespace, or the uid, or all of them are known.
    pub fn pod(&self) -> Option<PodRef<'_>> {
        let object = self.object();
        if object.kind == "Pod" {
            let uid = Cow::Borrowed(object.uid);
            return Some(PodRef { namespace: object.namespace, name: object.name, uid });
        }
        match self.reason() {
            "PodOOMKilling" | "OOMKilling" => killed_pod(self.message()),
            _ => None,
        }
    }
}

fn killed_pod(message: &str) -> Option<PodRef<'_>> {
    let named = |key: &str| {
        let mut words = message.split([' ', ',']);
        words.find_map(|word| word.strip_prefix(key)).filter(|value| !value.is_empty())
    };
    if let (Some(name), Some(namespace)) = (named("pod:"), named("namespace:")) {
        let uid = Cow::Borrowed(named("uuid:").or_else(|| named("uid:")).unwrap_or_default());
        return Some(PodRef { namespace, name, uid });
    }
    let uid = message.match_indices("pod").find_map(|(place, word)| {
        let uid = message.get(place + word.len()..place + word.len() + 36)?;
        is_uid(uid).then(|| Cow::Owned(uid.replace('_', "-")))
    })?;
    Some(PodRef { namespace: "", name: "", uid })
}

/// 8-4-4-4-12 hex digits, joined by `-` (cgroupfs) or `_` (systemd).
fn is_uid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => matches!(byte, b'-' | b'_'),
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "7b0e2c1a-1111-4222-8333-444455556666";

    fn told(message: &str) -> Option<(String, String, String)> {
        let pod = killed_pod(message)?;
        Some((pod.namespace.to_owned(), pod.name.to_owned(), pod.uid.into_owned()))
    }

    #[test]
    fn a_killed_pod_is_named_by_the_message() {
        let message = format!("pod was OOM killed. node:n1 pod:web-0 namespace:shop uuid:{UID}");
        assert_eq!(told(&message), Some(("shop".into(), "web-0".into(), UID.into())));
    }

    #[test]
    fn a_control_group_tells_the_uid_in_both_spellings() {
        let systemd = UID.replace('-', "_");
        for message in [
            format!(
                "Memory cgroup out of memory: task_memcg=/kubepods/burstable/pod{UID}/5a1c,task=java"
            ),
            format!(
                "oom_memcg=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{systemd}.slice"
            ),
        ] {
            assert_eq!(
                told(&message),
                Some((String::new(), String::new(), UID.into())),
                "{message}"
            );
        }
    }

    #[test]
    fn what_the_kernel_says_of_a_process_names_no_pod() {
        for message in [
            "Killed process 1012 (podman) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
            "pod was OOM killed. node:n1 pod: namespace:",
            "pod中文中文中文中文中文中文中文中文",
            "",
        ] {
            assert_eq!(told(message), None, "{message}");
        }
    }
}
