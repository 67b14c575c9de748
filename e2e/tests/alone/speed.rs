//! From a step of the load to the first size that suffices.

use std::time::Duration;

use headroom_e2e::suite::{Audit, Load, LoadJob, PODS, Plan, Site, Way, figure, kubectl};
use jiff::Timestamp;

/// Requests per second before the step; one pod carries it.
const BEFORE: f64 = 100.0;
/// Seconds before the first step of a round; each further step comes a second later, so that the pods of one do not start
/// all at once with those of all others.
const CALM: usize = 20;
/// Seconds for which the higher load stays.
const AFTER: u32 = 12;
/// Ten factors from 1.5 to 4.6, each three times.
const FACTORS: [f64; 10] = [1.5, 1.8, 2.1, 2.4, 2.8, 3.1, 3.5, 3.9, 4.2, 4.6];
const STEPS: usize = 3 * FACTORS.len();
/// Services in a round: with ten, two cores of a busy host were short of CPU, and what was measured was the API server.
const SERVICES: usize = 5;
/// What a pod carries within 150 ms at P99: M/M/4 with 20 ms.
const CAPACITY: f64 = 172.0;

#[test]
#[ignore = "needs a cluster: make e2e"]
fn thirty_steps_are_answered_with_a_size_that_suffices() {
    let site = Site::new("speed", 1, Way::Direct).unwrap();
    let place = site.place(0);
    let mut taken: Vec<f64> = (0..STEPS / SERVICES).flat_map(|round| one_round(place, round)).collect();
    site.assert_no_violation();
    taken.sort_by(f64::total_cmp);
    let quantile =
        |share: f64| taken[((share * taken.len() as f64).ceil() as usize).clamp(1, taken.len()) - 1];
    figure("speed", "steps", taken.len() as f64, "");
    figure("speed", "step to a size that suffices, p50", quantile(0.5), "s");
    figure("speed", "step to a size that suffices, p99", quantile(0.99), "s");
    assert_eq!(taken.len(), STEPS, "steps that were never answered");
    assert!(quantile(0.99) <= 3.0, "seconds: {taken:?}");
}

/// Seconds from each step to a size that suffices.
fn one_round(place: &str, round: usize) -> Vec<f64> {
    // New services each time: what was learned of the last ones, and their size, would help.
    let name = |number| format!("s{round}-{number}");
    let plan = |number| Plan { replicas: (1, 8), ..Plan::new(&name(number)) };
    let services: Vec<_> = (0..SERVICES).map(|number| plan(number).apply(place).unwrap()).collect();
    for service in &services {
        service.until_ready(1, PODS).unwrap();
    }
    let mut audit = Audit::from_now().unwrap();
    let play = |(number, url): (usize, String)| {
        let steps = format!("{}s@{BEFORE},{AFTER}s@{}", CALM + number, after(round, number));
        Load::steps(&format!("load-{}", name(number)), &steps).start(place, &url).unwrap()
    };
    let urls = services.iter().map(|service| service.url().unwrap());
    let loads: Vec<LoadJob> = urls.enumerate().map(play).collect();
    let began = loads.iter().map(began).collect::<Vec<_>>();
    let written = audit.sizes(place).unwrap();

    let mut taken = Vec::new();
    for (number, began) in began.into_iter().enumerate() {
        let stepped = began + Duration::from_secs((CALM + number) as u64);
        let needed = (after(round, number) / CAPACITY).ceil() as u64;
        let of_service = written.iter().filter(|entry| entry.object_ref.name == name(number));
        let sizes = of_service.filter_map(|entry| Some((entry.stage_timestamp, entry.replicas_asked()?)));
        let (before, after): (Vec<_>, Vec<_>) = sizes.partition(|(at, _)| *at <= stepped);
        let had = before.last().map_or(1, |(_, size)| *size);
        let enough = after.iter().find(|(_, size)| *size >= needed);
        // Some have enough for the noise of the load before: nothing has to be written.
        let seconds = if had >= needed {
            Some(0.0)
        } else {
            enough.map(|(at, _)| at.duration_since(stepped).as_secs_f64())
        };
        let sizes: Vec<_> = after.iter().map(|(_, size)| size).collect();
        println!("x{}: {seconds:?} s, had {had}, needs {needed}, wrote {sizes:?}", factor(round, number));
        taken.extend(seconds);
    }
    kubectl(&["-n", place, "delete", "scaledservices,jobs", "--all", "--wait=true"]).unwrap();
    taken
}

/// Neighbours in time differ much, so that large steps do not come in a row.
fn factor(round: usize, number: usize) -> f64 {
    FACTORS[(round * SERVICES + number) * 3 % FACTORS.len()]
}

fn after(round: usize, number: usize) -> f64 {
    BEFORE * factor(round, number)
}

/// When the generator began, by its own clock, which is the API server's.
fn began(load: &LoadJob) -> Timestamp {
    let summary = load.summary(Duration::from_secs(150)).unwrap();
    Timestamp::from_microsecond((summary.started_at_unix_seconds * 1e6) as i64).unwrap()
}
