//! Wakes the loop at a time given in nanoseconds. epoll's own timeout counts in milliseconds, which is coarser than
//! the distance of two requests; a timerfd in the same epoll set is not.

use mio::{Interest, Registry, Token, unix::SourceFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// A timer that can be set again and again.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: OwnedFd,
    /// What it was last set to, on the clock of the caller.
    rings_at: Duration,
}

impl Alarm {
    /// Events of the timer come with `token`; they need no answer.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, rings_at: Duration::ZERO })
    }

    /// Rings once at a time in the future, and forgets what was set before. Most waits are ended by an answer before
    /// the next request is due: then the time is the same as before and a system call is saved.
    pub(super) fn set(&mut self, now: Duration, rings_at: Duration) -> io::Result<()> {
        if rings_at == self.rings_at {
            return Ok(());
        }
        self.rings_at = rings_at;
        // A delay of zero would switch the timer off.
        let delay = rings_at.saturating_sub(now).max(Duration::from_nanos(1));
        let value =
            Timespec { tv_sec: delay.as_secs().cast_signed(), tv_nsec: i64::from(delay.subsec_nanos()) };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
