//! One worker's thread: its runtime, its mailbox, and how it ends.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Acquire};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::desk::Desk;
use super::entrance::{Entrance, Seating};
use super::roster::{Command, Occupied};
use crate::admission::WorkerId;
use crate::connection::{Arrival, Hall, Mood};
use crate::core::{Core, Stage};
use crate::host::run_anywhere;

/// How often an ending worker looks whether it is done.
const ENDING_TICK: Duration = Duration::from_millis(5);

/// Starts a worker's thread; returns when it takes connections and requests.
pub(super) fn start(core: &Arc<Core>, worker: WorkerId) -> io::Result<()> {
    let (mailbox, commands) = unbounded_channel();
    let (started, outcome) = mpsc::sync_channel(1);
    let core = Arc::clone(core);
    thread::Builder::new().name(format!("worker-{}", worker.0)).spawn(move || {
        let mut builder = Builder::new_current_thread();
        // Threads for blocking calls inherit this one's CPUs, and would be pinned with it.
        builder.enable_all().on_thread_start(run_anywhere);
        let (pulse, awake) = (core.pulses.of(worker), core.pulses.of(worker));
        builder.on_thread_park(move || pulse.sleeps(true)).on_thread_unpark(move || awake.sleeps(false));
        match builder.build_local(LocalOptions::default()) {
            Ok(runtime) => {
                runtime.block_on(run(core, worker, mailbox, commands, started));
            }
            Err(error) => drop(started.send(Err(error))),
        }
    })?;
    outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the worker's thread ended while it started")))
}

struct Worker {
    core: Arc<Core>,
    id: WorkerId,
    hall: Rc<Hall>,
    seating: Rc<Seating>,
    /// `None` once the server takes no connections.
    entrance: Option<Rc<Entrance>>,
    accepting: Option<AbortHandle>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    /// Others go on: hand over what can be, finish the rest.
    Retiring,
    /// The server ends.
    Closing,
    Aborted,
}

async fn run(
    core: Arc<Core>,
    id: WorkerId,
    mailbox: UnboundedSender<Command>,
    mut commands: UnboundedReceiver<Command>,
    started: mpsc::SyncSender<io::Result<()>>,
) {
    let _cpu = core.cpu.follow_this_thread(id);
    core.brownout.dial.enter();
    let mut worker = match Worker::new(Arc::clone(&core), id, mailbox) {
        Ok(worker) => worker,
        Err(error) => return drop(started.send(Err(error))),
    };
    drop(started.send(Ok(())));
    let mut tick = ticker(worker.hall_interval());
    if core.stage() == Stage::Closing {
        // All workers may have been told before this one was among them.
        worker.obey(Command::Close);
        tick = ticker(ENDING_TICK);
    }
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else { break };
                let before = worker.mode;
                worker.obey(command);
                if worker.mode != before {
                    tick = ticker(ENDING_TICK);
                }
            }
            _ = tick.tick() => worker.sweep(),
        }
        if worker.is_done() {
            break;
        }
    }
    worker.end(commands).await;
}

fn ticker(period: Duration) -> Interval {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

impl Worker {
    fn new(core: Arc<Core>, id: WorkerId, mailbox: UnboundedSender<Command>) -> io::Result<Self> {
        let listener = core.door.listener()?;
        let hall = Hall::new(core.clock, core.settings.limits, core.settings.http1, core.record_of(id));
        let desk = Desk::new(id, &core, Rc::clone(&hall));
        let connections = Arc::new(AtomicUsize::default());
        let seating = Rc::new(Seating {
            core: Arc::clone(&core),
            id,
            hall: Rc::clone(&hall),
            desk: Rc::clone(&desk),
            connections: Arc::clone(&connections),
        });
        let entrance = listener.map(|listener| Entrance::new(listener, Rc::clone(&seating))).transpose()?;
        let entrance = entrance.map(Rc::new);
        core.roster.add(id, mailbox, connections, hall.ending());
        // From here on requests may be on their way to this worker: they wait in its mailbox.
        core.gate.enlist(id);
        let accepting =
            entrance.as_ref().map(|entrance| spawn_local(Rc::clone(entrance).serve()).abort_handle());
        Ok(Self { core, id, hall, seating, entrance, accepting, mode: Mode::Serving })
    }

    /// Accepts no more.
    fn close_entrance(&mut self) -> Option<Rc<Entrance>> {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
        self.entrance.take()
    }

    fn hall_interval(&self) -> Duration {
        self.core.settings.limits.sweep_interval()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Serve(arrival) => self.receive(arrival),
            Command::Run(job, permit) => {
                drop(spawn_local(Rc::clone(&self.seating.desk).run_job(job, permit)));
            }
            Command::Beat => self.core.pulses.of(self.id).answer(self.core.clock.now()),
            Command::Part(count) => self.hall.part(count),
            Command::Shed(count) => self.hall.shed(count),
            Command::Retire if self.mode == Mode::Serving => {
                self.mode = Mode::Retiring;
                drop(self.close_entrance());
                self.sweep();
            }
            Command::Retire => {}
            Command::Close => {
                // Connections that were made before the listener closes are served too.
                if let Some(entrance) = self.close_entrance() {
                    entrance.accept_waiting();
                }
                self.mode = Mode::Closing;
                self.hall.set_mood(Mood::Closing);
            }
            Command::Abort => self.mode = Mode::Aborted,
        }
    }

    fn sweep(&self) {
        self.hall.sweep();
        if self.mode == Mode::Retiring {
            // Each time: a connection may have been on its way here when this worker was told to retire.
            self.hall.part(usize::MAX);
        }
    }

    fn receive(&self, arrival: Arrival) {
        if self.mode == Mode::Retiring {
            drop(Occupied::counted(&self.seating.connections));
            self.core.roster.place(arrival);
        } else {
            self.seating.serve(arrival);
        }
    }

    fn is_done(&self) -> bool {
        match self.mode {
            Mode::Serving => false,
            // Counted from when they were sent here, not from when they are first served.
            Mode::Retiring => {
                self.seating.connections.load(Acquire) == 0 && self.core.gate.has_finished(self.id)
            }
            // Others may still need this worker's slots.
            Mode::Closing => self.core.is_idle(),
            Mode::Aborted => true,
        }
    }

    /// Leaves the roster; connections that came in meanwhile go to others.
    async fn end(self, mut commands: UnboundedReceiver<Command>) {
        self.core.roster.remove(self.id);
        commands.close();
        while let Some(command) = commands.recv().await {
            if let Command::Serve(arrival) = command
                && self.mode == Mode::Retiring
            {
                self.core.roster.place(arrival);
            }
        }
        // Last: from here on another worker may have the number.
        self.core.gate.dismiss(self.id);
        tracing::debug!(worker = self.id.0, "worker ended");
    }
}
