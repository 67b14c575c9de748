//! CPU time of a process with its children, read from /proc.

use std::fs;
use std::io;

/// CPU time since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CpuTime {
    /// All of it, exact for threads that sleep at the moment.
    pub nanos: u64,
    /// Clock ticks of 10 ms in user space.
    pub user_ticks: u64,
    /// Clock ticks of 10 ms in the kernel.
    pub system_ticks: u64,
}

impl CpuTime {
    /// Of a process and its children.
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut sum = Self::default();
        for pid in family(pid) {
            for task in tasks(pid)? {
                // A thread may have ended since.
                sum.nanos += read(&format!("/proc/{pid}/task/{task}/schedstat"))
                    .and_then(|text| text.split(' ').next()?.parse().ok())
                    .unwrap_or(0);
            }
            let (user, system) =
                read(&format!("/proc/{pid}/stat")).and_then(|text| ticks(&text)).unwrap_or((0, 0));
            sum.user_ticks += user;
            sum.system_ticks += system;
        }
        Ok(sum)
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            nanos: self.nanos.saturating_sub(earlier.nanos),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
        }
    }

    /// The share of user space, 0 to 1.
    pub fn user_share(self) -> f64 {
        self.user_ticks as f64 / (self.user_ticks + self.system_ticks).max(1) as f64
    }
}

/// A process, its children, and theirs.
pub fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(&parent) = all.get(next) {
        for task in tasks(parent).unwrap_or_default() {
            let children = read(&format!("/proc/{parent}/task/{task}/children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

fn tasks(pid: u32) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// User and system time of a line of `/proc/PID/stat`. The name may hold anything, so count from its end.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_follow_a_name_with_blanks_and_brackets() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 10 0 0 0 123 45 0 0 20 0 1 0 99 1000 10";
        assert_eq!(ticks(stat), Some((123, 45)));
    }
}
