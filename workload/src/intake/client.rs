//! Who a request comes from, and whether that client is within its rate.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;

use super::buckets::{Buckets, Level};
use super::network::masked;
use crate::clock::Nanos;
use crate::connection::Peer;
use crate::settings::{ClientKey, ClientLimits};

/// The limits of all clients, shared by the workers.
#[derive(Debug)]
pub(crate) struct Clients {
    limits: ClientLimits,
    /// Keyed at random, so that nobody can choose names that meet in one bucket.
    hasher: RandomState,
    buckets: Buckets,
}

/// What names a client.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Name<'a> {
    Header(&'a [u8]),
    Subject(&'a str),
    Address(IpAddr),
}

impl Clients {
    pub(crate) fn new(limits: &ClientLimits) -> Arc<Self> {
        let buckets = Buckets::new(limits.rate, limits.burst);
        Arc::new(Self { limits: limits.clone(), hasher: RandomState::new(), buckets })
    }

    /// What is left of what the client may send at `now`; one more request is taken from it.
    pub(super) fn take(&self, now: Nanos, headers: &HeaderMap, peer: &Peer) -> Level {
        self.buckets.take(now, self.hasher.hash_one(self.name(headers, peer)))
    }

    /// How many clients are not at rest.
    pub(crate) fn in_use(&self, now: Nanos) -> usize {
        self.buckets.in_use(now)
    }

    fn name<'a>(&self, headers: &'a HeaderMap, peer: &'a Peer) -> Name<'a> {
        let named = match &self.limits.key {
            ClientKey::Header(name) => headers.get(name).map(|value| Name::Header(value.as_bytes())),
            ClientKey::Certificate => peer.subject.as_deref().map(Name::Subject),
            ClientKey::Address => None,
        };
        // A client without a name is not without a limit.
        named.unwrap_or_else(|| Name::Address(host(self.address(headers, peer.address))))
    }

    /// The nearest address that is not one of ours: what a proxy adds is the address it was called from, and all that
    /// was there before may be invented.
    fn address(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let is_trusted =
            |address| self.limits.trusted_proxies.iter().any(|proxies| proxies.contains(address));
        let mut nearest = peer;
        let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
        for hop in lines.flat_map(|line| line.rsplit(',')) {
            if !is_trusted(nearest) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            nearest = address.to_canonical();
        }
        nearest
    }
}

/// The address of a host: with IPv6, one has as many as it likes in its /64.
fn host(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => masked(address, 64).into(),
    }
}

/// For the fuzz targets: a network in the first line, `X-Forwarded-For` in the others. What stands before an address
/// that is not a proxy's changes nothing, and who is no proxy is believed nothing.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(bytes: &[u8]) {
    use http::HeaderValue;

    use super::network::Network;

    let mut lines = bytes.split(|byte| *byte == b'\n');
    let network = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.parse::<Network>().ok());
    let Some(proxies) = network else { return };
    assert_eq!(proxies.to_string().parse::<Network>(), Ok(proxies));
    let one = std::num::NonZeroU32::MIN;
    let limits =
        ClientLimits { key: ClientKey::Address, rate: one, burst: one, trusted_proxies: vec![proxies] };
    let clients = Clients::new(&limits);
    let name = http::HeaderName::from_static("x-forwarded-for");
    let lines = lines.filter_map(|line| Some((name.clone(), HeaderValue::from_bytes(line).ok()?)));
    let forwarded: Vec<_> = lines.collect();
    let headers: HeaderMap = forwarded.iter().cloned().collect();
    for peer in [IpAddr::from([10, 0, 0, 1]), IpAddr::from([203, 0, 113, 9])] {
        let found = clients.address(&headers, peer);
        assert!(found == peer || proxies.contains(peer));
        if !proxies.contains(found) {
            let invented = std::iter::once((name.clone(), HeaderValue::from_static("192.0.2.1")));
            let headers: HeaderMap = invented.chain(forwarded.iter().cloned()).collect();
            assert_eq!(clients.address(&headers, peer), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use http::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    fn clients(key: ClientKey) -> Arc<Clients> {
        let trusted_proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec();
        let two = NonZeroU32::new(2).unwrap();
        Clients::new(&ClientLimits { key, rate: two, burst: two, trusted_proxies })
    }

    fn headers(forwarded: &[&'static str]) -> HeaderMap {
        let name = HeaderName::from_static("x-forwarded-for");
        forwarded.iter().map(|line| (name.clone(), HeaderValue::from_static(line))).collect()
    }

    fn peer(address: &str) -> Peer {
        Peer { address: address.parse().unwrap(), subject: None }
    }

    #[rstest]
    #[case::direct("203.0.113.9", &[], "203.0.113.9")]
    #[case::untrusted_proxy("203.0.113.9", &["198.51.100.1"], "203.0.113.9")]
    #[case::proxy("10.0.0.1", &["198.51.100.1"], "198.51.100.1")]
    #[case::invented("10.0.0.1", &["1.2.3.4, 198.51.100.1"], "198.51.100.1")]
    #[case::two_proxies("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"], "198.51.100.1")]
    #[case::two_lines("10.0.0.1", &["1.2.3.4", "198.51.100.1,10.0.0.2"], "198.51.100.1")]
    #[case::all_trusted("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3")]
    #[case::nonsense("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1")]
    #[case::six("fd00::1", &["2001:db8::1"], "2001:db8::1")]
    fn the_nearest_address_that_is_not_a_proxys_is_the_clients(
        #[case] from: &str,
        #[case] forwarded: &[&'static str],
        #[case] expected: &str,
    ) {
        let found = clients(ClientKey::Address).address(&headers(forwarded), from.parse().unwrap());
        assert_eq!(found, expected.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn each_client_has_its_own_bucket() {
        let clients = clients(ClientKey::Header(HeaderName::from_static("x-client")));
        let takes = |name: &'static str| {
            let headers = [(HeaderName::from_static("x-client"), HeaderValue::from_static(name))];
            clients.take(Nanos(1), &headers.into_iter().collect(), &peer("192.0.2.1")) != Level::Empty
        };
        assert_eq!(["a", "a", "a", "b"].map(takes), [true, true, false, true]);
        assert_eq!(clients.in_use(Nanos(1)), 2);
    }

    #[test]
    fn without_a_name_the_address_counts() {
        for key in [ClientKey::Certificate, ClientKey::Header(HeaderName::from_static("x-client"))] {
            let clients = clients(key);
            let from = |address| clients.take(Nanos(1), &HeaderMap::new(), &peer(address)) != Level::Empty;
            assert_eq!(
                ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(from),
                [true, true, false, true]
            );
        }
    }

    #[test]
    fn a_certificate_names_its_holder_wherever_it_is() {
        let clients = clients(ClientKey::Certificate);
        let from = |address: &str| {
            let peer = Peer { subject: Some(Arc::from("CN=a")), ..peer(address) };
            clients.take(Nanos(1), &HeaderMap::new(), &peer) != Level::Empty
        };
        assert_eq!(["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(from), [true, true, false]);
    }

    #[test]
    fn one_host_is_one_client_whatever_address_of_its_network_it_takes() {
        let clients = clients(ClientKey::Address);
        let from = |address| clients.take(Nanos(1), &HeaderMap::new(), &peer(address)) != Level::Empty;
        assert_eq!(
            ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"].map(from),
            [true, true, false, true]
        );
    }
}
