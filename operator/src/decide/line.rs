//! One line of observations: read strictly, and turned into what the core sees.

use std::mem::take;

use headroom_core::units::{MilliCpu, Replicas};
use headroom_core::{
    Answer, Inventory, Observation, Pod, PodState, Policy, Resizer, Sample, Shrinking, Trouble,
};
use headroom_workload::stats::{STATS_VERSION, Stats};
use jiff::Timestamp;
use serde::Deserialize;

use crate::observe::sample_of;

/// Most pods of one service.
const MOST_PODS: usize = 100_000;

/// An observation and its moment.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) now: Timestamp,
    pub(super) observation: Observation,
}

/// What is wrong with a line: which field, and what it may be.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("{field}: {message}")]
    Field { field: String, message: String },
    #[error("now: {now} is before {last}, the time of the line before; time must not go backwards")]
    Backwards { now: Timestamp, last: Timestamp },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    now: Timestamp,
    replicas: u32,
    pods: Vec<PodLine>,
    #[serde(default)]
    inventory: Inventory,
    #[serde(default)]
    shrinking: Shrinking,
    #[serde(default)]
    resized_by: Resizer,
    #[serde(default)]
    blocked: Option<String>,
    #[serde(default)]
    latency: [Option<f64>; Policy::MAX_OBJECTIVES],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodLine {
    name: String,
    state: PodState,
    #[serde(default)]
    created_at: Option<Timestamp>,
    #[serde(default)]
    ready_at: Option<Timestamp>,
    #[serde(default)]
    revision: String,
    #[serde(default)]
    node_class: String,
    #[serde(default)]
    cpu_millis: u32,
    #[serde(default)]
    workers: u32,
    #[serde(default)]
    stats: Option<Stats>,
    #[serde(default)]
    sample: Option<Sample>,
    #[serde(default)]
    trouble: Option<Trouble>,
    #[serde(default = "asked")]
    asked: bool,
}

fn asked() -> bool {
    true
}

/// Reads one line. `last` is the time of the line before.
pub(super) fn parse(text: &[u8], policy: &Policy, last: Option<Timestamp>) -> Result<Seen, LineError> {
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(field("the observation", "is no JSON object".to_owned()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let mut line: Line = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { "the observation".to_owned() } else { field };
        let message = error.into_inner().to_string();
        // The parser counts lines within the line; the number in front is the one to look for.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(said, _)| said).to_owned();
        LineError::Field { field, message }
    })?;
    deserializer.end().map_err(|error| field("line", error.to_string()))?;
    if let Some(last) = last.filter(|last| line.now.as_millisecond() < last.as_millisecond()) {
        return Err(LineError::Backwards { now: line.now, last });
    }
    check(&line)?;
    let pods = take(&mut line.pods).into_iter().map(|pod| pod.seen(policy)).collect();
    let Line { now, replicas, pods: _, inventory, shrinking, resized_by, blocked, latency } = line;
    let replicas = Replicas(replicas);
    let observation = Observation { replicas, pods, inventory, shrinking, resized_by, blocked, latency };
    Ok(Seen { now, observation })
}

fn check(line: &Line) -> Result<(), LineError> {
    if line.pods.len() > MOST_PODS {
        return Err(field("pods", format!("{} pods; at most {MOST_PODS} are allowed", line.pods.len())));
    }
    let mut names: Vec<_> = line.pods.iter().map(|pod| pod.name.as_str()).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(field("pods", format!("the name {twice:?} stands twice; names are unique")));
    }
    for (index, pod) in line.pods.iter().enumerate() {
        if pod.name.is_empty() {
            return Err(field(format!("pods[{index}].name"), "must not be empty".to_owned()));
        }
        let version = pod.stats.as_ref().map_or(STATS_VERSION, |stats| stats.stats_version);
        if version != STATS_VERSION {
            let message =
                format!("version {version} is not known; this headroom reads version {STATS_VERSION}");
            return Err(field(format!("pods[{index}].stats.statsVersion"), message));
        }
        if pod.stats.is_some() && pod.sample.is_some() {
            return Err(field(
                format!("pods[{index}].sample"),
                "stands beside stats: give one of them".to_owned(),
            ));
        }
        if pod.sample.as_ref().is_some_and(|sample| !sample.is_plausible()) {
            let message = "holds a counter that is negative or larger than a server could count".to_owned();
            return Err(field(format!("pods[{index}].sample"), message));
        }
    }
    Ok(())
}

fn field(field: impl Into<String>, message: String) -> LineError {
    LineError::Field { field: field.into(), message }
}

impl PodLine {
    fn answer(&self, policy: &Policy) -> Answer {
        match (&self.stats, self.sample) {
            (Some(stats), _) => Answer::Told(sample_of(stats, policy)),
            (None, Some(sample)) => Answer::Told(sample),
            (None, None) if self.asked => Answer::Silent,
            (None, None) => Answer::NotAsked,
        }
    }

    fn seen(self, policy: &Policy) -> Pod {
        let workers = self.stats.as_ref().map_or(0, |stats| stats.workers);
        Pod {
            answer: self.answer(policy),
            name: self.name,
            state: self.state,
            created_at: self.created_at,
            ready_at: self.ready_at,
            revision: self.revision,
            node_class: self.node_class,
            cpu: MilliCpu(self.cpu_millis),
            workers: if self.workers > 0 { self.workers } else { workers },
            trouble: self.trouble,
        }
    }
}
