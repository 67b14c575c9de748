//! Recorded rates: reads a CSV `t_seconds,rps` and makes a rate function of it.

#[cfg(test)]
mod tests;

use super::{Rate, RateError};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

const HEADER: &str = "t_seconds,rps";
/// A trace longer than this is refused: a year of minutes fits fifteen times over.
const MAX_ROWS: usize = 8_000_000;
/// Bytes read at most; rows are about 16 bytes long.
const MAX_BYTES: u64 = 256 << 20;

/// Equally wide, contiguous bins with a rate each.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Start of the first bin, in trace seconds.
    start: f64,
    /// Width of a bin, in seconds.
    width: f64,
    /// Requests per second of each bin.
    rates: Vec<f64>,
}

/// Why a trace cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("cannot read the trace {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The first line is something else.
    #[error("line 1 of the trace is {0:?}: it must be the header {HEADER:?}")]
    Header(String),
    /// A row is not two numbers that fit.
    #[error("line {line} of the trace: {problem}")]
    Row {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it, and what is expected.
        problem: String,
    },
    /// Fewer than two rows, so no bin width.
    #[error("the trace has {0} rows: at least 2 are needed to know how wide a bin is")]
    TooShort(usize),
    /// The window holds nothing of the trace.
    #[error("the window {from}:{to} holds nothing of the trace, which covers {start} s to {end} s")]
    Window {
        /// Start of the window, in trace seconds.
        from: f64,
        /// End of the window, in trace seconds.
        to: f64,
        /// Start of the trace.
        start: f64,
        /// End of the trace.
        end: f64,
    },
    /// Scaled, its rates or its length are out of range.
    #[error("the trace as scaled: {0}")]
    Rate(#[from] RateError),
}

impl Trace {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let failed = |source| TraceError::Read { path: path.display().to_string(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > MAX_BYTES {
            return Err(failed(std::io::Error::other("it is longer than 256 MiB")));
        }
        Self::parse(BufReader::new(file.take(MAX_BYTES))).map_err(|error| match error {
            TraceError::Read { source, .. } => failed(source),
            other => other,
        })
    }

    /// Reads CSV lines: the header, then one row a bin.
    pub fn parse(input: impl BufRead) -> Result<Self, TraceError> {
        let mut rows = Vec::new();
        for (index, line) in input.lines().enumerate() {
            let line = line.map_err(|source| TraceError::Read { path: String::new(), source })?;
            let text = line.trim_end();
            if index == 0 {
                if text != HEADER {
                    return Err(TraceError::Header(text.chars().take(80).collect()));
                }
            } else if !text.is_empty() {
                rows.push(row(text, &rows).map_err(|problem| TraceError::Row { line: index + 1, problem })?);
            }
        }
        match rows.as_slice() {
            [(start, _), (second, _), ..] => {
                let (start, width) = (*start, second - start);
                Ok(Self { start, width, rates: rows.into_iter().map(|(_, rate)| rate).collect() })
            }
            _ => Err(TraceError::TooShort(rows.len())),
        }
    }

    /// End of the last bin, in trace seconds.
    pub fn end(&self) -> f64 {
        self.start + self.width * self.rates.len() as f64
    }

    /// The rate function from 0: the half-open window of trace seconds (all of it if `None`), rates times `scale`,
    /// played `speed_up` times faster at the same rates.
    ///
    /// Bins up to 1 s wide are steps. Wider ones are too coarse for that: the rate goes in straight lines from bin
    /// centre to bin centre, flat before the first and after the last.
    pub fn rate(&self, window: Option<(f64, f64)>, scale: f64, speed_up: f64) -> Result<Rate, TraceError> {
        let (from, to) = window.unwrap_or_else(|| (self.start, self.end()));
        let (low, high) = (from.max(self.start), to.min(self.end()));
        if low >= high {
            return Err(TraceError::Window { from, to, start: self.start, end: self.end() });
        }
        let lines = self.lines().into_iter().filter_map(|line| line.within(low, high));
        let played =
            lines.map(|line| ((line.to - line.from) / speed_up, line.first * scale, line.last * scale));
        Ok(Rate::build(played)?)
    }

    fn lines(&self) -> Vec<Line> {
        let edge = |index: usize| self.start + self.width * index as f64;
        if self.width <= 1.0 {
            let step =
                |(index, &rate)| Line { from: edge(index), to: edge(index + 1), first: rate, last: rate };
            return self.rates.iter().enumerate().map(step).collect();
        }
        let centre = |index: usize| edge(index) + self.width / 2.0;
        let (first, last) = (self.rates[0], self.rates[self.rates.len() - 1]);
        let mut lines = vec![Line { from: self.start, to: centre(0), first, last: first }];
        lines.extend(self.rates.windows(2).enumerate().map(|(index, pair)| Line {
            from: centre(index),
            to: centre(index + 1),
            first: pair[0],
            last: pair[1],
        }));
        lines.push(Line { from: centre(self.rates.len() - 1), to: self.end(), first: last, last });
        lines
    }
}

/// A straight line of the rate, in trace seconds.
struct Line {
    from: f64,
    to: f64,
    first: f64,
    last: f64,
}

impl Line {
    /// The part of it between two times; `None` if there is none.
    fn within(&self, low: f64, high: f64) -> Option<Self> {
        let (from, to) = (self.from.max(low), self.to.min(high));
        let at =
            |time: f64| self.first + (self.last - self.first) * (time - self.from) / (self.to - self.from);
        (from < to).then(|| Self { from, to, first: at(from), last: at(to) })
    }
}

/// One row, checked against those before it.
fn row(text: &str, before: &[(f64, f64)]) -> Result<(f64, f64), String> {
    let (time, rate) = text.split_once(',').ok_or_else(|| format!("{text:?} is not `{HEADER}`"))?;
    let number = |text: &str, name: &str| match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err(format!("{name} {text:?} is not a number from 0 up")),
    };
    let (time, rate) = (number(time, "t_seconds")?, number(rate, "rps")?);
    if before.len() >= MAX_ROWS {
        return Err(format!("there are more than {MAX_ROWS} rows: cut the trace"));
    }
    let expected = match before {
        [] => time,
        [(first, _)] if time > *first => time,
        [(first, _)] => return Err(format!("t_seconds {time} is not after {first}")),
        [(first, _), (second, _), ..] => first + (second - first) * before.len() as f64,
    };
    if (time - expected).abs() > 1e-3 {
        return Err(format!(
            "t_seconds is {time}, but bins are contiguous and equally wide: expected {expected}"
        ));
    }
    Ok((time, rate))
}
