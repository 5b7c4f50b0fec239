//! What messages say where Kubernetes has no field for it.
//!
//! The texts are those of kubelet 1.2x to 1.3x, of the Linux kernel as node-problem-detector hands it on, and of
//! ACK's node-problem-detector. A message that says it otherwise yields nothing, never a guess.

use std::time::Duration;

/// The process that the kernel killed for want of memory: its pid and its name, from
/// `Killed process 1012 (java) total-vm:...` or, from 5.x on, `Killed process 1012 (java), UID 0, total-vm:...`.
pub(crate) fn killed_process(message: &str) -> Option<(u32, &str)> {
    let (_, rest) =
        message.split_once("Killed process ").or_else(|| message.split_once("Kill process "))?;
    let (pid, rest) = rest.split_once(' ')?;
    // The kernel's names may hold a parenthesis; what ends one is known.
    let name = rest.strip_prefix('(')?;
    let end = [") total-vm", "), UID", ") score", ")"].iter().find_map(|end| name.find(end))?;
    Some((pid.trim_end_matches(',').parse().ok()?, name.get(..end)?))
}

/// The number of an NVIDIA Xid: `NVRM: Xid (PCI:0000:3b:00): 79, pid=...`, or `Xid 79`, `XID: 79`.
pub(crate) fn xid(message: &str) -> Option<u32> {
    let lower = message.to_ascii_lowercase();
    lower.match_indices("xid").find_map(|(place, word)| {
        let mut rest = lower.get(place + word.len()..)?.trim_start();
        if let Some(bus) = rest.strip_prefix('(') {
            rest = bus.split_once(')')?.1;
        }
        let rest = rest.trim_start_matches([':', '=', ' ']);
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits)?.parse().ok()
    })
}

/// How long a pull took: `Successfully pulled image "x" in 2.3s (2.3s including waiting)`. Go's way to write it:
/// `1m2.5s`, `350ms`.
pub(crate) fn pull_time(message: &str) -> Option<Duration> {
    let rest = message.strip_prefix("Successfully pulled image")?;
    let (_, rest) = rest.rsplit_once("\" in ")?;
    go_duration(rest.split([' ', '(']).next()?)
}

/// The image between the quotes of `Pulling image "x"` and its kin.
pub(crate) fn image(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("image \"")?;
    rest.split_once('"').map(|(image, _)| image)
}

/// The node in `Successfully assigned shop/web-0 to worker-1`.
pub(crate) fn assigned_node(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("Successfully assigned ")?;
    rest.rsplit_once(" to ").map(|(_, node)| node.trim())
}

/// The container in a field path: `spec.containers{web}`, and those of init and ephemeral containers.
pub(crate) fn container(field_path: &str) -> Option<&str> {
    let (list, rest) = field_path.split_once('{')?;
    let name = rest.strip_suffix('}')?;
    let lists = ["spec.containers", "spec.initContainers", "spec.ephemeralContainers"];
    lists.contains(&list).then_some(name)
}

/// A duration as Go prints it.
fn go_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let unit_end = tail
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_killed_process_is_named() {
        let cases = [
            (
                "Memory cgroup out of memory: Killed process 1012 (java) total-vm:1kB",
                Some((1012, "java")),
            ),
            ("Out of memory: Killed process 7 (a) b), UID 0, total-vm:8kB", Some((7, "a) b"))),
            ("Kill process 12 (python3) score 900 or sacrifice child", Some((12, "python3"))),
            ("System OOM encountered, victim process: java, pid: 9", None),
            ("Killed process", None),
            ("Killed process x (java) total-vm", None),
        ];
        for (message, process) in cases {
            assert_eq!(killed_process(message), process, "{message}");
        }
    }

    #[test]
    fn the_number_of_an_xid_is_found() {
        let cases = [
            ("NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.", Some(79)),
            ("Node has NVIDIA Xid error: NVRM: Xid (PCI:0000:3b:00): 31, pid=1", Some(31)),
            ("XID: 48", Some(48)),
            ("no such error", None),
            ("xid (", None),
        ];
        for (message, number) in cases {
            assert_eq!(xid(message), number, "{message}");
        }
    }

    #[test]
    fn pulls_say_how_long_they_took() {
        let cases = [
            (
                "Successfully pulled image \"a:1\" in 2.3s (4s including waiting). Image size: 1 bytes.",
                Some(2300),
            ),
            ("Successfully pulled image \"a:1\" in 1m2.5s", Some(62_500)),
            ("Successfully pulled image \"a:1\" in 350.25ms (350ms including waiting)", Some(350)),
            ("Successfully pulled image \"a\"", None),
            ("Container image \"a\" already present on machine", None),
            ("Successfully pulled image \"a\" in 5parsec", None),
            ("Successfully pulled image \"a\" in ", None),
        ];
        for (message, millis) in cases {
            let found = pull_time(message).map(|time| time.as_millis());
            assert_eq!(found, millis, "{message}");
        }
    }

    #[test]
    fn images_and_nodes_are_found() {
        assert_eq!(image("Pulling image \"nginx:1\""), Some("nginx:1"));
        assert_eq!(
            image("Container image \"nginx:1\" already present on machine"),
            Some("nginx:1")
        );
        assert_eq!(assigned_node("Successfully assigned shop/web-0 to worker-1"), Some("worker-1"));
        assert_eq!(container("spec.initContainers{migrate}"), Some("migrate"));
        assert_eq!(container("spec.nodeName"), None);
        assert_eq!(assigned_node("0/3 nodes are available"), None);
    }
}
