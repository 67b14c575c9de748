//! The pods of standalone mode: as many server processes as asked for, replaced when they end.

use std::cmp::Reverse;
use std::time::Duration;

use headroom_core::PodState;
use jiff::Timestamp;
use serde::Serialize;
use std::net::SocketAddr;
use tokio::sync::{mpsc, oneshot};

use super::backoff::Backoff;
use super::process::{Event, Surroundings, Teller, live};

/// Events that may wait; a process that has more to tell waits.
const MAX_EVENTS: usize = 256;
/// Ended pods remembered until they are taken.
const MAX_ENDED: usize = 1000;

/// A pod's life, for the account of pod-seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    /// Its name, never used again.
    pub name: String,
    /// When its process was started.
    pub created_at: Timestamp,
    /// When it first served.
    pub ready_at: Option<Timestamp>,
    /// When it was told to stop.
    pub stopped_at: Option<Timestamp>,
    /// When its process had ended.
    pub ended_at: Option<Timestamp>,
}

/// One pod.
#[derive(Debug)]
pub(super) struct Pod {
    /// Its life so far.
    pub life: Life,
    /// Where it is in its life.
    pub state: PodState,
    /// Its admin port, once known.
    pub admin: Option<SocketAddr>,
    /// Tells its process to stop when dropped; `None` once told.
    stop: Option<oneshot::Sender<()>>,
}

/// All pods of the service.
#[derive(Debug)]
pub(super) struct Fleet {
    service: String,
    around: Surroundings,
    target: u32,
    pods: Vec<Pod>,
    ended: Vec<Life>,
    started: u64,
    backoff: Backoff,
    heard: mpsc::Receiver<(String, Event)>,
    tell: mpsc::Sender<(String, Event)>,
}

impl Fleet {
    /// No pods yet.
    pub(super) fn new(service: &str, around: Surroundings) -> Self {
        let (tell, heard) = mpsc::channel(MAX_EVENTS);
        Self {
            service: service.to_owned(),
            around,
            target: 0,
            pods: Vec::new(),
            ended: Vec::new(),
            started: 0,
            backoff: Backoff::default(),
            heard,
            tell,
        }
    }

    /// Pods asked for.
    pub(super) fn target(&self) -> u32 {
        self.target
    }

    /// Every pod whose process has not ended.
    pub(super) fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// Pods that ended since this was last asked.
    pub(super) fn take_ended(&mut self) -> Vec<Life> {
        std::mem::take(&mut self.ended)
    }

    /// Asks for this many pods: starts or stops as many as it takes.
    pub(super) fn resize(&mut self, target: u32, now: Timestamp) {
        self.target = target;
        self.reconcile(now);
    }

    /// Brings the number of pods that are not stopping to the target. To be called now and then: pods whose
    /// replacement has to wait are started here.
    pub(super) fn reconcile(&mut self, now: Timestamp) {
        let staying = self.pods.iter().filter(|pod| pod.state != PodState::Terminating).count();
        let target = self.target as usize;
        if staying < target && self.backoff.is_over(now) {
            (staying..target).for_each(|_| self.start(now));
        }
        let mut leaving: Vec<_> =
            self.pods.iter_mut().filter(|pod| pod.state != PodState::Terminating).collect();
        leaving.sort_by_key(|pod| leaves_first(pod.state, pod.life.created_at));
        for pod in leaving.into_iter().take(staying.saturating_sub(target)) {
            pod.stop(now);
        }
    }

    /// The next thing that happens to a pod.
    pub(super) async fn next_event(&mut self) -> (String, Event) {
        match self.heard.recv().await {
            Some(event) => event,
            None => std::future::pending().await, // Never: we hold a sender ourselves.
        }
    }

    /// Takes note of what happened.
    pub(super) fn absorb(&mut self, (name, event): (String, Event), now: Timestamp) {
        let Some(index) = self.pods.iter().position(|pod| pod.life.name == name) else {
            return;
        };
        let pod = &mut self.pods[index];
        match event {
            Event::Listening(admin) => pod.admin = Some(admin),
            Event::Ready | Event::NotReady if pod.state == PodState::Terminating => {}
            Event::Ready => {
                pod.state = PodState::Ready;
                pod.life.ready_at.get_or_insert(now);
            }
            Event::NotReady => pod.state = PodState::NotReady,
            Event::Ended(how) => {
                let pod = self.pods.swap_remove(index);
                self.bury(pod, &how, now);
                self.reconcile(now);
            }
        }
    }

    /// Stops every pod and waits until all processes have ended.
    pub(super) async fn drain(&mut self, now: impl Fn() -> Timestamp) {
        self.resize(0, now());
        while !self.pods.is_empty() {
            let event = self.next_event().await;
            self.absorb(event, now());
        }
    }

    fn start(&mut self, now: Timestamp) {
        self.started += 1;
        let name = format!("{}-{}", self.service, self.started);
        let (stop, told) = oneshot::channel();
        let teller = Teller { name: name.clone(), events: self.tell.clone() };
        tokio::spawn(live(self.around.clone(), teller, told));
        self.pods.push(Pod {
            life: Life { name, created_at: now, ready_at: None, stopped_at: None, ended_at: None },
            state: PodState::Starting,
            admin: None,
            stop: Some(stop),
        });
    }

    fn bury(&mut self, mut pod: Pod, how: &str, now: Timestamp) {
        if pod.state != PodState::Terminating {
            let served = pod.life.ready_at.map_or(Duration::ZERO, |ready| {
                Duration::try_from(now.duration_since(ready)).unwrap_or_default()
            });
            self.backoff.ended(now, served);
            let in_a_row = self.backoff.in_a_row();
            tracing::warn!(
                pod = pod.life.name,
                how,
                in_a_row,
                "a server ended by itself; it will be replaced"
            );
        }
        pod.life.ended_at = Some(now);
        if self.ended.len() < MAX_ENDED {
            self.ended.push(pod.life);
        }
    }
}

impl Pod {
    fn stop(&mut self, now: Timestamp) {
        self.life.stopped_at = Some(now);
        self.state = PodState::Terminating;
        self.stop = None;
    }
}

/// Kubernetes' order: a pod that doesn't serve before one that does, then the newest first.
fn leaves_first(state: PodState, created_at: Timestamp) -> (bool, Reverse<Timestamp>) {
    (state == PodState::Ready, Reverse(created_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_serve_leaves_first_then_the_newest() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut pods = [
            (PodState::Ready, at(1)),
            (PodState::Ready, at(3)),
            (PodState::Starting, at(4)),
            (PodState::NotReady, at(2)),
        ];
        pods.sort_by_key(|&(state, created_at)| leaves_first(state, created_at));
        let order = pods.map(|(state, _)| state);
        assert_eq!(order, [PodState::Starting, PodState::NotReady, PodState::Ready, PodState::Ready]);
        assert_eq!(pods[2].1, at(3));
    }
}
