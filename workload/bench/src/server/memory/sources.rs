//! From which addresses of the loopback network many connections come.

use std::net::{IpAddr, Ipv4Addr};

/// Connections from one address. It has 28,232 ports, but with half of them taken the kernel looks at 14,000 for each
/// further one.
const FROM_ONE: usize = 10_000;

/// Turns that have addresses of their own; then they come again.
const TURNS: usize = 100;

/// How many connections come from which address. A few come from whatever address the system takes.
pub fn sources(connections: usize, turn: usize) -> Vec<(Option<IpAddr>, usize)> {
    if connections <= FROM_ONE {
        return vec![(None, connections)];
    }
    let address = |number: usize| {
        let [.., high, low] = (number + 1).to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(127, 100 + (turn % TURNS) as u8, high, low))
    };
    (0..connections.div_ceil(FROM_ONE))
        .map(|number| (Some(address(number)), FROM_ONE.min(connections - number * FROM_ONE)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1, &[1])]
    #[case(10_000, &[10_000])]
    #[case(10_001, &[10_000, 1])]
    #[case(100_000, &[10_000; 10])]
    fn none_has_too_many(#[case] connections: usize, #[case] expected: &[usize]) {
        let counts: Vec<_> = sources(connections, 0).into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, expected);
    }

    #[test]
    fn no_address_is_used_twice() {
        let all: Vec<_> =
            (0..TURNS).flat_map(|turn| sources(300 * FROM_ONE, turn)).filter_map(|(from, _)| from).collect();
        assert!(all.iter().all(IpAddr::is_loopback));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 300 * TURNS);
    }
}
