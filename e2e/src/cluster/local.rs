//! The provider `local`: a control plane and nodes as processes of this machine, in network namespaces of their own.
//! Kubernetes is built from its published Go modules; containerd, runc and network plugins are Debian's.
//!
//! There is no DNS: pods reach services by their address, which is in their environment. A look-up fails at once.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::cgroups::Cgroups;
use super::component::Component;
use super::control_plane::{API_SERVER, ControlPlane};
use super::kubectl::Kubectl;
use super::network::{self, DNS_SERVICE, NodeNetwork};
use super::node::{self, LocalNode};
use super::packages;
use super::pki::Pki;
use super::place::{Place, make_folder};
use super::progress::Progress;
use super::state::{Phase, State};
use super::tools::Tool;
use super::{images, prometheus};
use crate::wait::free_address;

const NODES_PATIENCE: Duration = Duration::from_secs(90);

/// Names of nodes.
pub fn node_names(count: u8) -> Vec<String> {
    (1..=count).map(|number| format!("node{number}")).collect()
}

/// Brings the cluster up; `state` says what is wanted and is saved as it goes on.
pub fn up(place: &Place, state: &mut State, progress: &Progress) -> anyhow::Result<()> {
    packages::ensure(progress)?;
    let kubernetes = Tool::Kubernetes.ensure(place, progress)?;
    let etcd = Tool::Etcd.ensure(place, progress)?;
    let (helm, kubeconform) =
        (Tool::Helm.ensure(place, progress)?, Tool::Kubeconform.ensure(place, progress)?);
    let pause = images::ensure_pause(place)?;
    let programs = [(&kubernetes, "kubectl"), (&helm, "helm"), (&kubeconform, "kubeconform")];
    state.programs = programs.map(|(folder, program)| folder.join(program)).to_vec();
    state.programs.extend(prometheus::ensure(progress));
    state.save(place)?;

    let cgroups = Cgroups::of_machine(place.name())?;
    let networks: Vec<_> =
        (1..).take(state.nodes.len()).map(|number| NodeNetwork::new(place, number)).collect();
    let first = networks.first().context("a cluster has at least one node")?;
    let pki = Pki::new(place.file("pki"));
    let control = ControlPlane {
        place,
        cgroups: &cgroups,
        pki: &pki,
        network: first,
        kubernetes: &kubernetes,
        etcd: &etcd,
    };
    progress.step("cgroups, network, certificates", || {
        cgroups.make(&state.nodes)?;
        network::make(&networks)?;
        pki.make(first.address())
    })?;

    let port = free_address()?.port();
    pki.write_kubeconfig(&place.kubeconfig(), "admin", &format!("https://127.0.0.1:{port}"))?;
    let nodes: Vec<_> = state.nodes.iter().zip(&networks).collect();
    let nodes: Vec<_> = nodes
        .into_iter()
        .map(|(name, network)| LocalNode {
            name: name.clone(),
            network,
            place,
            cgroups: &cgroups,
            kubernetes: &kubernetes,
        })
        .collect();
    progress.step("etcd, API server, containerd", || start_bases(&control, &nodes, &pause, port))?;
    progress.step("controllers, kubelets, kube-proxies", || {
        control.start_controllers()?;
        nodes.iter().try_for_each(|node| node.start_agents(&control))
    })?;
    let kubectl = Kubectl::new(&kubernetes, place.kubeconfig());
    progress.step("nodes ready", || wait_for_nodes(place, &kubectl, state))?;
    progress.step("answer to pods that look up names", || {
        let address = format!("--clusterip={DNS_SERVICE}");
        kubectl.run(&[
            "create",
            "service",
            "clusterip",
            "kube-dns",
            "-n",
            "kube-system",
            &address,
            "--tcp=53:53",
        ])
    })?;
    state.phase = Phase::Ready;
    state.save(place)
}

/// The API server and the runtimes don't need each other.
fn start_bases(
    control: &ControlPlane<'_>,
    nodes: &[LocalNode<'_>],
    pause: &Path,
    port: u16,
) -> anyhow::Result<()> {
    make_folder(&control.place.logs())?;
    thread::scope(|scope| {
        let runtimes: Vec<_> =
            nodes.iter().map(|node| scope.spawn(|| node.start_runtime(control, pause))).collect();
        let api_server = control.start_api_server(port);
        let runtimes =
            runtimes.into_iter().map(|runtime| runtime.join().map_err(|_| anyhow!("a thread ended"))?);
        runtimes.chain([api_server]).collect()
    })
}

fn wait_for_nodes(place: &Place, kubectl: &Kubectl, state: &State) -> anyhow::Result<()> {
    for node in &state.nodes {
        let kubelet = Component::find(place, &node::kubelet(node))?;
        let is_ready = || kubectl.ready_nodes().is_ok_and(|ready| ready.contains(node));
        kubelet.wait_until("the node is ready", NODES_PATIENCE, is_ready)?;
    }
    Ok(())
}

/// Whether everything that was started still runs and says that it is well.
pub fn is_healthy(place: &Place, state: &State) -> bool {
    let Some(kubectl) = state.programs.first().and_then(|program| program.parent()) else { return false };
    let kubectl = Kubectl::new(kubectl, place.kubeconfig());
    let all_run =
        Component::all(place).iter().all(Component::is_running) && Component::find(place, API_SERVER).is_ok();
    let ready =
        || kubectl.ready_nodes().is_ok_and(|ready| state.nodes.iter().all(|node| ready.contains(node)));
    all_run && kubectl.is_ready() && ready()
}

/// Imports an archive on every node.
pub fn load_image(place: &Place, state: &State, archive: &Path) -> anyhow::Result<()> {
    state.nodes.iter().try_for_each(|node| images::import(&node::socket(place, node), archive))
}
