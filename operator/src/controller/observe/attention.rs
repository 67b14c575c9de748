//! What is remembered of a service's pods between two looks: whom to ask next, and what they last said.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use headroom_core::{Answer, Ask, PodState, Policy, Trouble};
use headroom_workload::stats::Stats;
use jiff::Timestamp;

use super::SeenPod;
use super::collect::Reply;
use super::latency::{Counted, Latencies, MOST_PODS};
use super::rota::{Round, Turn, round};
use super::selector::SelectorError;
use crate::observe::sample_of;

/// What is remembered of a service's pods between two looks. It holds the pods of the last look only.
#[derive(Debug, Default)]
pub struct Attention {
    /// Whom the last decision wants asked.
    pub ask: Ask,
    /// What the cluster said at the last look about the first pod with each trouble.
    pub troubles: BTreeMap<Trouble, String>,
    /// In the order of the pods.
    pods: Vec<Noted>,
    pub(super) latencies: Latencies,
    complaint: Option<SelectorError>,
}

/// A server that told at the last look what it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its pod, as [`SeenPod::id`].
    pub pod: String,
    /// Its admin port.
    pub admin: SocketAddr,
    /// Workers it runs.
    pub workers: u32,
    /// Client connections it has, if it counts them.
    pub connections: Option<u32>,
}

/// One pod.
#[derive(Debug, Default)]
struct Noted {
    id: Box<str>,
    asked: Option<Timestamp>,
    misses: u8,
    workers: u32,
    connections: Option<u32>,
    told: Option<Timestamp>,
    boot: Option<u64>,
    latency: Option<Counted>,
    server: Option<SocketAddr>,
}

impl Attention {
    /// The servers that told at the last look, but for those of pods that are going.
    pub fn servers(&self) -> impl Iterator<Item = Server> + '_ {
        self.pods.iter().filter_map(|noted| {
            let (pod, workers, connections) = (noted.id.clone().into(), noted.workers, noted.connections);
            noted.server.map(|admin| Server { pod, admin, workers, connections })
        })
    }

    /// Says once what is wrong with the target's selector.
    pub(super) fn complain(&mut self, error: SelectorError) {
        if self.complaint.as_ref() != Some(&error) {
            tracing::warn!(%error, "the pods of a target are not known");
            self.complaint = Some(error);
        }
    }

    /// Turns to these pods, in order of their ids; forgets others.
    pub(super) fn attend(&mut self, pods: &[Arc<SeenPod>]) {
        self.complaint = None;
        let same = |(noted, pod): (&Noted, &Arc<SeenPod>)| *noted.id == *pod.id();
        if self.pods.len() == pods.len() && self.pods.iter().zip(pods).all(same) {
            return;
        }
        let known = std::mem::take(&mut self.pods).into_iter();
        let mut known: HashMap<_, _> = known.map(|noted| (noted.id.clone(), noted)).collect();
        let of = |pod: &Arc<SeenPod>| {
            known.remove(pod.id()).unwrap_or_else(|| Noted { id: pod.id().into(), ..Noted::default() })
        };
        self.pods = pods.iter().map(of).collect();
    }

    /// Places of the pods to ask now, with their admin ports.
    pub(super) fn round(&self, pods: &[Arc<SeenPod>], now: Timestamp) -> [Vec<(usize, SocketAddr)>; 2] {
        let askable: Vec<_> =
            pods.iter().enumerate().filter_map(|(place, pod)| Some((place, pod.admin()?))).collect();
        let turn = |(place, _): &(usize, SocketAddr)| {
            let Noted { asked, misses, .. } = self.pods[*place];
            Turn { waited: asked.map(|at| now.duration_since(at).unsigned_abs()), misses }
        };
        let Round { present, absent } = round(self.ask, &askable.iter().map(turn).collect::<Vec<_>>());
        [present, absent].map(|lane| lane.into_iter().map(|index| askable[index]).collect())
    }

    /// Takes in the replies; returns the answer and the workers of each pod.
    pub(super) fn take(
        &mut self,
        pods: &[Arc<SeenPod>],
        replies: Vec<(usize, Reply)>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<(u32, Answer)> {
        self.latencies.begin(now);
        let mut answers: Vec<_> = pods.iter().map(|pod| unasked(pod)).collect();
        let mut histograms = self.pods.iter().filter(|noted| noted.latency.is_some()).count();
        for (place, reply) in replies {
            let noted = &mut self.pods[place];
            answers[place] = match reply {
                Reply::NotReached if noted.misses == 0 => Answer::NotAsked,
                Reply::NotReached => Answer::Silent,
                Reply::Silent => noted.missed(now),
                Reply::Told(stats) => {
                    let remembers = noted.latency.is_some() || histograms < MOST_PODS;
                    histograms += usize::from(remembers && noted.latency.is_none());
                    noted.told(*stats, policy, now, remembers.then_some(&mut self.latencies))
                }
            };
        }
        for place in self.impostors(pods) {
            answers[place] = self.pods[place].missed(now);
        }
        for (noted, pod) in self.pods.iter_mut().zip(pods) {
            let stays = matches!(pod.state(), PodState::Ready | PodState::NotReady | PodState::Starting);
            noted.server = pod.admin().filter(|_| stays && noted.told == Some(now));
        }
        self.pods.iter().zip(answers).map(|(noted, answer)| (noted.workers, answer)).collect()
    }

    /// Places of pods whose answers come from the server of another pod: two pods can't be the same process. An address
    /// that was given to a new pod, while the old one has not gone from the list yet, is the newer pod's.
    fn impostors(&self, pods: &[Arc<SeenPod>]) -> Vec<usize> {
        let mut newest: HashMap<u64, usize> = HashMap::with_capacity(pods.len());
        let mut impostors = Vec::new();
        for (place, noted) in self.pods.iter().enumerate() {
            let Some(boot) = noted.boot else { continue };
            let Some(other) = newest.insert(boot, place) else { continue };
            if pods[other].created_at() > pods[place].created_at() {
                newest.insert(boot, other);
                impostors.push(place);
            } else {
                impostors.push(other);
            }
        }
        impostors
    }
}

impl Noted {
    fn missed(&mut self, now: Timestamp) -> Answer {
        self.asked = Some(now);
        self.misses = self.misses.saturating_add(1);
        (self.told, self.boot) = (None, None);
        Answer::Silent
    }

    fn told(
        &mut self,
        stats: Stats,
        policy: &Policy,
        now: Timestamp,
        latencies: Option<&mut Latencies>,
    ) -> Answer {
        let sample = sample_of(&stats, policy);
        (self.asked, self.misses, self.workers) = (Some(now), 0, stats.workers);
        self.connections = stats.connections;
        (self.told, self.boot) = (Some(now), Some(sample.boot));
        if let Some(latencies) = latencies {
            let counted = Counted::new(sample.boot, stats.latency);
            if let Some(before) = &self.latency {
                latencies.add(before, &counted);
            }
            self.latency = Some(counted);
        }
        Answer::Told(sample)
    }
}

/// The answer of a pod before any reply: it was not its turn, or there is nobody to ask.
fn unasked(pod: &SeenPod) -> Answer {
    if pod.admin().is_some() { Answer::NotAsked } else { Answer::Silent }
}
