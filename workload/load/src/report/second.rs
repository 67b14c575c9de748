//! One second of a run, as written by `--csv`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The requests intended in one second, counted once all of them have ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Second {
    /// Seconds since the start of the schedule (the end of the warm-up).
    pub second: u64,
    /// Requests of the schedule.
    pub intended: u64,
    /// Of those, requests of which at least a byte was written.
    pub sent: u64,
    /// Answered successfully within the objective.
    pub good: u64,
    /// Answered successfully, over it.
    pub late: u64,
    /// Failed for any reason, 5xx included.
    pub failed: u64,
    /// Answered with 429 or 503. The latter are in `failed` too.
    pub rejected: u64,
    /// Median latency of successful answers, in seconds; absent when there was none.
    pub p50_seconds: Option<f64>,
    /// Their 99th percentile.
    pub p99_seconds: Option<f64>,
    /// Their maximum.
    pub max_seconds: Option<f64>,
    /// The latest start of a request by the generator's own doing, in seconds.
    pub behind_seconds: f64,
}

/// Why a line is no [`Second`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecondError {
    /// Other than 11 columns.
    #[error("{0} columns where {expected} are expected: {header}", expected = Second::COLUMNS, header = Second::CSV_HEADER)]
    Columns(usize),
    /// A column is not a number.
    #[error("column {column} is {text:?}, which is not a number")]
    Number {
        /// Counted from 1.
        column: usize,
        /// What is there.
        text: String,
    },
}

impl Second {
    /// The first line of the CSV.
    pub const CSV_HEADER: &'static str =
        "second,intended,sent,good,late,failed,rejected,p50Seconds,p99Seconds,maxSeconds,behindSeconds";
    const COLUMNS: usize = 11;

    /// Whether more than 1 % of the requests intended in it were bad: late or failed.
    pub fn is_bad(&self) -> bool {
        (self.late + self.failed) * 100 > self.intended
    }
}

/// A line of the CSV, without its end. What is absent is an empty column.
impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { second, intended, sent, good, late, failed, rejected, behind_seconds, .. } = self;
        write!(f, "{second},{intended},{sent},{good},{late},{failed},{rejected}")?;
        for latency in [self.p50_seconds, self.p99_seconds, self.max_seconds] {
            match latency {
                Some(seconds) => write!(f, ",{seconds:.6}")?,
                None => write!(f, ",")?,
            }
        }
        write!(f, ",{behind_seconds:.6}")
    }
}

impl FromStr for Second {
    type Err = SecondError;

    fn from_str(line: &str) -> Result<Self, SecondError> {
        let columns: Vec<&str> = line.trim_end().split(',').collect();
        if columns.len() != Self::COLUMNS {
            return Err(SecondError::Columns(columns.len()));
        }
        let seconds = |index: usize| {
            if columns[index].is_empty() { Ok(None) } else { number(&columns, index).map(Some) }
        };
        Ok(Self {
            second: number(&columns, 0)?,
            intended: number(&columns, 1)?,
            sent: number(&columns, 2)?,
            good: number(&columns, 3)?,
            late: number(&columns, 4)?,
            failed: number(&columns, 5)?,
            rejected: number(&columns, 6)?,
            p50_seconds: seconds(7)?,
            p99_seconds: seconds(8)?,
            max_seconds: seconds(9)?,
            behind_seconds: number(&columns, 10)?,
        })
    }
}

fn number<T: FromStr>(columns: &[&str], index: usize) -> Result<T, SecondError> {
    let text = columns[index];
    text.parse().map_err(|_| SecondError::Number { column: index + 1, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn second() -> Second {
        Second {
            second: 7,
            intended: 100,
            sent: 99,
            good: 98,
            p99_seconds: Some(0.012_5),
            ..Second::default()
        }
    }

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let line = second().to_string();
        assert_eq!(line, "7,100,99,98,0,0,0,,0.012500,,0.000000");
        assert_eq!(line.parse(), Ok(second()));
        assert_eq!(Second::CSV_HEADER.split(',').count(), Second::COLUMNS);
    }

    #[rstest]
    #[case("1,2", "2 columns where 11 are expected")]
    #[case("1,2,3,4,5,6,x,,,,0", "column 7 is \"x\"")]
    fn another_line_says_what_is_wrong(#[case] line: &str, #[case] expected: &str) {
        let message = line.parse::<Second>().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[rstest]
    #[case::none(0, 0, 0, false)]
    #[case::one_percent(100, 1, 0, false)]
    #[case::more_than_one_percent(100, 1, 1, true)]
    #[case::one_of_few(10, 0, 1, true)]
    fn a_second_is_bad_above_one_percent_of_its_requests(
        #[case] intended: u64,
        #[case] late: u64,
        #[case] failed: u64,
        #[case] expected: bool,
    ) {
        assert_eq!(Second { intended, late, failed, ..Second::default() }.is_bad(), expected);
    }
}
