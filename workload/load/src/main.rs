//! `headroom-load`: runs a job and says with its exit code what became of it.

use clap::Parser;
use headroom_load::account::{Ledger, Run, summarise};
use headroom_load::cli::{Args, Job};
use headroom_load::engine::Engine;
use headroom_load::output::{ProgressLine, Reporter, Rows, Style, render};
use headroom_load::report::{Start, Summary, Verdict};
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::error::Error;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

const ERROR: u8 = 1;
const USAGE: u8 = 2;
const MISSED: u8 = 3;
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let job = match Job::prepare(Args::parse()) {
        Ok(job) => job,
        Err(error) => return fail(&error, USAGE),
    };
    match run(job) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(error.as_ref(), ERROR),
    }
}

fn fail(error: &dyn Error, code: u8) -> ExitCode {
    // Nobody is left to be told when stderr is gone.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::from(code)
}

fn run(job: Job) -> Result<u8, Box<dyn Error>> {
    if let Some(warning) = &job.warning {
        writeln!(io::stderr(), "warning: {warning}")?;
    }
    let interrupted = notice_interruption()?;
    let stdout_taken = [job.rows.as_ref().map(|(path, _)| path), job.json.as_ref()]
        .into_iter()
        .flatten()
        .any(|path| is_stdout(path));
    let rows = job.rows.map(|(path, format)| create(&path).map(|rows| (rows, format))).transpose()?;
    let json = job.json.as_deref().map(create).transpose()?;
    let ledger = Ledger::new(job.targets.len(), job.objectives, job.setup.timeout, job.warm_up)?;
    let progress = ProgressLine::new(style(job.progress), job.setup.end);
    let at_unix_seconds = (unix_time() + job.warm_up).as_secs_f64();
    let start = Start { at_unix_seconds, targets: job.targets.clone() };
    let reporter = Reporter::start(rows, start, progress)?;
    let engine = Engine::new(job.setup, job.arrivals, ledger)?;
    let cpu_before = cpu_time();
    let done = engine.run(&interrupted, reporter.notes())?;
    let run = Run {
        started_at_unix_seconds: at_unix_seconds,
        targets: job.targets,
        connections_opened: done.connections_opened,
        requests_sent: done.requests_sent,
        cpu: cpu_time().saturating_sub(cpu_before),
        interrupted: done.interrupted,
        seed: job.seed,
    };
    let summary = summarise(done.ledger, run);
    let rows_written = reporter.finish(&summary);
    show(&summary, json, stdout_taken, job.progress)?;
    rows_written.map_err(|error| format!("--csv or --json-lines: cannot write the rows: {error}"))?;
    exit_code(&summary)
}

/// A flag that Ctrl-C or SIGTERM sets. The second of them ends the process at once.
fn notice_interruption() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let code = INTERRUPTED.into();
        signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&interrupted))?;
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}

fn style(progress: bool) -> Style {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style::choose(!progress, io::stderr().is_terminal(), no_colour)
}

/// Opens an output before the run: better no run than one whose results are lost.
fn create(path: &Path) -> Result<Rows, Box<dyn Error>> {
    if is_stdout(path) {
        return Ok(Box::new(io::stdout()));
    }
    let file = File::create(path)
        .map_err(|error| format!("cannot write {}: {error}; give another file", path.display()))?;
    Ok(Box::new(file))
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The summary as JSON where it was asked for, and as text: on stdout unless that carries CSV or JSON.
fn show(
    summary: &Summary,
    json: Option<Rows>,
    stdout_taken: bool,
    progress: bool,
) -> Result<(), Box<dyn Error>> {
    if let Some(mut json) = json {
        let text = serde_json::to_string_pretty(summary)? + "\n";
        json.write_all(text.as_bytes())
            .map_err(|error| format!("--json: cannot write the summary: {error}"))?;
    }
    if !stdout_taken {
        io::stdout().write_all(render(summary).as_bytes())?;
    } else if progress {
        io::stderr().write_all(render(summary).as_bytes())?;
    }
    Ok(())
}

fn exit_code(summary: &Summary) -> Result<u8, Box<dyn Error>> {
    let counts = &summary.counts;
    if summary.interrupted {
        return Ok(INTERRUPTED);
    }
    if counts.intended > 0 && counts.failed.refused == counts.intended {
        return Err("no target could be reached; is the server running, and is --target right?".into());
    }
    Ok(match summary.verdict {
        Verdict::Held => 0,
        Verdict::Missed | Verdict::Invalid => MISSED,
    })
}

/// Since 1970, by the wall clock.
fn unix_time() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// CPU time of this process, all threads.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}
