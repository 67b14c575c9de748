//! h2o serves files: it has no way to answer with a constant but by a script.

use std::fs;
use std::process::Command;

use anyhow::Context as _;

use super::{ANSWER, JSON, Setup};

/// The server.
pub fn command(setup: &Setup<'_>) -> anyhow::Result<Command> {
    let (file, root) = (setup.folder.join("h2o.conf"), setup.folder.join("root"));
    fs::create_dir_all(&root)?;
    fs::write(root.join("index.html"), ANSWER)?;
    fs::write(root.join("json"), JSON)?;
    fs::write(&file, configuration(setup)).with_context(|| format!("failed to write {}", file.display()))?;
    let mut command = Command::new("h2o");
    command.arg("-m").arg("worker").arg("-c").arg(&file);
    Ok(command)
}

fn configuration(setup: &Setup<'_>) -> String {
    let (certificate, key) = setup.certificate;
    let tls = if setup.case.protocol.encrypted() {
        format!(
            "  ssl:\n    certificate-file: {}\n    key-file: {}\n    minimum-version: TLSv1.3\n",
            certificate.display(),
            key.display()
        )
    } else {
        String::new()
    };
    format!(
        "listen:
  host: {host}
  port: {port}
{tls}num-threads: {threads}
max-connections: 9000
hosts:
  default:
    paths:
      /:
        file.dir: {root}
",
        host = setup.address.ip(),
        port = setup.address.port(),
        threads = setup.case.workers,
        root = setup.folder.join("root").display(),
    )
}
