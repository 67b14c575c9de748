//! The machine on which something was measured, for every report.

use std::fs;

use serde::Serialize;

/// What figures depend on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Model of the CPU as the kernel names it.
    pub cpu: String,
    /// CPUs this process may use.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Name and release of the kernel.
    pub kernel: String,
    /// Name and version of the distribution.
    pub system: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let system = rustix::system::uname();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name", ':').unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: field(&read("/proc/meminfo"), "MemTotal", ':')
                .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
                .map_or(0, |kib| kib * 1024),
            kernel: format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
            system: field(&read("/etc/os-release"), "PRETTY_NAME", '=')
                .map_or_else(|| "unknown".to_owned(), |name| name.trim_matches('"').to_owned()),
        }
    }

    /// In one line.
    pub fn line(&self) -> String {
        let gib = self.memory_bytes as f64 / f64::from(1u32 << 30);
        format!("{}, {} CPUs, {gib:.0} GiB, {}, {}", self.cpu, self.cores, self.kernel, self.system)
    }
}

/// The value of the first line `name <separator> value`.
fn field(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "processor\t: 0\nmodel name\t: Fast CPU\nmodel name\t: Other\n",
        "model name",
        ':',
        Some("Fast CPU")
    )]
    #[case("MemTotal:       24690000 kB\n", "MemTotal", ':', Some("24690000 kB"))]
    #[case("MemFree: 1 kB\n", "MemTotal", ':', None)]
    fn the_first_field_of_that_name_counts(
        #[case] text: &str,
        #[case] name: &str,
        #[case] separator: char,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(field(text, name, separator).as_deref(), expected);
    }
}
