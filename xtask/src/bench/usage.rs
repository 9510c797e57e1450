//! What a process and its children have used, as the kernel counts it.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Context;

/// Time that all threads of the process and of its children have spent on a processor.
///
/// Threads that have ended are not in it: none of the contestants ends threads under load.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for process in tree(pid) {
        let tasks = fs::read_dir(format!("/proc/{process}/task"))
            .with_context(|| format!("process {process} is gone"))?;
        for task in tasks.flatten() {
            // A thread may end between the listing and the reading.
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanoseconds += on_cpu(&text);
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Time that the process has spent on a processor, threads that have ended included; in steps of 10 ms.
pub(crate) fn coarse_cpu(pid: u32) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = process_ticks(&text).context("stat of a process has an unknown shape")?;
    Ok(Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
}

/// Time that the processors have spent on anything, or that the hypervisor has kept from them.
pub(crate) fn busy() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    let ticks = busy_ticks(&text).context("/proc/stat has an unknown shape")?;
    Ok(Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
}

/// Memory of the process and its children in KiB, shared pages divided among those that share them. Of a process that lets
/// nobody but root look at its memory, and Portcullis is one, shared pages count in full.
pub(crate) fn memory_kib(pid: u32) -> anyhow::Result<u64> {
    tree(pid)
        .into_iter()
        .map(
            |process| match fs::read_to_string(format!("/proc/{process}/smaps_rollup")) {
                Ok(text) => kib(&text, "Pss:").context("no Pss in smaps_rollup"),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
                    kib(&text, "VmRSS:").context("no VmRSS in status")
                }
                Err(error) => Err(error.into()),
            },
        )
        .sum()
}

/// The unit of `/proc/stat` (`USER_HZ`), the same on every architecture that matters.
const MILLISECONDS_PER_TICK: u64 = 10;

/// The sum of the first line without idle and waiting for disks, which are the fourth and fifth field.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    let ticks: Vec<u64> = fields
        .take(8)
        .map_while(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _waiting, irq, softirq, steal] = *ticks.as_slice() else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

/// `utime` and `stime`, the 14th and 15th field; the second one is a name that may hold anything.
fn process_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    for process in children(pid) {
        found.extend(tree(process));
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    tasks
        .flatten()
        .flat_map(|task| {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            text.split_whitespace()
                .filter_map(|child| child.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// The first field of `schedstat`: nanoseconds on a processor.
fn on_cpu(schedstat: &str) -> u64 {
    let first = schedstat.split_whitespace().next();
    first.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn kib(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_files_are_read_by_field() {
        assert_eq!(on_cpu("123456 789 3\n"), 123_456);
        assert_eq!(on_cpu(""), 0);
        assert_eq!(
            process_ticks("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20"),
            Some(42)
        );
        assert_eq!(
            busy_ticks("cpu  1 2 4 1000 1000 8 16 32 64 0\ncpu0 1"),
            Some(63)
        );
        assert_eq!(
            kib(
                "00-ff ---p 00 [rollup]\nRss: 9 kB\nPss:   1234 kB\nPss_Anon: 1 kB\n",
                "Pss:"
            ),
            Some(1234)
        );
        assert_eq!(kib("VmHWM: 9 kB\nVmRSS:\t  77 kB\n", "VmRSS:"), Some(77));
    }

    #[test]
    fn this_process_has_used_something() {
        let pid = std::process::id();
        assert!(cpu(pid).unwrap() > Duration::ZERO);
        assert!(memory_kib(pid).unwrap() > 0);
    }
}
