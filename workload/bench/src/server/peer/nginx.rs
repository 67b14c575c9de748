//! nginx: no access log, connections for any number of requests, a listener for each worker.

use std::fs;
use std::process::Command;

use anyhow::Context as _;

use super::super::case::Protocol;
use super::{ANSWER, JSON, LONG, MANY, Setup};

/// Connections it has room for, unless there are more.
const ROOM: usize = 19_000;
/// Descriptors beyond those of connections.
const SPARE: usize = 1000;

/// The server.
pub fn command(setup: &Setup<'_>) -> anyhow::Result<Command> {
    let file = setup.folder.join("nginx.conf");
    fs::write(&file, configuration(setup)).with_context(|| format!("failed to write {}", file.display()))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(setup.folder).arg("-c").arg(&file);
    Ok(command)
}

fn configuration(setup: &Setup<'_>) -> String {
    let (certificate, key) = setup.certificate;
    let (options, tls) = match setup.case.protocol {
        Protocol::H2 => (" http2", String::new()),
        protocol if protocol.encrypted() => (
            " ssl",
            format!(
                "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;",
                certificate.display(),
                key.display()
            ),
        ),
        _ => ("", String::new()),
    };
    // One worker needs no master; with several, each has its own listener, so that none takes all connections.
    let (master, reuse) = if setup.case.workers == 1 { ("off", "") } else { ("on", " reuseport") };
    let connections = setup.case.connections;
    let keep = if connections > MANY { format!(" keepalive_timeout {LONG};") } else { String::new() };
    // With less than a sixteenth of its room free it closes idle connections.
    let room = ROOM.max(connections + connections / 8 + SPARE);
    format!(
        "daemon off;
master_process {master};
worker_processes {workers};
worker_rlimit_nofile {descriptors};
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections {room}; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;{keep}
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen {address}{options}{reuse} backlog=4096;
    {tls}
    location / {{ return 200 '{ANSWER}'; }}
    location = /json {{ default_type application/json; return 200 '{JSON}'; }}
  }}
}}
",
        workers = setup.case.workers,
        descriptors = room + SPARE,
        address = setup.address,
    )
}
