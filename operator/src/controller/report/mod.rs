//! What the controller tells: the status of each service, events on change, metrics, and what it knows for debugging.
//!
//! The loop calls [`Report::tell`] once a tick with what every pass found out. Everything but [`tell`] is pure.

pub mod board;
pub mod conditions;
pub mod dedupe;
pub mod display;
pub mod events;
pub mod figures;
pub mod metrics;
pub mod quiet;
pub mod status;
pub mod steady;
pub mod tell;
pub mod text;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use headroom_api::{ScaledService, ScaledServiceStatus};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::controller::Standing;
use board::Board;
use conditions::View;
use dedupe::{Dedupe, Key};
use events::{NewEvent, Picture, events_of};
use figures::Settling;
use metrics::{Metrics, Shown};
use quiet::{Change, Quiet, change_of};
use tell::{Ended, Teller};

/// Whether this replica of the controller may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It holds the lease.
    Leader,
    /// Another one does, or nobody.
    Standby,
}

/// What one pass found out about one service.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The object, as last seen.
    pub service: Arc<ScaledService>,
    /// What the pass found out.
    pub standing: Arc<Standing>,
}

/// Tells what passes found out, tick by tick.
pub struct Report {
    services: HashMap<String, Told>,
    quiet: Quiet,
    dedupe: Dedupe,
    teller: Teller,
    ended: mpsc::UnboundedReceiver<Ended>,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
}

/// What was told of one service.
#[derive(Debug, Default)]
struct Told {
    namespace: String,
    name: String,
    settling: Settling,
    shown: Shown,
    /// The last picture, and what of it the API server has.
    picture: Option<Picture>,
    written: Option<ScaledServiceStatus>,
}

impl Report {
    /// Writes with `teller`, hears from `ended` what became of it. At most `writes_per_second` statuses are written.
    pub fn new(
        (teller, ended): (Teller, mpsc::UnboundedReceiver<Ended>),
        metrics: Arc<Metrics>,
        board: Arc<Board>,
        writes_per_second: u32,
    ) -> Self {
        Self {
            services: HashMap::new(),
            quiet: Quiet::new(writes_per_second),
            dedupe: Dedupe::default(),
            teller,
            ended,
            metrics,
            board,
        }
    }

    /// Tells what was found out in this tick, about every service there is: the others are forgotten. Returns the UIDs of
    /// services about which telling made us panic.
    pub fn tell(&mut self, findings: &[Finding], role: Role, now: Timestamp) -> Vec<String> {
        self.hear();
        self.forget_others(findings);
        let mut wishes = Vec::new();
        let mut statuses = HashMap::new();
        let mut broken = Vec::new();
        for finding in findings {
            let Some(uid) = finding.service.metadata.uid.clone() else { continue };
            // This is the loop's own task: a panic over one object would end the controller for all.
            match guarded(|| self.tell_one(&uid, finding, role, now)) {
                None => broken.push(uid),
                Some(_) if role == Role::Standby => {}
                Some((change, status)) => {
                    wishes.push((uid.clone(), change));
                    statuses.insert(uid, (&finding.service, status));
                }
            }
        }
        for uid in self.quiet.choose(wishes, now) {
            if let Some((service, status)) = statuses.remove(&uid) {
                self.teller.status(service, status);
            }
        }
        broken
    }

    /// Shows one service and tells its events; what remains is its status.
    fn tell_one(
        &mut self,
        uid: &str,
        finding: &Finding,
        role: Role,
        now: Timestamp,
    ) -> (Change, ScaledServiceStatus) {
        let Finding { service, standing } = finding;
        self.board.show(service, Arc::clone(standing), now);
        let (change, status, events) = self.look(uid, service, standing, role, now);
        if role == Role::Leader {
            for event in events {
                self.event(service, event, now);
            }
        }
        (change, status)
    }

    /// Tells an event, unless it was told just now.
    pub fn event(&mut self, service: &ScaledService, event: NewEvent, now: Timestamp) {
        let uid = service.metadata.uid.clone().unwrap_or_default();
        let key = Key { uid, reason: event.reason.name(), values: event.values.clone() };
        if self.dedupe.admits(key, event.window(), now) {
            self.teller.event(service, event);
        }
    }

    /// The picture of one service now, and what changed.
    fn look(
        &mut self,
        uid: &str,
        service: &ScaledService,
        standing: &Standing,
        role: Role,
        now: Timestamp,
    ) -> (Change, ScaledServiceStatus, Vec<NewEvent>) {
        let told = self.services.entry(uid.to_owned()).or_default();
        let meta = &service.metadata;
        told.namespace = meta.namespace.clone().unwrap_or_default();
        told.name = meta.name.clone().unwrap_or_default();
        let stored = || service.status.clone().unwrap_or_default();
        let before = match (role, told.picture.take()) {
            (Role::Leader, Some(picture)) => picture,
            // What the leader told is what was told; this replica's own view may have missed what came between.
            (Role::Standby | Role::Leader, _) => {
                told.written.clone_from(&service.status);
                Picture { status: stored(), figures: None }
            }
        };
        let figures = match standing {
            Standing::Decided(decided) => {
                let decision = &decided.decision;
                let target = decision.target_replicas;
                Some(told.settling.look(&decision.numbers, target, &decided.observation, now))
            }
            _ => None,
        };
        let view = View { service, standing, figures: figures.as_ref(), old: &before.status, now };
        let after = Picture { status: status::status_of(&view), figures };
        told.shown.show(&self.metrics, service, standing, &after, now);
        let events = events_of(&before, &after, standing);
        let change = change_of(told.written.as_ref(), &after.status);
        let status = after.status.clone();
        told.picture = (role == Role::Leader).then_some(after);
        (change, status, events)
    }

    /// What became of the writes of earlier ticks.
    fn hear(&mut self) {
        while let Ok(Ended { uid, written }) = self.ended.try_recv() {
            match written {
                Some(status) => {
                    self.quiet.done(&uid);
                    if let Some(told) = self.services.get_mut(&uid) {
                        told.written = Some(*status);
                    }
                }
                None => self.quiet.failed(&uid),
            }
        }
    }

    fn forget_others(&mut self, findings: &[Finding]) {
        let here: HashSet<_> =
            findings.iter().filter_map(|finding| finding.service.metadata.uid.as_deref()).collect();
        let gone = self.services.extract_if(|uid, _| !here.contains(uid.as_str()));
        for (uid, told) in gone.collect::<Vec<_>>() {
            self.quiet.forget(&uid);
            self.dedupe.forget(&uid);
            self.board.forget(&uid);
            // One of the same name may have taken its place already; its series come back with this tick.
            self.metrics.forget(&told.namespace, &told.name);
        }
    }
}

/// What `f` returns; `None` when it panicked.
fn guarded<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

#[cfg(test)]
pub(in crate::controller) mod fixtures;
#[cfg(test)]
mod tests;
