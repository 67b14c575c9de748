//! The chart is installed, upgraded, removed and installed again while a service is under load. The definitions, the
//! services and their pods outlive it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use headroom_e2e::cluster::audit::Entry;
use headroom_e2e::suite::{
    Audit, CONTROLLER_NAMESPACE, Load, Namespace, PODS, Plan, Release, ScaledService, figure, kubectl, stays,
    until, without_the_shared_controller,
};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn services_outlive_the_chart() {
    without_the_shared_controller().unwrap();
    let place = Namespace::new("lifecycle").unwrap();
    let only_here = format!("watchNamespaces={{{}}}", place.name());
    let install = |values: &[&str]| {
        let values: Vec<_> = std::iter::once(only_here.as_str()).chain(values.iter().copied()).collect();
        Release::install("headroom", CONTROLLER_NAMESPACE, &values).unwrap()
    };
    let began = Instant::now();
    let release = install(&[]);
    let service = Plan { down_window: 10, ..Plan::new("web") }.patient().apply(place.name()).unwrap();
    service.until_reason("Ready", "Holding", PODS).unwrap();
    figure("lifecycle", "install until the first decision", began.elapsed().as_secs_f64(), "s");
    service.until_ready(2, PODS).unwrap();
    let load = Load::steps("load", "75s@300").start(place.name(), &service.url().unwrap()).unwrap();
    let size = until("a size for the load", PODS, || {
        let size = service.size()?;
        Ok((size >= 3 && service.ready()? == size).then_some(size))
    })
    .unwrap();
    let pods = uids(&service);
    let mut audit = Audit::from_now().unwrap();

    let before = names(&release);
    install(&["log.level=debug"]);
    until("the pods of the release before to be gone", PODS, || {
        Ok(before.is_disjoint(&names(&release)).then_some(()))
    })
    .unwrap();

    release.uninstall().unwrap();
    until("the controller to be gone", PODS, || Ok(names(&release).is_empty().then_some(()))).unwrap();
    for definition in ["scaledservices", "scaledservicecheckpoints"] {
        kubectl(&["get", "crd", &format!("{definition}.headroom.dev")]).unwrap();
    }
    stays("the service", Duration::from_secs(10), || {
        service.now()?;
        Ok(service.size()? >= size && uids(&service).is_superset(&pods))
    })
    .unwrap();
    let sizes: Vec<_> = audit.sizes(place.name()).unwrap();
    let grown = sizes.iter().filter_map(Entry::replicas_asked).all(|written| written >= size);
    assert!(grown, "the size shrank under an unchanged load: {sizes:?}");

    let release = install(&[]);
    let summary = load.summary(Duration::from_secs(120)).unwrap();
    assert_eq!(summary.counts.failed.total, 0, "{:?}", summary.counts.failed);
    service.until_size("the new controller to scale in", PODS, |now| now < size).unwrap();
    release.uninstall().unwrap();
}

fn names(release: &Release) -> BTreeSet<String> {
    let pods = release.pods().unwrap();
    pods.iter().filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned())).collect()
}

fn uids(service: &ScaledService) -> BTreeSet<String> {
    let pods = service.pods().unwrap();
    pods.iter().filter_map(|pod| Some(pod["metadata"]["uid"].as_str()?.to_owned())).collect()
}
