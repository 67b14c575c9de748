//! Other programs, run to their end: what they said is in the error.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// How much of an output an error shows, in bytes.
const SHOWN: usize = 4_000;

/// Runs a command without input and gives its standard output.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let line = line_of(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("can't start: {line}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(SHOWN)..]).into_owned();
    bail!("{line}: {}\n{}", output.status, said.trim_end())
}

/// Runs a command, by its words.
pub fn run<const N: usize>(words: [&str; N]) -> anyhow::Result<String> {
    let [program, arguments @ ..] = &words[..] else { bail!("no command") };
    output(Command::new(program).args(arguments))
}

/// Where a program lies on the PATH, or in the folders of the administrator, which a user's PATH may lack.
pub fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_the_command_and_what_it_said() {
        let error = run(["sh", "-c", "echo said; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("sh -c echo said; exit 3: exit status: 3\nsaid"), "{error}");
    }

    #[test]
    fn a_program_is_found_by_its_name_alone() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program"), None);
    }
}
