//! What Linux tells about a process, in `/proc`: see proc(5).

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

/// `sysconf(_SC_CLK_TCK)`; 100 on every architecture that matters.
const TICKS_PER_SECOND: f64 = 100.0;

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Resident memory, in KiB.
#[must_use]
pub fn rss_kib(pid: u32) -> Option<u64> {
    status(pid, "VmRSS:")
}

/// The most resident memory that it ever had, in KiB.
#[must_use]
pub fn peak_rss_kib(pid: u32) -> Option<u64> {
    status(pid, "VmHWM:")
}

/// Processor time so far, user and system, of all threads.
#[must_use]
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name, in brackets, and may hold anything; the third is the state.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / TICKS_PER_SECOND)
}

/// The address of 127.0.0.1 that the process listens on, if it does.
pub(super) fn listens_on(pid: u32) -> Option<SocketAddr> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let links = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let inodes: HashSet<String> = links
        .filter_map(|link| {
            let link = link.to_str()?;
            Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let sockets = fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    sockets.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        if *state != LISTEN || !inodes.contains(*inode) {
            return None;
        }
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    })
}

fn status(pid: u32, key: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let me = std::process::id();
        let rss = rss_kib(me).unwrap();
        assert!(rss > 500 && rss <= peak_rss_kib(me).unwrap(), "{rss}");
        assert!(cpu_seconds(me).unwrap() < 3600.0);
        assert_eq!(rss_kib(u32::MAX), None);
    }
}
