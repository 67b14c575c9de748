//! The progress line on stderr: redrawn in place on a terminal, a plain line now and then otherwise.

use crate::engine::Progress;
use crate::report::Second;
use crate::units::show_seconds;
use std::io::{self, Write};
use std::time::Duration;

/// Without a terminal a line is written this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    Off,
    /// One line, drawn again and again.
    Redrawn,
    /// The same with figures that went wrong in red.
    RedrawnInColour,
    /// A line every few seconds.
    Plain,
}

impl Style {
    /// From what is known of stderr and the environment (`NO_COLOR`).
    pub fn choose(quiet: bool, terminal: bool, no_colour: bool) -> Self {
        match (quiet, terminal, no_colour) {
            (true, _, _) => Self::Off,
            (false, false, _) => Self::Plain,
            (false, true, true) => Self::Redrawn,
            (false, true, false) => Self::RedrawnInColour,
        }
    }
}

/// Draws the progress.
#[derive(Debug)]
pub struct ProgressLine {
    style: Style,
    /// Length of the run, warm-up included.
    total: Duration,
    last: Option<Second>,
    next_plain: Duration,
    drawn: bool,
}

impl ProgressLine {
    /// Nothing is drawn yet.
    pub fn new(style: Style, total: Duration) -> Self {
        Self { style, total, last: None, next_plain: PLAIN_EVERY, drawn: false }
    }

    /// Takes note of a final second.
    pub fn second(&mut self, second: &Second) {
        self.last = Some(second.clone());
    }

    /// Draws, if it is time to.
    pub fn draw(&mut self, progress: &Progress, out: &mut impl Write) -> io::Result<()> {
        match self.style {
            Style::Off => Ok(()),
            Style::Plain if progress.elapsed < self.next_plain => Ok(()),
            Style::Plain => {
                self.next_plain = progress.elapsed + PLAIN_EVERY;
                writeln!(out, "{}", self.line(progress))
            }
            Style::Redrawn | Style::RedrawnInColour => {
                self.drawn = true;
                write!(out, "\r\x1b[K{}", self.line(progress))?;
                out.flush()
            }
        }
    }

    /// Removes a line that was drawn in place.
    pub fn clear(&mut self, out: &mut impl Write) -> io::Result<()> {
        if std::mem::take(&mut self.drawn) { write!(out, "\r\x1b[K") } else { Ok(()) }
    }

    fn line(&self, progress: &Progress) -> String {
        let counts = &progress.counts;
        let mut parts = vec![
            format!("{}/{} s", progress.elapsed.as_secs(), self.total.as_secs_f64().ceil()),
            format!("sent {}", counts.sent),
        ];
        if let Some(second) = &self.last {
            parts.push(format!("{}/s", second.intended));
            parts.extend(second.p99_seconds.map(|p99| format!("p99 {}", show_seconds(p99))));
        }
        parts.push(self.warning(counts.late, "late"));
        parts.push(self.warning(counts.failed.total, "failed"));
        parts.push(format!("{} under way", progress.under_way));
        parts.join("  ")
    }

    fn warning(&self, count: u64, name: &str) -> String {
        if count > 0 && self.style == Style::RedrawnInColour {
            format!("\x1b[31m{count} {name}\x1b[0m")
        } else {
            format!("{count} {name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Counts;
    use rstest::rstest;

    #[rstest]
    #[case(true, true, false, Style::Off)]
    #[case(false, false, false, Style::Plain)]
    #[case(false, true, true, Style::Redrawn)]
    #[case(false, true, false, Style::RedrawnInColour)]
    fn the_style_follows_the_terminal(
        #[case] quiet: bool,
        #[case] terminal: bool,
        #[case] no_colour: bool,
        #[case] expected: Style,
    ) {
        assert_eq!(Style::choose(quiet, terminal, no_colour), expected);
    }

    fn drawn(style: Style, elapsed: &[u64]) -> String {
        let mut line = ProgressLine::new(style, Duration::from_secs(30));
        line.second(&Second { intended: 100, p99_seconds: Some(0.004), ..Second::default() });
        let mut out = Vec::new();
        for seconds in elapsed {
            let counts = Counts { sent: 500, late: 2, ..Counts::default() };
            let progress = Progress { elapsed: Duration::from_secs(*seconds), counts, under_way: 3 };
            line.draw(&progress, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn without_a_terminal_a_plain_line_comes_every_few_seconds() {
        let expected = "5/30 s  sent 500  100/s  p99 4.00 ms  2 late  0 failed  3 under way\n";
        assert_eq!(drawn(Style::Plain, &[1, 5, 6]), expected);
    }

    #[test]
    fn colour_marks_only_what_went_wrong() {
        let line = drawn(Style::RedrawnInColour, &[1]);
        assert!(line.contains("\x1b[31m2 late\x1b[0m  0 failed"), "{line:?}");
        assert!(!drawn(Style::Redrawn, &[1]).contains("\x1b[31m"));
    }
}
