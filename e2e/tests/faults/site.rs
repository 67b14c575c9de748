//! Where a fault test takes place: namespaces and a controller of its own.

use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::Context as _;
use headroom_e2e::suite::{Audit, CONTROLLER_NAMESPACE, Namespace, Release, helm, kubectl};
use jiff::Timestamp;

use super::proxy::Proxy;

/// Longest time for pods to become ready.
pub const PODS: Duration = Duration::from_secs(120);

/// Tests that break what all share run alone.
static EVERYTHING: RwLock<()> = RwLock::new(());

/// Other tests may run beside this one.
pub fn beside_others() -> RwLockReadGuard<'static, ()> {
    EVERYTHING.read().unwrap_or_else(PoisonError::into_inner)
}

/// No other test runs beside this one.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    EVERYTHING.write().unwrap_or_else(PoisonError::into_inner)
}

/// Two controllers for one namespace would write against each other: the one that other tests share goes, its
/// definitions stay.
fn without_the_shared_controller() -> anyhow::Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let remove = || -> anyhow::Result<()> {
        helm(&["uninstall", "headroom", "-n", CONTROLLER_NAMESPACE, "--wait", "--ignore-not-found"])?;
        let definitions = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
        kubectl(&["apply", "--server-side", "--force-conflicts", "-f", definitions])?;
        kubectl(&["wait", "--for=condition=Established", "--timeout=30s", "-f", definitions]).map(drop)
    };
    let done = DONE.get_or_init(|| remove().map_err(|error| format!("{error:#}")));
    done.as_ref().copied().map_err(|error| anyhow::anyhow!("the shared controller stays: {error}"))
}

/// How the controller reaches the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the chart has it.
    Direct,
    /// Through the fault proxy.
    Proxied,
}

/// A controller, and the namespaces that it works in. The first is also its own.
#[derive(Debug)]
pub struct Site {
    places: Vec<Namespace>,
    pub release: Release,
    proxy: Option<Proxy>,
}

impl Site {
    /// With as many namespaces, and a ready controller.
    pub fn new(test: &str, namespaces: usize, way: Way) -> anyhow::Result<Self> {
        without_the_shared_controller()?;
        let places = (0..namespaces).map(|_| Namespace::new(test)).collect::<anyhow::Result<Vec<_>>>()?;
        let names: Vec<_> = places.iter().map(Namespace::name).collect();
        let own = *names.first().context("a controller needs a namespace")?;
        let proxy = (way == Way::Proxied).then(|| Proxy::start(own)).transpose()?;
        let watched = format!("watchNamespaces={{{}}}", names.join(","));
        let mut values =
            vec![watched.as_str(), "crds.enabled=false", "fullnameOverride=headroom", "rbac.aggregate=false"];
        values.extend(proxy.iter().flat_map(|_| Proxy::VALUES));
        let release = Release::install("headroom", own, &values)?;
        Ok(Self { places, release, proxy })
    }

    /// The namespace with this number.
    pub fn place(&self, number: usize) -> &str {
        self.places[number].name()
    }

    /// The proxy in front of the API server.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a site without a proxy")
    }

    /// The controller has broken no invariant, as far as it knows itself.
    pub fn assert_no_violation(&self) {
        assert_eq!(self.release.metric("headroom_invariant_violations_total").unwrap(), 0.0);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let own = self.place(0);
            let log = ["-n", own, "logs", "deployment/headroom", "--all-pods", "--tail=60"];
            println!("{}", kubectl(&log).unwrap_or_else(|error| format!("{error:#}")));
        } else if std::env::var_os("KEEP").is_none() {
            // What is not in a namespace goes with the release.
            let _ = helm(&["uninstall", "headroom", "-n", self.place(0)]);
        }
    }
}

/// Sizes that the controller wrote in a namespace, with when they were answered.
pub fn written(audit: &mut Audit, namespace: &str) -> Vec<(Timestamp, u64)> {
    let sizes = audit.sizes(namespace).unwrap();
    let own = sizes.iter().filter(|entry| entry.user_agent.starts_with("headroom/"));
    own.filter_map(|entry| Some((entry.stage_timestamp, entry.replicas_asked()?))).collect()
}

/// The controller wrote no size smaller than the one before it, the first of which is `before`.
pub fn assert_no_shrink(audit: &mut Audit, namespace: &str, before: u64) {
    let sizes: Vec<_> = written(audit, namespace).into_iter().map(|(_, size)| size).collect();
    let all: Vec<_> = std::iter::once(before).chain(sizes).collect();
    assert!(all.is_sorted(), "the size shrank: {all:?}");
}
