//! Ours, as shipped: nothing is set but what the sample service costs and how many workers there are.

use std::path::Path;
use std::process::Command;

use super::{LONG, MANY, Setup};

/// Connections beyond those of the case.
const SPARE: usize = 500;

/// The server.
pub fn command(program: &Path, setup: &Setup<'_>) -> Command {
    let mut command = Command::new(program);
    command.args(["--listen", &setup.address.to_string(), "--admin-listen", "127.0.0.1:0"]).args([
        "--workers",
        &setup.case.workers.to_string(),
        "--cpu",
        "0s",
        "--wait",
        "0s",
    ]);
    if setup.case.connections > MANY {
        command.args(["--max-connections", &(setup.case.connections + SPARE).to_string()]);
        command.args(["--keep-alive", LONG]);
    }
    if setup.case.protocol.encrypted() {
        let (certificate, key) = setup.certificate;
        command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
    }
    command
}

/// Why it can't be measured with TLS and HTTP/2, if so.
pub fn knows_tls(program: &Path) -> Option<String> {
    let help = match Command::new(program).arg("--help").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => return Some(format!("failed to start {}: {error}", program.display())),
    };
    (!help.contains("--tls-cert")).then(|| "it has no --tls-cert".to_owned())
}
