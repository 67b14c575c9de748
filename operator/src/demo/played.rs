//! Which load is played: the built-in one, or a trace made to fit into two minutes and ten servers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headroom_load::plan::{Rate, Trace};

/// The built-in load: calm, a step, a rise to the peak, and down again.
const BUILT_IN: &str = include_str!("../../../examples/demo.csv");
/// Longest play, in seconds.
const MAX_SECONDS: f64 = 120.0;

/// A load as it is played.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// The trace.
    pub file: PathBuf,
    /// Its rates are multiplied by this.
    pub scale: f64,
    /// It is played so many times faster.
    pub speed_up: f64,
    /// Planned requests of each second.
    pub planned: Vec<f64>,
    /// How it differs from the trace, in words; empty when it does not.
    pub changed: String,
}

/// What the user asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Instead of what fits.
    pub scale: Option<f64>,
    /// Instead of what fits.
    pub speed_up: Option<f64>,
}

impl Played {
    /// The built-in load, written to `file` for the generator.
    pub fn built_in(file: &Path, asked: Asked, max_rate: f64) -> anyhow::Result<Self> {
        fs::write(file, BUILT_IN).with_context(|| format!("can't write {}", file.display()))?;
        Self::trace(file, asked, max_rate)
    }

    /// A trace: as recorded where it lasts at most two minutes and stays at or below `max_rate` requests per second,
    /// otherwise sped up and scaled down until it does. What the user asked for goes first.
    pub fn trace(file: &Path, asked: Asked, max_rate: f64) -> anyhow::Result<Self> {
        let trace = Trace::read(file)?;
        let recorded = trace.rate(None, 1.0, 1.0)?;
        let speed_up = asked.speed_up.unwrap_or_else(|| (recorded.seconds() / MAX_SECONDS).max(1.0));
        let faster = per_second(&trace.rate(None, 1.0, speed_up)?);
        let peak = faster.iter().copied().fold(0.0, f64::max);
        let scale = asked.scale.unwrap_or_else(|| if peak > max_rate { max_rate / peak } else { 1.0 });
        Ok(Self {
            file: file.to_owned(),
            scale,
            speed_up,
            planned: faster.into_iter().map(|rate| rate * scale).collect(),
            changed: in_words(scale, speed_up),
        })
    }
}

/// Requests of each second, the last one cut short where the load does not end with a second.
fn per_second(rate: &Rate) -> Vec<f64> {
    let seconds = rate.seconds().ceil() as usize;
    let before = |second: usize| rate.intended_before(second as f64);
    (0..seconds).map(|second| before(second + 1) - before(second)).collect()
}

fn in_words(scale: f64, speed_up: f64) -> String {
    let faster = (speed_up != 1.0).then(|| format!("played {speed_up:.1} times faster"));
    let scaled = (scale != 1.0).then(|| format!("rates multiplied by {scale:.3}"));
    faster.into_iter().chain(scaled).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn played(seconds: usize, rate: f64, asked: Asked) -> Played {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("trace.csv");
        let rows: Vec<_> = (0..seconds).map(|t| format!("{t},{rate}")).collect();
        fs::write(&file, format!("t_seconds,rps\n{}\n", rows.join("\n"))).unwrap();
        Played::trace(&file, asked, 1000.0).unwrap()
    }

    #[rstest]
    #[case::what_fits_is_played_as_recorded(100, 500.0, 1.0, 1.0, "")]
    #[case::what_is_too_long_is_sped_up(240, 500.0, 1.0, 2.0, "played 2.0 times faster")]
    #[case::what_is_too_much_is_scaled_down(100, 4000.0, 0.25, 1.0, "rates multiplied by 0.250")]
    fn a_trace_is_made_to_fit(
        #[case] seconds: usize,
        #[case] rate: f64,
        #[case] scale: f64,
        #[case] speed_up: f64,
        #[case] changed: &str,
    ) {
        let played = played(seconds, rate, Asked::default());
        assert_eq!((played.scale, played.speed_up), (scale, speed_up));
        assert_eq!(played.changed, changed);
        assert!(played.planned.len() <= 120);
        assert!(played.planned.iter().all(|rate| *rate <= 1000.0 + 1e-6));
    }

    #[test]
    fn what_the_user_asks_for_goes_first() {
        let asked = Asked { scale: Some(2.0), speed_up: Some(4.0) };
        let played = played(240, 900.0, asked);
        assert_eq!((played.scale, played.speed_up), (2.0, 4.0));
        assert_eq!(played.planned.len(), 60);
    }

    /// What the demo promises of its load.
    #[test]
    fn the_built_in_load_has_a_peak_and_a_step() {
        let directory = tempfile::tempdir().unwrap();
        let played = Played::built_in(&directory.path().join("load.csv"), Asked::default(), 2000.0).unwrap();
        let peak = played.planned.iter().copied().fold(0.0, f64::max);
        let calm = played.planned.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(played.planned.len() <= 110 && played.changed.is_empty());
        assert!(peak / calm >= 4.0, "{peak} over {calm}");
        assert!(played.planned.windows(3).any(|rates| rates[2] / rates[0] >= 3.0));
    }
}
