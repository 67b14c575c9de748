//! The loop: a tick a second, in each a pass over every service, none waiting for another.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use headroom_core::{Answer, PodState};
use kube::ResourceExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::TICK;
use super::checker::delay;
use super::context::Context;
use super::findings::Standing;
use super::fleet::Glance;
use super::pass::{Tick, pass};
use super::report::events::NewEvent;
use super::report::{Finding, Report, Role};
use super::unread::or_stand_in;
use super::watch::{GuardedService, Snapshot};

/// Longest time that passes under way get to end when the loop is stopped.
const LAST: Duration = Duration::from_secs(3);

/// What the loop shows of itself.
#[derive(Debug, Clone)]
pub struct Signs {
    /// When it last turned.
    pub turned: watch::Sender<Option<Instant>>,
    /// Whether the cluster has been listed once.
    pub synced: watch::Sender<bool>,
}

/// The loop, and what it holds between two ticks.
struct Loop {
    cx: Arc<Context>,
    report: Report,
    passes: JoinSet<Option<Passed>>,
    /// The last finding about each service, by UID.
    findings: BTreeMap<String, Finding>,
}

/// A pass that came to an end.
struct Passed {
    uid: String,
    finding: Finding,
    news: Vec<NewEvent>,
}

/// Ticks until `stop` says so; then the passes under way are finished.
pub async fn run(cx: Arc<Context>, report: Report, signs: Signs, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        () = cx.cluster.listed() => {}
        _ = stop.wait_for(|stop| *stop) => return,
    }
    signs.synced.send_replace(true);
    let mut turning = Loop { cx, report, passes: JoinSet::new(), findings: BTreeMap::new() };
    let mut ticker = interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticker.tick() => {
                let began = Instant::now();
                signs.turned.send_replace(Some(began));
                turning.tick();
                turning.check(began.elapsed());
            }
            Some(ended) = turning.passes.join_next() => turning.note(ended.ok().flatten()),
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    let _ = tokio::time::timeout(LAST, async { while turning.passes.join_next().await.is_some() {} }).await;
}

impl Loop {
    /// Tells what the passes since the last tick found out, and begins a pass over every service that has none under
    /// way.
    fn tick(&mut self) {
        let now = Instant::now();
        let snapshot = Arc::new(self.cx.cluster.snapshot(now));
        self.forget_the_gone(&snapshot);
        self.tell(now);
        let shrinking = self.cx.fleet.lock().unwrap_or_else(PoisonError::into_inner).judge(now);
        let tick = Tick { snapshot, shrinking };
        for service in &tick.snapshot.services {
            self.begin(service, &tick, now);
        }
    }

    /// What every service waits for must not take a tick of its own.
    fn check(&self, work: Duration) {
        if let Some(violation) = delay(work) {
            tracing::error!(id = violation.id(), ?work, "an invariant was broken");
            self.cx.metrics.invariant_violations.count(&[violation.id()]);
        }
    }

    fn begin(&mut self, service: &Arc<GuardedService>, tick: &Tick, now: Instant) {
        let uid = service.uid().unwrap_or_default();
        let Some(mut memory) = self.cx.memories.of(&uid, now) else { return };
        let (cx, service, tick) = (Arc::clone(&self.cx), Arc::clone(service), tick.clone());
        self.passes.spawn(async move {
            let began = Instant::now();
            // A panic anywhere in it must neither end the others nor come again each second.
            let standing = AssertUnwindSafe(pass(&cx, &service, &tick, &mut memory)).catch_unwind().await;
            let standing = standing.unwrap_or_else(|_| {
                memory.quarantine(Instant::now());
                Some(Standing::quarantined())
            });
            cx.metrics.tick_duration.observe(began.elapsed().as_secs_f64());
            let standing = Arc::new(standing?);
            let service = or_stand_in(&service)?;
            glance(&cx, &uid, service.spec.min_replicas, &standing);
            let finding = Finding { service, standing };
            Some(Passed { uid, finding, news: std::mem::take(&mut memory.news) })
        });
    }

    fn note(&mut self, ended: Option<Passed>) {
        let Some(Passed { uid, finding, news }) = ended else { return };
        if self.cx.leadership.may_write(Instant::now()) {
            for event in news {
                self.report.event(&finding.service, event, self.cx.clock.now());
            }
        }
        self.findings.insert(uid, finding);
    }

    fn tell(&mut self, now: Instant) {
        let leads = self.cx.leadership.may_write(now);
        let metrics = &self.cx.metrics;
        metrics.leader.set(&[], f64::from(u8::from(leads)));
        metrics.quarantined.set(&[], self.cx.memories.quarantined(now) as f64);
        for (resource, age) in self.cx.cluster.watch_ages(now) {
            metrics.watch_age.set(&[&resource], age.as_secs_f64());
        }
        let findings: Vec<_> = self.findings.values().cloned().collect();
        let role = if leads { Role::Leader } else { Role::Standby };
        for uid in self.report.tell(&findings, role, self.cx.clock.now()) {
            // Left alone for a minute, by the passes and by the report, and then told anew.
            self.cx.memories.quarantine(&uid, now);
            self.findings.remove(&uid);
        }
    }

    fn forget_the_gone(&mut self, snapshot: &Snapshot) {
        let uids: BTreeSet<_> = snapshot.services.iter().filter_map(|service| service.uid()).collect();
        let exists = |uid: &str| uids.contains(uid);
        self.cx.memories.keep(exists);
        self.cx.fleet.lock().unwrap_or_else(PoisonError::into_inner).keep(exists);
        self.findings.retain(|uid, _| exists(uid));
    }
}

/// Adds what was seen to the picture of the whole fleet.
fn glance(cx: &Context, uid: &str, min_replicas: u32, standing: &Standing) {
    let Standing::Decided(decided) = standing else { return };
    let answers = |pod: &&headroom_core::Pod| pod.state == PodState::Ready && pod.answer != Answer::Silent;
    let numbers = &decided.decision.numbers;
    let per_pod = numbers.capacity_per_pod.get();
    let glance = Glance {
        // Unknown counts as nothing: it is no peak that a later look could fall from.
        demand_pods: if per_pod > 0.0 { numbers.demand.get() / per_pod } else { 0.0 },
        needed: numbers.needed_replicas.0.max(min_replicas),
        answering: decided.observation.pods.iter().filter(answers).count() as u32,
        replicas: decided.target.replicas,
    };
    cx.fleet.lock().unwrap_or_else(PoisonError::into_inner).note(uid, glance, Instant::now());
}
