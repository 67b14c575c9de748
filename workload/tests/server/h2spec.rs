//! The conformance tests of h2spec, strict ones included, in plain text and over TLS. Skips where there is no Go.

use std::process::Command;

use headroom_workload::Tls;
use rstest::rstest;

use crate::authority::{Authority, Validity};
use crate::service::start;
use crate::tools::build;

/// Cases that fail, each with its reason.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "Sends invalid connection preface",
    "in plain text what is not HTTP/2's preface is HTTP/1, and is answered as such before the connection closes",
)];

#[rstest]
#[case::plain(false)]
#[case::tls(true)]
fn h2spec_finds_nothing_else(#[case] secure: bool) {
    let program = match build("h2spec", "github.com/summerwind/h2spec/cmd/h2spec") {
        Ok(program) => program,
        Err(reason) => return println!("SKIPPED: {reason}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = Authority::new().issue("localhost", Validity::Now);
    let files = ["certificate", "key"].map(|name| folder.path().join(name));
    std::fs::write(&files[0], certificate).unwrap();
    std::fs::write(&files[1], key).unwrap();
    let [certificate, key] = files;
    let service = start(|server| if secure { server.tls(Tls::new(certificate, key)) } else { server });
    let mut command = Command::new(program);
    let port = service.server.addresses().listening.port().to_string();
    command.args(["--strict", "--host", "127.0.0.1", "--port", &port, "--timeout", "5"]);
    if secure {
        command.args(["--tls", "--insecure"]);
    }
    // Several cases send frames that cross the answer: which the server gets first is a race. h2spec knows only one
    // way it may go; a case that never goes that way is wrong.
    let mut unexplained = failures(&mut command, secure);
    for _ in 0..4 {
        if !unexplained.is_empty() {
            let again = failures(&mut command, secure);
            unexplained.retain(|case| again.contains(case));
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    service.stop();
}

/// The cases that fail without being exceptions.
fn failures(command: &mut Command, secure: bool) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{}", text.lines().last().unwrap_or_default());
    assert!(text.contains("146 tests"), "{text}");
    let failures = text.split("Failures:").nth(1).unwrap_or_default();
    let failed = failures.lines().map(str::trim).filter(|line| line.contains('×'));
    let is_known = |line: &&str| EXCEPTIONS.iter().any(|(name, _)| !secure && line.contains(name));
    failed.filter(|line| !is_known(line)).map(str::to_owned).collect()
}
