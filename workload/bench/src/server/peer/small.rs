//! The peers that are programs of this repository, and the floor.

use std::process::Command;

use super::Setup;

/// A program that was built for this. It takes the address, and as many threads as it has CPUs.
pub fn peer(name: &str, setup: &Setup<'_>) -> Command {
    let mut command = Command::new(setup.built.join(name));
    command.arg(setup.address.to_string());
    command
}

/// This program itself.
pub fn floor(setup: &Setup<'_>) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").arg(setup.address.to_string());
    command.args(["--threads", &setup.case.workers.to_string()]);
    if setup.case.protocol.one_request() {
        command.arg("--close");
    }
    Ok(command)
}
