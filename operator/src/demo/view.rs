//! The live view: a few lines redrawn in place on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use headroom_load::report::Second;

use super::recording::Change;
use crate::standalone::report::in_words;

/// A terminal is redrawn at most this often.
const REDRAW: Duration = Duration::from_millis(200);
/// Elsewhere a line is written this often.
const LINE: Duration = Duration::from_secs(5);
/// Widest bar, in characters.
const BAR: usize = 40;

/// What is shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// Seconds the load takes.
    pub length: usize,
    /// Most requests of a second.
    pub peak: f64,
    /// The objective, in seconds.
    pub threshold_seconds: f64,
    /// The last second recorded.
    pub second: Option<Second>,
    /// Pods asked for.
    pub target: u32,
    /// Pods that serve.
    pub ready: usize,
    /// Bad seconds so far.
    pub bad: usize,
    /// The last change of the size.
    pub last: Option<Change>,
}

/// Draws on standard error.
#[derive(Debug)]
pub struct View {
    kind: Kind,
    drawn: Option<Instant>,
    lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quiet,
    Lines,
    Terminal { colour: bool },
}

impl View {
    /// Nothing at all when `quiet`; colours on a terminal unless `NO_COLOR` is set.
    pub fn new(quiet: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let kind = match io::stderr().is_terminal() {
            _ if quiet => Kind::Quiet,
            true => Kind::Terminal { colour: !plain },
            false => Kind::Lines,
        };
        Self { kind, drawn: None, lines: 0 }
    }

    /// Draws, unless that was done just now.
    pub fn draw(&mut self, shown: &Shown) -> io::Result<()> {
        let pause = if self.kind == Kind::Lines { LINE } else { REDRAW };
        if self.kind == Kind::Quiet || self.drawn.is_some_and(|drawn| drawn.elapsed() < pause) {
            return Ok(());
        }
        self.drawn = Some(Instant::now());
        let mut err = io::stderr().lock();
        match self.kind {
            Kind::Quiet => Ok(()),
            Kind::Lines => writeln!(err, "{}", shown.line()),
            Kind::Terminal { colour } => {
                let lines = shown.lines(colour);
                let up = match self.lines {
                    0 => String::new(),
                    lines => format!("\x1b[{lines}A"),
                };
                self.lines = lines.len();
                // Without wrapping, so that going up by the number of lines always fits.
                let text = lines.join("\n\x1b[2K");
                writeln!(err, "\x1b[?7l{up}\x1b[2K{text}\x1b[?7h")?;
                err.flush()
            }
        }
    }
}

impl Shown {
    fn line(&self) -> String {
        let Some(second) = &self.second else {
            return format!("starting: {} of {} pods ready", self.ready, self.target);
        };
        format!(
            "{:>3} of {} s  offered {}/s  served {}/s  P99 {}  pods {} of {} ready  bad seconds {}  {}",
            second.second,
            self.length,
            second.intended,
            second.good + second.late,
            p99(second),
            self.ready,
            self.target,
            self.bad,
            self.reason()
        )
    }

    fn lines(&self, colour: bool) -> Vec<String> {
        let Some(second) = &self.second else {
            return vec![self.line()];
        };
        let paint = |code: &str, text: String| {
            if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
        };
        let late = second.p99_seconds.is_none_or(|p99| p99 > self.threshold_seconds);
        let bar = |value: f64| {
            "#".repeat((BAR as f64 * value / self.peak.max(1.0)).round().min(BAR as f64) as usize)
        };
        let pods = "*".repeat(self.ready) + &".".repeat((self.target as usize).saturating_sub(self.ready));
        vec![
            format!("{:>3} of {} s", second.second, self.length),
            format!("offered {:>6}/s  {}", second.intended, paint("34", bar(second.intended as f64))),
            format!(
                "served  {:>6}/s  {}",
                second.good + second.late,
                paint("32", bar((second.good + second.late) as f64))
            ),
            format!(
                "P99     {:>8}  objective {:.0} ms, {} bad seconds",
                paint(if late { "31" } else { "32" }, format!("{:>8}", p99(second))),
                1000.0 * self.threshold_seconds,
                self.bad
            ),
            format!("pods    {:>8}  {pods}", format!("{} of {}", self.ready, self.target)),
            format!("last    {}", self.reason()),
        ]
    }

    fn reason(&self) -> String {
        self.last.as_ref().map_or_else(String::new, |change| {
            let reasons = in_words(&change.decision.reasons);
            format!("{:.0} s: {} -> {} pods: {reasons}", change.at, change.from, change.to)
        })
    }
}

fn p99(second: &Second) -> String {
    second.p99_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{:.0} ms", 1000.0 * seconds))
}
