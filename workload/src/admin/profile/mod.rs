//! `GET /debug/pprof/profile?seconds=N`: where the process spends its CPU time, in the format of pprof.

mod format;

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use pprof::{ProfilerGuard, ProfilerGuardBuilder, Symbol};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use self::format::{Call, Samples, Timing};

/// Samples for each second of CPU time. Not a divisor of anything that happens 100 times a second.
const FREQUENCY: i32 = 99;
/// CPU time between two of them.
const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / FREQUENCY as u64);
const SECONDS: u64 = 60;
/// Without a number: what the tools ask for as well.
const DEFAULT: u64 = 30;

/// The process has one clock for this: one profile at a time.
static RUNNING: Mutex<()> = Mutex::const_new(());

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default = "default_seconds")]
    seconds: u64,
}

fn default_seconds() -> u64 {
    DEFAULT
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error("seconds must be from 1 to {SECONDS}, not {0}")]
    Seconds(u64),
    #[error("a profile is being taken: one at a time")]
    Busy,
    #[error("failed to take a profile: {0}")]
    Profiler(#[from] pprof::Error),
    #[error("failed to take a profile: {0}")]
    Ended(#[from] JoinError),
}

/// Takes a profile. A client that leaves ends it.
pub(super) async fn profile(Query(wanted): Query<Wanted>) -> Result<impl IntoResponse, ProfileError> {
    if !(1..=SECONDS).contains(&wanted.seconds) {
        return Err(ProfileError::Seconds(wanted.seconds));
    }
    let _running = RUNNING.try_lock().map_err(|_| ProfileError::Busy)?;
    let started = SystemTime::now();
    let sampling = ProfilerGuardBuilder::default().frequency(FREQUENCY).build()?;
    tokio::time::sleep(Duration::from_secs(wanted.seconds)).await;
    // Names for addresses take a while: the port answers probes meanwhile.
    let encoded = spawn_blocking(move || encode(&sampling, started)).await??;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], encoded))
}

fn encode(sampling: &ProfilerGuard<'_>, started: SystemTime) -> Result<Vec<u8>, pprof::Error> {
    let duration = started.elapsed().unwrap_or_default();
    let timing = Timing { started, duration, period: PERIOD };
    let mut samples = Samples::default();
    for (frames, count) in sampling.report().build()?.data {
        let names: Vec<_> = frames.frames.iter().flatten().map(Name::of).collect();
        let stack =
            names.iter().map(|name| Call { function: &name.function, file: &name.file, line: name.line });
        samples.add(&frames.thread_name, stack, count.unsigned_abs() as u64, PERIOD);
    }
    Ok(samples.encode(timing))
}

struct Name {
    function: String,
    file: String,
    line: u64,
}

impl Name {
    fn of(symbol: &Symbol) -> Self {
        let (function, file) = (symbol.name(), symbol.filename().into_owned());
        Self { function, file, line: symbol.lineno().into() }
    }
}

impl IntoResponse for ProfileError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Seconds(_) => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::CONFLICT,
            Self::Profiler(_) | Self::Ended(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(serde_json::json!({ "error": self.to_string() }))).into_response()
    }
}
