//! A range of addresses.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A network of addresses, written as `10.0.0.0/8` or `fd00::/8`; an address alone is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write an address and the length of the network's prefix, like 10.0.0.0/8, not {0:?}")]
pub struct NetworkError(String);

impl Network {
    /// Whether the address is one of the network's. An IPv4 address in IPv6 form is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix);
                (u64::from(own.to_bits()) >> shift) == (u64::from(other.to_bits()) >> shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => masked(own, self.prefix) == masked(other, self.prefix),
            _ => false,
        }
    }
}

/// An address without what follows the prefix.
pub(super) fn masked(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or_default();
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError(text.chars().take(64).collect());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(at, prefix)| (at, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| error())?;
        if prefix > longest {
            return Err(error());
        }
        Ok(Self { address, prefix })
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10.0.0.0/8", "10.255.0.1", true)]
    #[case("10.0.0.0/8", "11.0.0.1", false)]
    #[case("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    #[case("0.0.0.0/0", "203.0.113.9", true)]
    #[case("0.0.0.0/0", "::1", false)]
    #[case("192.0.2.7", "192.0.2.7", true)]
    #[case("192.0.2.7", "192.0.2.8", false)]
    #[case("192.0.2.0/31", "192.0.2.1", true)]
    #[case("fd00::/8", "fdff::1", true)]
    #[case("fd00::/8", "fe00::1", false)]
    #[case("::/0", "fe00::1", true)]
    fn addresses_are_inside_or_outside(
        #[case] network: Network,
        #[case] address: IpAddr,
        #[case] inside: bool,
    ) {
        assert_eq!(network.contains(address), inside, "{network}");
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("fd00::/129")]
    #[case("10.0.0/8")]
    #[case("10.0.0.0/")]
    #[case("10.0.0.0/-1")]
    #[case("here")]
    #[case("")]
    fn what_is_no_network_says_what_is(#[case] text: &str) {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(error.contains("like 10.0.0.0/8"), "{error}");
    }
}
