//! The order of the measurements: what is compared is measured in turn, so that a slow minute of the machine is
//! everybody's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Job;
use super::admin::Watcher;
use super::capacity::{Held, hold, largest_held, learned, next_rate, saturated};
use super::cycle::{Pool, quantile};
use super::flood::{self, Flood};
use super::load::Load;
use super::plan::{COMPARED_CYCLE, CYCLE};
use super::process::{Process, pin_to_load_cpu};
use super::rejection::{self, RejectionCost};
use super::subject::{Handler, Mode};
use crate::machine::Machine;

/// The steps go up to these factors of the capacity.
pub const FACTORS: [f64; 2] = [2.0, 5.0];
/// Before and after a step.
const CALM: f64 = 0.5;
/// Seconds of calm before the first step of a round.
const LEAD: f64 = 1.0;

/// Everything that was found.
#[derive(Debug)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// By handler.
    pub handlers: Vec<Measured>,
    /// What a rejection costs.
    pub rejection: RejectionCost,
    /// How long `/stats` took at 5 C, each time, in seconds.
    pub admin_seconds: Vec<f64>,
    /// One client's flood.
    pub floods: Vec<(Mode, Flood)>,
}

/// One handler.
#[derive(Debug)]
pub struct Measured {
    /// Which.
    pub handler: Handler,
    /// What our server can do.
    pub capacity: Capacity,
    /// The steps of each server, by factor.
    pub steps: Vec<Steps>,
}

/// What our server can do with one handler, per second.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Answers when it has more to do than it can, without admission.
    pub hard: f64,
    /// The largest rate held.
    pub held: f64,
    /// Rates tried for that.
    pub tried: Vec<Held>,
    /// What `/stats` at rising rates says with admission.
    pub learned_with_admission: Option<f64>,
    /// What it says without.
    pub learned_without: Option<f64>,
}

/// All steps of one server to one factor.
#[derive(Debug)]
pub struct Steps {
    /// Which server.
    pub mode: Mode,
    /// From half the capacity to so many times it.
    pub factor: f64,
    /// What happened.
    pub pool: Pool,
    /// 99th percentile of how far the generator was behind its schedule, in the worst round.
    pub behind_seconds: f64,
}

/// Measures everything.
pub fn measure(job: &Job) -> anyhow::Result<Results> {
    // Before this thread has but one of the CPUs.
    let machine = Machine::here();
    pin_to_load_cpu()?;
    let mut admin_seconds = Vec::new();
    let mut handlers = Vec::new();
    for &handler in &job.handlers {
        let servers = start(job, handler)?;
        let capacity = find_capacity(job, handler, &servers)?;
        let steps = play_steps(job, handler, &servers, capacity.held, &mut admin_seconds)?;
        handlers.push(Measured { handler, capacity, steps });
    }
    let floods = match handlers.iter().find(|measured| measured.handler == Handler::Cpu) {
        Some(cpu) => flood_all(job, cpu.capacity.held)?,
        None => Vec::new(),
    };
    job.say("cost of a rejection");
    let rejection = rejection::measure(&job.program, job.plan.rejections)?;
    Ok(Results { machine, handlers, rejection, admin_seconds, floods })
}

type Servers = BTreeMap<Mode, Process>;

/// One server of each mode; without admission always, as the hard capacity is measured on it.
fn start(job: &Job, handler: Handler) -> anyhow::Result<Servers> {
    let mut modes = job.modes.clone();
    if !modes.contains(&Mode::Off) {
        modes.push(Mode::Off);
    }
    modes
        .into_iter()
        .map(|mode| Ok((mode, Process::start(&job.program, job.flags(mode, handler))?)))
        .collect()
}

fn find_capacity(job: &Job, handler: Handler, servers: &Servers) -> anyhow::Result<Capacity> {
    let (ours, without) = (&servers[&Mode::Adaptive], &servers[&Mode::Off]);
    let hard = saturated(without, handler, job.plan.saturated, 1)?;
    job.say(&format!("{}: hard capacity {hard:.0}/s", handler.name()));
    let queue = handler.queue();
    let share =
        queue.capacity(handler.objective().as_secs_f64(), super::capacity::MOST_BAD) / queue.hard_capacity();
    let mut rate = share * hard;
    let mut tried = Vec::new();
    // If none of the first is held: less and less, a few times.
    while tried.len() < job.plan.holds || (largest_held(&tried).is_none() && tried.len() < job.plan.holds + 4)
    {
        let (held, _) = hold(ours, handler, rate, job.plan.hold, 10 + tried.len() as u64)?;
        job.say(&format!("{}: {rate:.0}/s held with {:.2} % bad", handler.name(), held.bad_percent));
        tried.push(held);
        let lower = rate * if tried.len() < job.plan.holds { 1.0 } else { 0.97 };
        rate = next_rate(held, handler).clamp(0.7 * hard, hard).min(if held.bad_percent < 1.0 {
            hard
        } else {
            lower
        });
    }
    let held = largest_held(&tried).unwrap_or(0.7 * hard);
    let learned = learn(job, handler, [ours, without], hard)?;
    Ok(Capacity { hard, held, tried, learned_with_admission: learned[0], learned_without: learned[1] })
}

/// The capacity that the counters of both servers tell at rising rates.
fn learn(job: &Job, handler: Handler, servers: [&Process; 2], hard: f64) -> anyhow::Result<[Option<f64>; 2]> {
    let mut by_rate = [Vec::new(), Vec::new()];
    if job.plan.learn > 0.0 {
        job.say(&format!("{}: capacity learned with admission and without", handler.name()));
        for (seed, share) in (30..).zip([0.82, 0.87, 0.92, 0.97]) {
            for (server, points) in servers.iter().zip(&mut by_rate) {
                let (held, _) = hold(server, handler, share * hard, job.plan.learn, seed)?;
                points.push((held.rate, held.bad_percent_by_stats / 100.0));
            }
        }
    }
    Ok(by_rate.map(|points| learned(&points)))
}

fn play_steps(
    job: &Job,
    handler: Handler,
    servers: &Servers,
    capacity: f64,
    admin_seconds: &mut Vec<f64>,
) -> anyhow::Result<Vec<Steps>> {
    let mut all: Vec<Steps> = Vec::new();
    for factor in FACTORS {
        all.extend(job.modes.iter().map(|&mode| Steps::new(mode, factor, handler)));
    }
    for round in 0..job.plan.rounds {
        for steps in &mut all {
            let server = &servers[&steps.mode];
            let watched = steps.mode == Mode::Adaptive && steps.factor > 2.0;
            let watcher = watched.then(|| Watcher::start(server.admin()));
            steps.play(job, server, handler, capacity, u64::from(round) + 50)?;
            if let Some(watcher) = watcher {
                admin_seconds.extend(watcher.stop()?);
            }
            let found = steps.pool.findings(capacity);
            job.say(&format!(
                "{}: {} at {} C: goodput {:.0} % of C, p99 of the admitted {:.0} ms",
                handler.name(),
                steps.mode.name(),
                steps.factor,
                100.0 * found.goodput / capacity,
                1e3 * found.p99_admitted_seconds,
            ));
        }
    }
    Ok(all)
}

fn flood_all(job: &Job, capacity: f64) -> anyhow::Result<Vec<(Mode, Flood)>> {
    let mut floods = Vec::new();
    for &mode in &job.modes {
        let flags = job.flags(mode, Handler::Cpu);
        let flood = flood::measure(&job.program, mode, flags, capacity, job.plan.flood)?;
        job.say(&format!("flood: {}: others {:.1} % good", mode.name(), flood.others_goodput_percent));
        floods.push((mode, flood));
    }
    Ok(floods)
}

impl Steps {
    fn new(mode: Mode, factor: f64, handler: Handler) -> Self {
        let cycle = if mode == Mode::Adaptive { CYCLE } else { COMPARED_CYCLE };
        let pool = Pool::new(cycle, handler.objective().as_secs_f64(), 1.0);
        Self { mode, factor, pool, behind_seconds: 0.0 }
    }

    /// Plays a round of them.
    fn play(
        &mut self,
        job: &Job,
        server: &Process,
        handler: Handler,
        capacity: f64,
        seed: u64,
    ) -> anyhow::Result<()> {
        let cycle = self.pool.cycle;
        let cycles = if self.mode == Mode::Adaptive { job.plan.steps } else { job.plan.compared_steps };
        let mut steps = vec![(LEAD, CALM * capacity)];
        for _ in 0..cycles {
            steps.push((cycle.overload_seconds(), self.factor * capacity));
            steps.push((cycle.calm_seconds(), CALM * capacity));
        }
        let played = Load::new(server.listening(), handler.objective(), steps, seed).play()?;
        self.pool.add(&played.requests, LEAD, cycles);
        self.behind_seconds = self.behind_seconds.max(played.summary.schedule.p99_behind_seconds);
        Ok(())
    }
}

impl Results {
    /// 99th percentile of how long `/stats` took at 5 C, in seconds.
    pub fn admin_p99_seconds(&self) -> f64 {
        quantile(&self.admin_seconds, 0.99)
    }
}
