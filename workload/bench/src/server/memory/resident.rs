//! What a process with its children has, read from /proc.

use std::fs;

use anyhow::Context as _;

use super::super::usage::family;

/// Resident memory.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for pid in family(pid) {
        let file = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&file).with_context(|| format!("failed to read {file}"))?;
        sum += resident_kib(&status).with_context(|| format!("{file} has no VmRSS"))? * 1024;
    }
    Ok(sum)
}

/// Files and sockets that are open.
pub fn open_descriptors(pid: u32) -> anyhow::Result<usize> {
    let mut sum = 0;
    for pid in family(pid) {
        let folder = format!("/proc/{pid}/fd");
        sum += fs::read_dir(&folder).with_context(|| format!("failed to read {folder}"))?.count();
    }
    Ok(sum)
}

fn resident_kib(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    value.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn resident_memory_is_found() {
        assert_eq!(resident_kib("VmPeak:\t 9 kB\nVmRSS:\t   4321 kB\n"), Some(4321));
    }

    #[test]
    fn open_files_count() {
        let files: Vec<_> = (0..1000).map(|_| File::open("/dev/null").unwrap()).collect();
        assert!(open_descriptors(std::process::id()).unwrap() >= files.len());
    }
}
