//! How much memory the process may use: the limit of its control group, or what the machine has.

use std::fs;
use std::path::Path;

/// Four fifths of what there is; `None` where the system does not say.
pub fn default_limit() -> Option<usize> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| group_limit(&text));
    let bytes = machine.into_iter().chain(group).min()?;
    usize::try_from(bytes / 5 * 4).ok()
}

/// `MemTotal` of /proc/meminfo, in bytes.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit of the control groups that the process is in, of either version of the interface.
fn group_limit(text: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            if controllers.is_empty() {
                least("/sys/fs/cgroup", path, "memory.max")
            } else if controllers.split(',').any(|name| name == "memory") {
                least("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes")
            } else {
                None
            }
        })
        .min()
}

/// The least number in `file` of the group and its ancestors; inside a container the group's path may
/// be that of the host, of which only an ancestor is visible.
fn least(root: &str, group: &str, file: &str) -> Option<u64> {
    Path::new(group)
        .ancestors()
        .filter_map(|group| {
            let inside = group.strip_prefix("/").unwrap_or(group);
            // No limit is the word `max`, or a number beyond all machines.
            fs::read_to_string(Path::new(root).join(inside).join(file)).ok()?.trim().parse().ok()
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_in_bytes() {
        assert_eq!(total("MemTotal:       1000 kB\nMemFree: 5 kB\n"), Some(1_024_000));
        assert_eq!(total("MemFree: 5 kB\n"), None);
    }
}
