//! How often a peer may fail to prove who it is: guessing is slow, and costs neither CPU nor memory.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::clock::Nanos;

/// Failures of one peer within [`WINDOW`]; further attempts are not looked at.
const FAILURES: usize = 5;
const WINDOW: Nanos = Nanos(1_000_000_000);
/// Peers remembered. More at the same time share one count.
const PEERS: usize = 1024;

/// The attempts of the last second that failed or have not ended.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    peers: HashMap<IpAddr, Vec<Nanos>>,
    /// Of all peers for which there was no room.
    others: Vec<Nanos>,
}

/// An attempt that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    peer: IpAddr,
    at: Nanos,
}

impl Attempts {
    /// Lets an attempt in, unless that might be one failure too many. It counts as failed until it is forgiven.
    pub(super) fn begin(&mut self, peer: IpAddr, at: Nanos) -> Option<Attempt> {
        self.make_room(at);
        let crowded = self.peers.len() >= PEERS && !self.peers.contains_key(&peer);
        let times = if crowded { &mut self.others } else { self.peers.entry(peer).or_default() };
        times.retain(|time| is_recent(*time, at));
        if times.len() >= FAILURES {
            return None;
        }
        times.push(at);
        Some(Attempt { peer, at })
    }

    /// The attempt succeeded.
    pub(super) fn forgive(&mut self, attempt: Attempt) {
        let times = self.peers.get_mut(&attempt.peer).unwrap_or(&mut self.others);
        if let Some(index) = times.iter().position(|time| *time == attempt.at) {
            times.swap_remove(index);
        }
    }

    /// Forgets the peers without a recent attempt, once there are too many.
    fn make_room(&mut self, now: Nanos) {
        if self.peers.len() >= PEERS {
            self.peers.retain(|_, times| times.iter().any(|time| is_recent(*time, now)));
        }
    }
}

fn is_recent(time: Nanos, now: Nanos) -> bool {
    now - time < WINDOW
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const START: Nanos = Nanos(10_000_000_000);

    fn peer(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    fn after(millis: u64) -> Nanos {
        START + Nanos(millis * 1_000_000)
    }

    fn begun(attempts: &mut Attempts, peer: IpAddr, millis: u64, count: usize) -> usize {
        (0..count).filter(|_| attempts.begin(peer, after(millis)).is_some()).count()
    }

    #[test]
    fn a_peer_fails_five_times_within_any_second() {
        let mut attempts = Attempts::default();
        assert_eq!(begun(&mut attempts, peer(1), 0, 3), 3);
        assert_eq!(begun(&mut attempts, peer(1), 900, 9), 2);
        assert_eq!(begun(&mut attempts, peer(1), 1000, 9), 3);
        assert_eq!(begun(&mut attempts, peer(1), 1899, 9), 0);
        assert_eq!(begun(&mut attempts, peer(1), 1900, 9), 2);
    }

    #[test]
    fn peers_do_not_pay_for_each_other() {
        let mut attempts = Attempts::default();
        assert_eq!(begun(&mut attempts, peer(1), 0, 9), 5);
        assert_eq!(begun(&mut attempts, peer(2), 0, 9), 5);
    }

    #[test]
    fn success_does_not_count() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            let attempt = attempts.begin(peer(1), START).unwrap();
            attempts.forgive(attempt);
        }
        assert_eq!(begun(&mut attempts, peer(1), 0, 9), 5);
    }

    #[test]
    fn many_peers_take_no_more_memory_and_share_a_count() {
        let mut attempts = Attempts::default();
        let begun_by_all =
            (0..10_000).filter(|number| attempts.begin(peer(*number), START).is_some()).count();
        assert_eq!((begun_by_all, attempts.peers.len()), (PEERS + FAILURES, PEERS));
        assert_eq!(begun(&mut attempts, peer(20_000), 1000, 9), 5);
        assert_eq!(attempts.peers.len(), 1);
    }
}
