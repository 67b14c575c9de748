//! Where a test that breaks something takes place: namespaces and a controller of its own.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what tests assert with fails as tests do"
)]

use std::sync::OnceLock;
use std::time::Duration;

use super::{Audit, Namespace, Proxy, Release, controller, helm, kubectl};
use anyhow::Context as _;
use jiff::Timestamp;

/// Longest time for pods to become ready.
pub const PODS: Duration = Duration::from_secs(120);

/// Two controllers for one namespace would write against each other: the one that other tests share goes, and leaves its
/// definitions.
pub fn without_the_shared_controller() -> anyhow::Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let remove = || controller()?.uninstall();
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
    /// Its chart.
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
