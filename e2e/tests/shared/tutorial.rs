//! The commands of the tutorial, in their order, as a reader types them.

use std::fs;
use std::path::Path;
use std::process::Command;

use headroom_e2e::cluster::Cluster;
use headroom_e2e::suite::{Namespace, controller, figure, kubectl};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_command_of_the_tutorial_works() {
    // Before: the tutorial's own `helm upgrade --install` must not run beside that of another test.
    controller().unwrap();
    let place = Namespace::new("tutorial").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // What is not told a namespace goes to the test's own.
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::copy(Cluster::attach().unwrap().kubeconfig(), &kubeconfig).unwrap();
    let shell = |commands: &str| {
        // The check looks at the whole cluster, where other tests have planted faults: then it ends with 3.
        let may_find = commands.contains("headroom check");
        let mut shell = Command::new("sh");
        shell.args(["-euxc", commands]).current_dir(&root).env("KUBECONFIG", &kubeconfig);
        // Cargo tells a test about its package; a cargo in the commands would build for that, and all anew.
        let of_cargo = |name: &String| name.starts_with("CARGO_") && name != "CARGO_HOME";
        std::env::vars().map(|(name, _)| name).filter(of_cargo).for_each(|name| {
            shell.env_remove(name);
        });
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let found = may_find && output.status.code() == Some(3);
        assert!(output.status.success() || found, "{}:\n{commands}\n{said}", output.status);
        let own = |line: &&str| line.starts_with("FAILED") && line.contains(place.name());
        assert_eq!(said.lines().find(own), None, "something is wrong with the tutorial's service");
        said
    };
    shell(&format!("kubectl config set-context --current --namespace={}", place.name()));

    let tutorial = fs::read_to_string(root.join("docs/tutorial.md")).unwrap();
    let blocks = blocks(&tutorial);
    assert!(blocks.len() >= 6, "the blocks are found");
    let said: Vec<String> = blocks.iter().map(|block| shell(block)).collect();
    figure("tutorial", "blocks run", blocks.len() as f64, "");
    let decisions = said.iter().find(|said| said.contains(".status.decisions")).unwrap();
    assert!(decisions.contains("2 -> "), "no decision is shown: {decisions}");
    assert!(said.iter().any(|said| said.contains("headroom check")), "the check is run");
    assert_eq!(kubectl(&["-n", place.name(), "get", "ssvc", "-o", "name"]).unwrap(), "");
}

/// What stands in blocks marked sh; those for one provider (sh kind) and those to read (console) are left out.
fn blocks(text: &str) -> Vec<String> {
    let after = text.split("\n```sh\n").skip(1);
    after.filter_map(|rest| Some(rest.split_once("\n```")?.0.to_owned())).collect()
}
