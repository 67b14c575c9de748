//! `HAProxy` answers by itself, without a server behind it.

use std::fs;
use std::process::Command;

use anyhow::Context as _;

use super::{ANSWER, JSON, Setup};

/// The server.
pub fn command(setup: &Setup<'_>) -> anyhow::Result<Command> {
    let file = setup.folder.join("haproxy.cfg");
    fs::write(&file, configuration(setup)).with_context(|| format!("failed to write {}", file.display()))?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file);
    Ok(command)
}

fn configuration(setup: &Setup<'_>) -> String {
    format!(
        "global
  nbthread {threads}
  maxconn 9000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend bench
  bind {address} backlog 4096
  http-request return status 200 content-type application/json string '{JSON}' if {{ path /json }}
  http-request wait-for-body time 10s if METH_POST
  http-request return status 200 content-type text/plain string \"{answer}\"
",
        threads = setup.case.workers,
        address = setup.address,
        answer = ANSWER.trim_end().replace(", ", ",\\ ") + "\\n",
    )
}
