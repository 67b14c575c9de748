//! What `up` and `down` tell while they work: one line a step, with the seconds it took.

use std::io::{IsTerminal, Write, stderr};
use std::time::Instant;

use super::interrupt;

/// Tells steps on standard error, so that standard output is free for what a shell evaluates.
#[derive(Debug)]
pub struct Progress {
    audience: Audience,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Sees the step that is being done.
    Terminal,
    /// Sees finished steps.
    Log,
    /// Sees nothing.
    Nobody,
}

impl Progress {
    /// For the standard error of this process.
    pub fn new() -> Self {
        Self { audience: if stderr().is_terminal() { Audience::Terminal } else { Audience::Log } }
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self { audience: Audience::Nobody }
    }

    /// Does one step and tells how long it took. A step does not start after an interrupt.
    pub fn step<T>(&self, what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        interrupt::check()?;
        self.to_its_end(what, work)
    }

    /// Does one step, interrupted or not, and tells how long it took.
    pub fn to_its_end<T>(&self, what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        if self.audience == Audience::Terminal {
            self.tell(&format!("         {what} ..."), "");
        }
        let start = Instant::now();
        let done = work();
        let end = if done.is_ok() { "" } else { ": FAILED" };
        let seconds = start.elapsed().as_secs_f64();
        self.tell(&format!("{seconds:6.1} s {what}{end}"), "\n");
        done
    }

    /// Tells one line.
    pub fn say(&self, line: &str) {
        self.tell(line, "\n");
    }

    fn tell(&self, text: &str, end: &str) {
        let clear = match self.audience {
            Audience::Terminal => "\r\x1b[2K",
            Audience::Log => "",
            Audience::Nobody => return,
        };
        // Nobody to tell is no reason to stop.
        let _ = write!(stderr(), "{clear}{text}{end}");
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
