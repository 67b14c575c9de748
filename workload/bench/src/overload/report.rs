//! The reports of a run: JSON for programs, a page with plots, a table for the docs.

use std::fs;
use std::path::Path;

use askama::Template as _;
use serde::Serialize;

use super::cycle::{BIN, Findings};
use super::rejection::RejectionCost;
use super::run::{Capacity, Measured, Results, Steps};
use super::subject::{Handler, Mode};
use crate::machine::Machine;
use crate::plot::{Figure, Lines, Page, Scale, Section, Series, Table};

/// `target/bench/overload.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    machine: &'a Machine,
    rows: Vec<Row>,
    capacities: Vec<HandlerCapacity>,
    rejection: RejectionCost,
    admin: Admin,
    #[serde(skip)]
    results: &'a Results,
}

/// One server with one handler at one factor of the capacity.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    server: &'static str,
    handler: &'static str,
    factor: f64,
    /// Of our server, requests per second.
    capacity: f64,
    /// Good answers per second, 500 ms after the step until its end, over the capacity. Of a flood: good answers of the
    /// other clients over what they asked for.
    goodput_of_capacity_percent: f64,
    goodput_of_hard_capacity_percent: f64,
    p99_admitted_over_objective: f64,
    settle_millis: Option<u64>,
    recover_millis: Option<u64>,
    /// Over the whole overload.
    goodput_from_the_step_percent: f64,
    steps: u32,
    generator_behind_p99_seconds: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HandlerCapacity {
    handler: &'static str,
    objective_seconds: f64,
    held_of_hard_percent: f64,
    #[serde(flatten)]
    capacity: Capacity,
    /// Learned with admission over learned without.
    learned_ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Admin {
    /// 99th percentile of `GET /stats` at 5 C.
    p99_seconds: f64,
    asked: usize,
}

impl<'a> Report<'a> {
    /// Of these results.
    pub fn new(results: &'a Results) -> Self {
        let stepped = results
            .handlers
            .iter()
            .flat_map(|measured| measured.steps.iter().map(|steps| Row::of_steps(measured, steps)));
        Self {
            machine: &results.machine,
            rows: stepped.chain(flood_rows(results)).collect(),
            capacities: results.handlers.iter().map(HandlerCapacity::new).collect(),
            rejection: results.rejection,
            admin: Admin { p99_seconds: results.admin_p99_seconds(), asked: results.admin_seconds.len() },
            results,
        }
    }

    /// Writes `overload.json`, `overload.html` and `overload.md`.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("overload.json"), serde_json::to_string_pretty(self)? + "\n")?;
        fs::write(folder.join("overload.html"), self.page().render()?)?;
        fs::write(folder.join("overload.md"), self.markdown())?;
        Ok(())
    }

    /// The tables for the docs.
    pub fn markdown(&self) -> String {
        let other = self.others().iter().map(Table::markdown).collect::<Vec<_>>().join("\n");
        format!("{}\n\n{}\n{other}", self.machine.line(), self.steps_table().markdown())
    }

    fn steps_table(&self) -> Table {
        let head = [
            "server, handler",
            "load",
            "goodput of C",
            "of hard capacity",
            "p99 admitted / objective",
            "settled",
            "recovered",
        ];
        let rows = self.rows.iter().map(|row| {
            vec![
                format!("{}, {}", row.server, row.handler),
                format!("{} C", row.factor),
                percent(row.goodput_of_capacity_percent),
                percent(row.goodput_of_hard_capacity_percent),
                format!("{:.2}", row.p99_admitted_over_objective),
                millis(row.settle_millis),
                millis(row.recover_millis),
            ]
        });
        Table { head: head.map(str::to_owned).to_vec(), rows: rows.collect() }
    }

    fn others(&self) -> [Table; 2] {
        let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}/s"));
        let of_handler = |one: &HandlerCapacity| {
            vec![
                one.handler.to_owned(),
                format!("{:.0} ms", 1e3 * one.objective_seconds),
                rate(Some(one.capacity.hard)),
                rate(Some(one.capacity.held)),
                percent(one.held_of_hard_percent),
                rate(one.capacity.learned_with_admission),
                rate(one.capacity.learned_without),
            ]
        };
        let head = [
            "handler",
            "objective",
            "hard capacity",
            "C (held)",
            "C of hard",
            "learned with admission",
            "without",
        ];
        let capacities = Table {
            head: head.map(str::to_owned).to_vec(),
            rows: self.capacities.iter().map(of_handler).collect(),
        };
        let behind = self.rows.iter().map(|row| row.generator_behind_p99_seconds).fold(0.0, f64::max);
        let figure = |name: &str, value: String| vec![name.to_owned(), value];
        let rows = vec![
            figure("a small GET, CPU", format!("{:.2} us", self.rejection.served_cpu_micros)),
            figure("a rejection, CPU", format!("{:.2} us", self.rejection.rejected_cpu_micros)),
            figure("rejection / small GET", format!("{:.2}", self.rejection.ratio)),
            figure("p99 of GET /stats at 5 C", format!("{:.1} ms", 1e3 * self.admin.p99_seconds)),
            figure("generator behind its schedule, worst p99", format!("{:.2} ms", 1e3 * behind)),
        ];
        [capacities, Table { head: vec!["figure".to_owned(), "value".to_owned()], rows }]
    }

    fn page(&self) -> Page {
        let table = |title: &str, text: &str, table| Section {
            title: title.to_owned(),
            text: text.to_owned(),
            figure: Figure::Table(table),
        };
        let [capacities, figures] = self.others();
        let mut sections =
            vec![table("Steps", "From 0.5 C to the load named, and back.", self.steps_table())];
        sections.extend(self.results.handlers.iter().flat_map(|measured| {
            let factors = super::run::FACTORS.into_iter();
            factors
                .map(|factor| around_the_step(measured, factor))
                .chain([by_factor(measured), latency(measured)])
        }));
        sections.push(table("Capacity", "Requests per second of one worker.", capacities));
        sections.push(table("Cost", "CPU time of the server's process.", figures));
        Page {
            title: "What overload does to the server".to_owned(),
            subtitle: self.machine.line(),
            sections,
            notes: NOTES.map(str::to_owned).to_vec(),
        }
    }
}

const NOTES: [&str; 6] = [
    "C is the largest rate that our server held with less than 1 % of the requests bad: late, rejected, failed.",
    "Good: answered successfully within the objective, from the intended send time to the last byte.",
    "Goodput: good answers by the time they came, from 500 ms after the step to its end.",
    "Settled: the first 100 ms from which the goodput stays at 95 % of C or more. Recovered: the first 100 ms after the \
     overload from which 99 % of the requests or more turn out well. Steps are laid over one another.",
    "Admitted: not rejected. What was never answered counts with the clients' patience, 1 s.",
    "Flood: one client sends 10 C, eight others 0.5 C together; the goodput is that of the others, in percent of what \
     they asked for.",
];

impl Row {
    fn of_steps(measured: &Measured, steps: &Steps) -> Self {
        let Capacity { hard, held, .. } = measured.capacity;
        let found: Findings = steps.pool.findings(held);
        let millis = |time: std::time::Duration| time.as_millis() as u64;
        Self {
            server: steps.mode.name(),
            handler: measured.handler.name(),
            factor: steps.factor,
            capacity: held,
            goodput_of_capacity_percent: 100.0 * found.goodput / held,
            goodput_of_hard_capacity_percent: 100.0 * found.goodput / hard,
            p99_admitted_over_objective: found.p99_admitted_seconds
                / measured.handler.objective().as_secs_f64(),
            settle_millis: found.settle.map(millis),
            recover_millis: found.recover.map(millis),
            goodput_from_the_step_percent: 100.0 * found.goodput_from_the_step / held,
            steps: steps.pool.cycles,
            generator_behind_p99_seconds: steps.behind_seconds,
        }
    }
}

fn flood_rows(results: &Results) -> impl Iterator<Item = Row> {
    let cpu = results.handlers.iter().find(|measured| measured.handler == Handler::Cpu);
    cpu.into_iter().flat_map(|cpu| {
        results.floods.iter().map(|(mode, flood)| Row {
            server: mode.name(),
            handler: "flood",
            factor: super::flood::FACTOR,
            capacity: cpu.capacity.held,
            goodput_of_capacity_percent: flood.others_goodput_percent,
            goodput_of_hard_capacity_percent: flood.others_goodput_percent * cpu.capacity.held
                / cpu.capacity.hard,
            p99_admitted_over_objective: flood.others_p99_seconds / cpu.handler.objective().as_secs_f64(),
            settle_millis: None,
            recover_millis: None,
            goodput_from_the_step_percent: flood.others_goodput_percent,
            steps: 1,
            generator_behind_p99_seconds: flood.behind_seconds,
        })
    })
}

impl HandlerCapacity {
    fn new(measured: &Measured) -> Self {
        let capacity = measured.capacity.clone();
        let both = capacity.learned_with_admission.zip(capacity.learned_without);
        Self {
            handler: measured.handler.name(),
            objective_seconds: measured.handler.objective().as_secs_f64(),
            held_of_hard_percent: 100.0 * capacity.held / capacity.hard,
            learned_ratio: both.map(|(with, without)| with / without),
            capacity,
        }
    }
}

/// Goodput over time since the step.
fn around_the_step(measured: &Measured, factor: f64) -> Section {
    let of_factor = measured.steps.iter().filter(|steps| steps.factor == factor);
    let held = measured.capacity.held;
    let series = of_factor.map(|steps| {
        let at = |(number, bin): (usize, &super::cycle::Bin)| {
            ((number as f64 + 0.5) * BIN, 100.0 * steps.pool.rate(bin.good_answers) / held)
        };
        Series {
            label: steps.mode.name().to_owned(),
            points: steps.pool.bins.iter().enumerate().map(at).collect(),
        }
    });
    Section {
        title: format!("{}: goodput after a step to {factor} C", measured.handler.name()),
        text: "Percent of C, by the time since the step; the overload ends at 0.7 s.".to_owned(),
        figure: Figure::Lines(Lines {
            x: Scale::Linear { max: 3.0 },
            y: Scale::Linear { max: 125.0 },
            x_unit: " s",
            y_unit: " %",
            series: series.collect(),
        }),
    }
}

/// Goodput over the factor.
fn by_factor(measured: &Measured) -> Section {
    let held = measured.capacity.held;
    over_factors(measured, "goodput over load", "Percent of C, over the load in C.", 125.0, " %", |steps| {
        100.0 * steps.pool.findings(held).goodput / held
    })
}

/// The tail of what was admitted over the factor.
fn latency(measured: &Measured) -> Section {
    let objective = measured.handler.objective().as_secs_f64();
    over_factors(
        measured,
        "p99 of the admitted over load",
        "Over the objective, by the load in C.",
        4.0,
        "",
        |steps| steps.pool.findings(1.0).p99_admitted_seconds / objective,
    )
}

fn over_factors(
    measured: &Measured,
    title: &str,
    text: &str,
    max: f64,
    y_unit: &'static str,
    value: impl Fn(&Steps) -> f64,
) -> Section {
    let series = Mode::ALL.into_iter().filter_map(|mode| {
        let of_mode = measured.steps.iter().filter(|steps| steps.mode == mode);
        let points: Vec<_> = of_mode.map(|steps| (steps.factor, value(steps))).collect();
        (!points.is_empty()).then(|| Series { label: mode.name().to_owned(), points })
    });
    Section {
        title: format!("{}: {title}", measured.handler.name()),
        text: text.to_owned(),
        figure: Figure::Lines(Lines {
            x: Scale::Linear { max: 5.0 },
            y: Scale::Linear { max },
            x_unit: " C",
            y_unit,
            series: series.collect(),
        }),
    }
}

fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

fn millis(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value} ms"))
}
