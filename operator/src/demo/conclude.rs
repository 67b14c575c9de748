//! The end of a run: judge, write the reports, say the verdict.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use askama::Template;
use headroom_load::report::{self as load, Summary};

use super::page::Run;
use super::played::Played;
use super::recording::Recording;
use super::report::Report;
use super::steps::not_judged;
use super::verdict::{Evidence, Judgement, Server, Verdict, judge};
use crate::validate::Service;

/// Exit code of a missed verdict.
const MISSED: u8 = 3;

/// A load that was played to its end.
#[derive(Debug)]
pub struct Conclusion {
    /// The service.
    pub service: Service,
    /// What was played.
    pub played: Played,
    /// What happened.
    pub recording: Recording,
    /// What the generator makes of it.
    pub load: Summary,
    /// What one server can do.
    pub server: Server,
    /// Where the report goes.
    pub out: PathBuf,
}

/// Judges, writes the reports, and says the verdict.
pub fn conclude(end: &Conclusion) -> anyhow::Result<ExitCode> {
    let Conclusion { service, played, recording, load, server, out } = end;
    ensure!(!load.interrupted, "the load generator was interrupted");
    let bounds = (service.policy.min_replicas().0, service.policy.max_replicas().map(|max| max.0));
    let not_judged = not_judged(&played.planned);
    let judged = judge(&Evidence {
        seconds: &recording.seconds,
        not_judged: &not_judged,
        generator_kept_up: load.verdict != load::Verdict::Invalid,
        pod_seconds: recording.pod_seconds(),
        scale_ins: recording.scale_ins(),
        min_replicas: bounds.0,
        max_replicas: bounds.1,
        server: *server,
    });
    let report = Report::new(recording, &judged, load, bounds);
    let run = Run {
        service: &service.name,
        played,
        not_judged: &not_judged,
        recording,
        load,
        server: *server,
        judged: &judged,
    };
    write(&out.join("report.json"), &serde_json::to_string_pretty(&report)?)?;
    write(&out.join("report.html"), &run.page().render()?)?;
    say(end, &judged)?;
    Ok(match judged.verdict {
        Verdict::Held => ExitCode::SUCCESS,
        Verdict::Missed => ExitCode::from(MISSED),
    })
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
}

fn say(end: &Conclusion, judged: &Judgement) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let verdict = match judged.verdict {
        Verdict::Held => "held",
        Verdict::Missed => "missed",
    };
    let ins = end.recording.scale_ins();
    writeln!(
        out,
        "{verdict}: {:.2} % good, {} of {} judged seconds bad, {:.2} times the pod-hours of the optimum, {} times out, \
         {ins} times in",
        100.0 * end.load.goodput,
        judged.judged_bad,
        judged.judged,
        judged.efficiency,
        end.recording.changes.len() - ins,
    )?;
    for sentence in &judged.why {
        writeln!(out, "  {sentence}")?;
    }
    writeln!(out, "Report: {}", end.out.join("report.html").display())
}
