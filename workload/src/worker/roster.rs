//! The mailboxes of the running workers, and which of them gets a connection.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::mpsc::UnboundedSender;

use crate::admission::{Job, Permit, WorkerId};
use crate::connection::Arrival;

/// What a worker is told. Mailboxes have no bound of their own: connections and permits are bounded.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve a connection.
    Serve(Arrival),
    /// Run a request that was admitted.
    Run(Job, Permit),
    /// Say that the loop has come round.
    Beat,
    /// Hand so many connections to others.
    Part(usize),
    /// End so many connections gently; they are counted as ending already.
    Shed(usize),
    /// Hand over everything, finish and end.
    Retire,
    /// Close connections gently and end when nothing is left anywhere.
    Close,
    /// End at once.
    Abort,
}

/// All running workers.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    seats: RwLock<Vec<Seat>>,
}

#[derive(Debug)]
struct Seat {
    worker: WorkerId,
    mailbox: UnboundedSender<Command>,
    connections: Arc<AtomicUsize>,
    /// Of the connections, those that were ordered to end.
    ending: Arc<AtomicUsize>,
    stays: Stays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stays {
    Yes,
    Retiring,
}

/// Counts a connection of a worker until it is dropped.
#[derive(Debug)]
pub(crate) struct Occupied(Arc<AtomicUsize>);

impl Roster {
    /// Adds a worker with the counters of its connections and of those that were ordered to end.
    pub(crate) fn add(
        &self,
        worker: WorkerId,
        mailbox: UnboundedSender<Command>,
        connections: Arc<AtomicUsize>,
        ending: Arc<AtomicUsize>,
    ) {
        self.write().push(Seat { worker, mailbox, connections, ending, stays: Stays::Yes });
    }

    /// Gives a worker no more connections and tells it to retire.
    pub(crate) fn retire(&self, worker: WorkerId) {
        for seat in self.write().iter_mut().filter(|seat| seat.worker == worker) {
            seat.stays = Stays::Retiring;
        }
        drop(self.send(worker, Command::Retire));
    }

    /// Forgets a worker that has ended.
    pub(crate) fn remove(&self, worker: WorkerId) {
        self.write().retain(|seat| seat.worker != worker);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Sends to one worker; the command comes back if it has ended.
    pub(crate) fn send(&self, worker: WorkerId, command: Command) -> Result<(), Command> {
        let seats = self.read();
        let Some(seat) = seats.iter().find(|seat| seat.worker == worker) else {
            return Err(command);
        };
        seat.mailbox.send(command).map_err(|refused| refused.0)
    }

    /// Sends a command to every worker.
    pub(crate) fn tell_all(&self, command: impl Fn() -> Command) {
        for seat in self.read().iter() {
            // One that has ended needs no more commands.
            drop(seat.mailbox.send(command()));
        }
    }

    /// Gives a connection to the worker `near`, unless that has clearly more of them than another: then it goes
    /// there. It comes back, counted, if it is for `near`.
    pub(crate) fn place_near(&self, near: WorkerId, arrival: Arrival) -> Option<Arrival> {
        let seats = self.read();
        let staying = || seats.iter().filter(|seat| seat.stays == Stays::Yes);
        let fewest = staying().map(|seat| seat.connections.load(Relaxed)).min().unwrap_or(0);
        // To hand over a connection costs more than many requests: a few more or less are left to rebalancing.
        let bound = fewest + fewest / 8 + 2;
        let here = staying().find(|seat| seat.worker == near && seat.connections.load(Relaxed) < bound);
        if let Some(seat) = here {
            seat.connections.fetch_add(1, Relaxed);
            return Some(arrival);
        }
        drop(seats);
        self.place(arrival);
        None
    }

    /// Gives a connection to the worker that has the fewest.
    pub(crate) fn place(&self, arrival: Arrival) {
        let seats = self.read();
        let mut open: Vec<&Seat> = seats.iter().filter(|seat| seat.stays == Stays::Yes).collect();
        // Each count is read once: they change meanwhile, and sorting by what changes panics.
        open.sort_by_cached_key(|seat| seat.connections.load(Relaxed));
        let mut command = Command::Serve(arrival);
        for seat in open {
            seat.connections.fetch_add(1, Relaxed);
            match seat.mailbox.send(command) {
                Ok(()) => return,
                Err(refused) => command = refused.0,
            }
        }
        tracing::warn!("a connection was closed: every worker has ended");
    }

    /// Asks workers with more than their share of the connections to hand some over.
    pub(crate) fn rebalance(&self) {
        let seats = self.read();
        let open = || seats.iter().filter(|seat| seat.stays == Stays::Yes);
        let total: usize = open().map(|seat| seat.connections.load(Relaxed)).sum();
        let share = total.div_ceil(open().count().max(1));
        for seat in open() {
            let excess = seat.connections.load(Relaxed).saturating_sub(share);
            if excess > 0 {
                drop(seat.mailbox.send(Command::Part(excess)));
            }
        }
    }

    /// Lets connections above so many end, but never more than half of all; returns how many are ending now. Those that
    /// are ending already count: an order that is given twice is one order.
    pub(crate) fn shed(&self, at_most: usize) -> usize {
        // Locked for writing: two orders at the same moment would both see what the first one has not counted yet.
        let seats = self.write();
        let count = |counter: &AtomicUsize| counter.load(Relaxed);
        let open: usize = seats.iter().map(|seat| count(&seat.connections)).sum();
        let ending: usize = seats.iter().map(|seat| count(&seat.ending)).sum();
        let wanted = open.saturating_sub(at_most).min(open / 2);
        let (mut left, mut among) = (wanted.saturating_sub(ending), open.saturating_sub(ending));
        for seat in seats.iter() {
            let own = count(&seat.connections).saturating_sub(count(&seat.ending));
            // The worker's share of what is left: the last one takes the rest.
            let part = (left * own).div_ceil(among.max(1)).min(own).min(left);
            (left, among) = (left - part, among.saturating_sub(own));
            seat.ending.fetch_add(part, Relaxed);
            if part > 0 && seat.mailbox.send(Command::Shed(part)).is_err() {
                seat.ending.fetch_sub(part, Relaxed);
            }
        }
        seats.iter().map(|seat| count(&seat.ending)).sum()
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Seat>> {
        self.seats.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Seat>> {
        self.seats.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Occupied {
    /// Takes over a connection that [`Roster::place`] has counted.
    pub(crate) fn counted(connections: &Arc<AtomicUsize>) -> Self {
        Self(Arc::clone(connections))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use rstest::rstest;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::connection::{Opened, Parked, Peer, Term};

    #[test]
    fn connections_are_placed_while_others_come_and_go() {
        let roster = Roster::default();
        let seats: Vec<_> = (0..256)
            .map(|worker| {
                let (mailbox, commands) = unbounded_channel();
                let connections = Arc::default();
                roster.add(WorkerId(worker), mailbox, Arc::clone(&connections), Arc::default());
                (connections, commands)
            })
            .collect();
        let ended = AtomicBool::new(false);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let open = Arc::default();
        let placed = thread::scope(|scope| {
            scope.spawn(|| {
                let mut value = 1usize;
                while !ended.load(Relaxed) {
                    for (connections, _) in &seats {
                        value = value.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
                        connections.store(value % 1000, Relaxed);
                    }
                }
            });
            let placing = scope.spawn(|| {
                for _ in 0..500 {
                    roster.place(Arrival {
                        socket: Parked::Plain(socket.try_clone().unwrap()),
                        peer: Peer::at(socket.peer_addr().unwrap()),
                        ahead: None,
                        term: Term::endless(),
                        opened: Opened::within(&open, usize::MAX).unwrap(),
                    });
                }
            });
            let placed = placing.join();
            ended.store(true, Relaxed);
            placed
        });
        assert!(placed.is_ok());
        let received: usize = seats.iter().map(|(_, commands)| commands.len()).sum();
        assert_eq!(received, 500);
    }
    /// Workers with so many connections, of which so many are ending.
    fn staffed(workers: &[(usize, usize)]) -> (Roster, Vec<UnboundedReceiver<Command>>) {
        let roster = Roster::default();
        let seat = |(place, (open, ending)): (usize, &(usize, usize))| {
            let (mailbox, commands) = unbounded_channel();
            let counter = |count: &usize| Arc::new(AtomicUsize::new(*count));
            roster.add(WorkerId(place), mailbox, counter(open), counter(ending));
            commands
        };
        let commands = workers.iter().enumerate().map(seat).collect();
        (roster, commands)
    }

    fn orders(commands: &mut [UnboundedReceiver<Command>]) -> Vec<usize> {
        let order = |commands: &mut UnboundedReceiver<Command>| match commands.try_recv() {
            Ok(Command::Shed(count)) => count,
            _ => 0,
        };
        commands.iter_mut().map(order).collect()
    }

    #[rstest]
    #[case::enough(&[(10, 0), (10, 0)], 20, &[0, 0])]
    #[case::by_share(&[(30, 0), (10, 0)], 30, &[8, 2])]
    #[case::never_more_than_half(&[(30, 0), (10, 0)], 1, &[15, 5])]
    #[case::those_ending_count(&[(20, 6), (20, 0)], 30, &[2, 2])]
    #[case::as_many_as_asked_end_already(&[(20, 10), (20, 0)], 30, &[0, 0])]
    #[case::one_stays(&[(1, 0)], 1, &[0])]
    #[case::none_open(&[], 1, &[])]
    fn an_order_is_shared_by_connections(
        #[case] workers: &[(usize, usize)],
        #[case] at_most: usize,
        #[case] expected: &[usize],
    ) {
        let (roster, mut commands) = staffed(workers);
        let ending = roster.shed(at_most);
        let before: usize = workers.iter().map(|(_, ending)| ending).sum();
        assert_eq!(ending, before + expected.iter().sum::<usize>());
        assert_eq!(orders(&mut commands), expected);
        assert_eq!(roster.shed(at_most), ending, "given twice it is one order");
        assert!(orders(&mut commands).iter().all(|count| *count == 0));
    }
}
