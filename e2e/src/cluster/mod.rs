//! A Kubernetes cluster to test against, brought up and taken away by one call. Tests know a kubeconfig, and what
//! [`Cluster`] offers to break things and to look at them.

pub mod audit;
mod cgroups;
mod checker;
mod command;
mod component;
mod config;
mod control_plane;
mod fault;
mod identity;
mod images;
pub mod interrupt;
mod kind;
mod kubectl;
mod local;
mod network;
mod node;
mod packages;
mod pki;
mod place;
mod pod;
mod progress;
mod prometheus;
mod state;
mod teardown;
mod tools;
mod wish;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

pub use checker::Checker;
pub use fault::Faulty;
pub use identity::ProcessIdentity;
pub use pod::{RunningPod, Usage};
pub use progress::Progress;
pub use state::Provider;
pub use wish::{Choice, Lifetime, Origin, Wish};

use place::{Place, make_folder};
use state::{Phase, State};

/// Set for who works with a cluster.
const RUN_FOLDER_VARIABLE: &str = "HEADROOM_CLUSTER";

/// The cluster of this checkout.
#[derive(Debug, Clone)]
pub struct Cluster {
    place: Place,
    state: State,
}

impl Cluster {
    /// Brings a cluster up. One that is there and well is kept; what is left of one that is not is removed first. Nothing
    /// stays behind when it fails.
    pub fn up(wish: Wish, progress: &Progress) -> anyhow::Result<(Self, Origin)> {
        wish.check()?;
        let place = Place::of_this_checkout();
        let _turn = place.take_turn()?;
        let provider = wish.provider.resolve();
        let nodes = node_names(&place, provider, wish.nodes);
        if let Some(state) = State::load(&place).unwrap_or_default() {
            ensure!(
                !state.is_in_use(),
                "the cluster of this checkout is in use by process {:?}",
                state.owner
            );
            // One whose owner has ended is as good as gone.
            let is_kept = state.owner.is_none() && state.provider == provider && state.nodes == nodes;
            if is_kept && is_healthy(&place, &state) {
                return Ok((Self { place, state }, Origin::Found));
            }
        }
        remove(&place, progress)?;
        let owner = match wish.lifetime {
            Lifetime::Kept => None,
            Lifetime::OfThisProcess => ProcessIdentity::own(),
        };
        let mut state = State { provider, phase: Phase::Starting, nodes, programs: Vec::new(), owner };
        if let Err(error) = start(&place, &mut state, progress) {
            // The reason is in the error; why it could not be cleaned up comes second.
            return Err(match remove_anyway(&place, progress) {
                Ok(()) => error,
                Err(second) => error.context(format!("and what was begun could not be removed: {second:#}")),
            });
        }
        Ok((Self { place, state }, Origin::Made))
    }

    /// The cluster that is up.
    pub fn attach() -> anyhow::Result<Self> {
        let place = Place::of_this_checkout();
        let state = State::load(&place)?.filter(|state| state.phase == Phase::Ready);
        Ok(Self { state: state.context("no cluster is up: run `make cluster-up`")?, place })
    }

    /// The cluster that a test was started with (`headroom-cluster with`, or `env` in the shell). `None`: a test that needs
    /// one says that it skips. A cluster that is merely up is left alone: somebody may be trying things on it.
    pub fn of_this_test() -> anyhow::Result<Option<Self>> {
        std::env::var_os(RUN_FOLDER_VARIABLE).map(|_| Self::attach()).transpose()
    }

    /// Removes the cluster of this checkout and all that an earlier one left behind.
    pub fn down(progress: &Progress) -> anyhow::Result<()> {
        let place = Place::of_this_checkout();
        let _turn = place.take_turn()?;
        remove_anyway(&place, progress)
    }

    /// Removes the cluster if the process that it belongs to has ended.
    pub fn down_if_abandoned(progress: &Progress) -> anyhow::Result<()> {
        let place = Place::of_this_checkout();
        let _turn = place.take_turn()?;
        let owner = State::load(&place)?.and_then(|state| state.owner);
        if owner.is_some_and(|owner| !owner.is_alive()) { remove(&place, progress) } else { Ok(()) }
    }

    /// Copies the logs of all components, with the audit log, for who looks after the cluster is gone.
    pub fn save_logs(folder: &Path) -> anyhow::Result<()> {
        let place = Place::of_this_checkout();
        make_folder(folder)?;
        let logs = std::fs::read_dir(place.logs()).into_iter().flatten().flatten().map(|entry| entry.path());
        for log in logs.chain([place.audit_log()]).filter(|log| log.is_file()) {
            let name = log.file_name().unwrap_or_default();
            std::fs::copy(&log, folder.join(name))
                .with_context(|| format!("can't copy {}", log.display()))?;
        }
        Ok(())
    }

    /// What it is made with.
    pub fn provider(&self) -> Provider {
        self.state.provider
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.place.kubeconfig()
    }

    /// The API server's audit log; [`audit::Entries`] reads it.
    pub fn audit_log(&self) -> PathBuf {
        self.place.audit_log()
    }

    /// A program that came with the cluster: kubectl, helm, kubeconform, promtool, prometheus.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let link = self.place.bin().join(name);
        ensure!(link.exists(), "the cluster has no program {name}");
        Ok(link)
    }

    /// Names of the nodes that take pods.
    pub fn nodes(&self) -> &[String] {
        &self.state.nodes
    }

    /// Imports an image archive (`docker save`, `buildah push docker-archive:`) on every node.
    pub fn load_image(&self, archive: &Path) -> anyhow::Result<()> {
        match self.state.provider {
            Provider::Local => local::load_image(&self.place, &self.state, archive),
            Provider::Kind => kind::load_image(&self.place, archive),
        }
    }

    /// The kubelet of a node, to break and to mend.
    pub fn kubelet(&self, node: &str) -> anyhow::Result<Faulty> {
        ensure!(self.state.nodes.iter().any(|name| name == node), "the cluster has no node {node}");
        match self.state.provider {
            Provider::Local => Faulty::component(&self.place, &node::kubelet(node)),
            Provider::Kind => Ok(kind::kubelet(node)),
        }
    }

    /// A pod that runs on a node, by its `metadata.uid`.
    pub fn pod(&self, node: &str, uid: &str) -> anyhow::Result<RunningPod> {
        match self.state.provider {
            Provider::Local => Ok(RunningPod::local(uid, cgroups::Cgroups::of_machine(self.place.name())?)),
            Provider::Kind => Ok(RunningPod::kind(uid, node)),
        }
    }

    /// The API server, to break and to mend.
    pub fn api_server(&self) -> anyhow::Result<Faulty> {
        match self.state.provider {
            Provider::Local => Faulty::component(&self.place, control_plane::API_SERVER),
            Provider::Kind => Ok(kind::api_server(&self.place)),
        }
    }

    /// Variables for who works with the cluster.
    pub fn environment(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut path = vec![self.place.bin()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        path.dedup();
        let path = std::env::join_paths(path).context("the run folder can't stand in PATH")?;
        Ok(vec![
            ("KUBECONFIG", self.kubeconfig().display().to_string()),
            ("PATH", path.to_string_lossy().into_owned()),
            ("AUDIT_LOG", self.audit_log().display().to_string()),
            (RUN_FOLDER_VARIABLE, self.place.run().display().to_string()),
            ("HEADROOM_PROVIDER", self.provider().to_string()),
        ])
    }
}

fn node_names(place: &Place, provider: Provider, count: u8) -> Vec<String> {
    match provider {
        Provider::Local => local::node_names(count),
        Provider::Kind => kind::node_names(place, count),
    }
}

fn is_healthy(place: &Place, state: &State) -> bool {
    state.phase == Phase::Ready
        && match state.provider {
            Provider::Local => local::is_healthy(place, state),
            Provider::Kind => kind::is_healthy(place),
        }
}

fn start(place: &Place, state: &mut State, progress: &Progress) -> anyhow::Result<()> {
    state.save(place)?;
    match state.provider {
        Provider::Local => local::up(place, state, progress)?,
        Provider::Kind => kind::up(place, state, progress)?,
    }
    link_programs(place, &state.programs)
}

/// One folder for the PATH.
fn link_programs(place: &Place, programs: &[PathBuf]) -> anyhow::Result<()> {
    make_folder(&place.bin())?;
    for program in programs {
        let Some(name) = program.file_name() else { bail!("{} is no program", program.display()) };
        std::os::unix::fs::symlink(program, place.bin().join(name)).context("can't link a program")?;
    }
    Ok(())
}

/// Removing is not stopped by a second Ctrl-C.
fn remove_anyway(place: &Place, progress: &Progress) -> anyhow::Result<()> {
    let interrupted = interrupt::take();
    let removed = remove(place, progress);
    if interrupted {
        progress.say("         interrupted");
    }
    removed
}

fn remove(place: &Place, progress: &Progress) -> anyhow::Result<()> {
    // A state that can't be read is of no use to who wants it gone.
    let state = State::load(place).unwrap_or_default();
    match state.map(|state| state.provider) {
        Some(Provider::Kind) => progress.to_its_end("remove the cluster", || kind::remove(place)),
        Some(Provider::Local) => progress.to_its_end("remove the cluster", || teardown::remove_local(place)),
        // A crash may have left something all the same.
        None => teardown::remove_local(place),
    }
}
