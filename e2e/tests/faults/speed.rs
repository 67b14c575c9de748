//! From a step of the load to the first size that suffices.

use std::time::Duration;

use headroom_e2e::cluster::audit::Entry;
use headroom_e2e::suite::{Audit, Load, Plan, ScaledService, figure, kubectl};
use jiff::Timestamp;

use super::site::{PODS, Site, Way, alone};

/// Requests per second before the step; one pod carries it.
const BEFORE: f64 = 100.0;
/// Seconds before the step.
const CALM: u32 = 25;
/// Ten factors from 1.5 to 4.6, three times each.
const FACTORS: [f64; 10] = [1.5, 1.8, 2.1, 2.4, 2.8, 3.1, 3.5, 3.9, 4.2, 4.6];
/// What a pod carries within 150 ms at P99: M/M/4 with 20 ms.
const CAPACITY: f64 = 172.0;

#[test]
#[ignore = "needs a cluster: make e2e"]
fn thirty_steps_are_answered_with_a_size_that_suffices() {
    // Ten services whose load ends at the same moment look like a fault of the whole fleet, which freezes shrinking: so
    // a controller of their own, and new services for each round.
    let _turn = alone();
    let site = Site::new("speed", 1, Way::Direct).unwrap();
    let mut taken = Vec::new();
    for round in 0..3 {
        let names: Vec<_> = (0..FACTORS.len()).map(|number| format!("r{round}-{number}")).collect();
        let plan = |name: &String| Plan { replicas: (1, 8), ..Plan::new(name) };
        let services: Vec<_> = names.iter().map(|name| plan(name).apply(site.place(0)).unwrap()).collect();
        for service in &services {
            service.until_ready(1, PODS).unwrap();
        }
        taken.extend(one_round(site.place(0), &services, round));
        kubectl(&["-n", site.place(0), "delete", "scaledservices,jobs", "--all", "--wait=true"]).unwrap();
    }
    site.assert_no_violation();
    taken.sort_by(f64::total_cmp);
    let quantile =
        |share: f64| taken[((share * taken.len() as f64).ceil() as usize).clamp(1, taken.len()) - 1];
    figure("speed", "steps", taken.len() as f64, "");
    figure("speed", "step to a size that suffices, p50", quantile(0.5), "s");
    figure("speed", "step to a size that suffices, p99", quantile(0.99), "s");
    assert_eq!(taken.len(), 30, "steps that were never answered");
    assert!(quantile(0.99) <= 3.0, "seconds: {taken:?}");
}

fn one_round(place: &str, services: &[ScaledService], round: usize) -> Vec<f64> {
    let mut audit = Audit::from_now().unwrap();
    let loads: Vec<_> = services
        .iter()
        .zip(FACTORS)
        .enumerate()
        .map(|(number, (service, factor))| {
            let after = BEFORE * factor;
            let load =
                Load::steps(&format!("load-{round}-{number}"), &format!("{CALM}s@{BEFORE},20s@{after}"));
            load.start(place, &service.url().unwrap()).unwrap()
        })
        .collect();
    let summaries: Vec<_> =
        loads.iter().map(|load| load.summary(Duration::from_secs(120)).unwrap()).collect();
    let sizes = audit.sizes(place).unwrap();
    let answered = summaries.iter().zip(FACTORS).enumerate().filter_map(|(number, (summary, factor))| {
        let stepped: Timestamp = started(summary) + Duration::from_secs(CALM.into());
        let needed = (BEFORE * factor / CAPACITY).ceil() as u64;
        let name = format!("r{round}-{number}");
        let of_service: Vec<_> = sizes.iter().filter(|entry| entry.object_ref.name == name).collect();
        let (before, after): (Vec<&Entry>, Vec<&Entry>) =
            of_service.into_iter().partition(|entry| entry.stage_timestamp <= stepped);
        let had = before.last().and_then(|entry| entry.replicas_asked()).unwrap_or(1);
        let enough = after.iter().find(|entry| entry.replicas_asked().is_some_and(|size| size >= needed));
        let seconds = if had >= needed {
            // It had enough for the noise of the load before: nothing had to be written.
            Some(0.0)
        } else {
            enough.map(|entry| entry.stage_timestamp.duration_since(stepped).as_secs_f64())
        };
        println!("round {round}, x{factor}: {seconds:?} s, had {had}, needs {needed}");
        seconds
    });
    answered.collect()
}

/// When the generator began, by its own clock, which is the API server's.
fn started(summary: &headroom_load::report::Summary) -> Timestamp {
    Timestamp::from_microsecond((summary.started_at_unix_seconds * 1e6) as i64).unwrap()
}
