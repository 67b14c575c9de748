//! Flags for overload and fairness.

use std::num::NonZeroU32;

use clap::ValueEnum;
use http::HeaderName;

use crate::intake::Network;
use crate::settings::{Admission, ClientKey, ClientLimits, Overload, Wait};

/// What the server does when more arrives than it can serve.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct OverloadArgs {
    /// What decides how many requests run at the same time.
    #[arg(long, env = "HEADROOM_WORKLOAD_ADMISSION", default_value = "auto")]
    admission: Mode,
    /// The header in which clients say how important a request is: critical, high, normal or bulk.
    #[arg(
        long,
        env = "HEADROOM_WORKLOAD_PRIORITY_HEADER",
        value_name = "NAME",
        default_value = "x-priority"
    )]
    priority_header: HeaderName,
    /// Paths that begin so are spared while the workers' CPU is nearly used up; may be repeated.
    #[arg(long, env = "HEADROOM_WORKLOAD_CORE_ROUTE", value_name = "PREFIX", value_parser = parse_route, value_delimiter = ',')]
    core_route: Vec<String>,
    /// What tells clients apart, and so switches their limit on: header:NAME, mtls or peer.
    #[arg(long, env = "HEADROOM_WORKLOAD_CLIENT_KEY", value_parser = parse_key)]
    client_key: Option<ClientKey>,
    /// Requests per second that one client may send.
    #[arg(long, env = "HEADROOM_WORKLOAD_CLIENT_RATE", default_value = "200", requires = "client_key")]
    client_rate: NonZeroU32,
    /// Requests that one client may send at once after a pause. Default: as many as in a tenth of a second.
    #[arg(long, env = "HEADROOM_WORKLOAD_CLIENT_BURST", requires = "client_key")]
    client_burst: Option<NonZeroU32>,
    /// A network of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8; may be repeated.
    #[arg(
        long,
        env = "HEADROOM_WORKLOAD_TRUSTED_PROXY",
        value_name = "CIDR",
        requires = "client_key",
        value_delimiter = ','
    )]
    trusted_proxy: Vec<Network>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Slots where they are set, what is measured elsewhere.
    Auto,
    /// What is measured, up to the slots.
    Adaptive,
    /// Slots, and a queue with no bounds but those that are set.
    Fixed,
    /// Nothing.
    Off,
}

impl From<OverloadArgs> for Overload {
    fn from(args: OverloadArgs) -> Self {
        let admission = match args.admission {
            Mode::Auto => Admission::Auto,
            Mode::Adaptive => Admission::Adaptive,
            Mode::Fixed => Admission::Fixed,
            Mode::Off => Admission::Off,
        };
        let clients = args.client_key.map(|key| ClientLimits {
            key,
            rate: args.client_rate,
            burst: args.client_burst.unwrap_or_else(|| tenth(args.client_rate)),
            trusted_proxies: args.trusted_proxy,
        });
        Self {
            admission,
            wait: Wait::default(),
            priority_header: args.priority_header,
            core_routes: args.core_route,
            clients,
        }
    }
}

/// More at once would fill the queue for longer than most objectives allow.
fn tenth(rate: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(rate.get() / 10).unwrap_or(NonZeroU32::MIN)
}

fn parse_key(text: &str) -> Result<ClientKey, String> {
    match text.split_once(':') {
        None if text == "peer" => Ok(ClientKey::Address),
        None if text == "mtls" => Ok(ClientKey::Certificate),
        Some(("header", name)) if !name.is_empty() => {
            name.parse().map(ClientKey::Header).map_err(|_| format!("{name:?} is no name of a header"))
        }
        _ => Err("write header:NAME, mtls or peer".to_owned()),
    }
}

fn parse_route(text: &str) -> Result<String, String> {
    let route = text.starts_with('/').then(|| text.to_owned());
    route.ok_or_else(|| "write the beginning of a path, like /checkout".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        overload: OverloadArgs,
    }

    fn parse(args: &[&str]) -> Result<Overload, String> {
        let command = Command::try_parse_from([&["test"], args].concat());
        command.map(|command| command.overload.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn all_flags_are_taken() {
        let overload = parse(&[
            "--admission=adaptive",
            "--priority-header=x-class",
            "--core-route=/pay,/login",
            "--client-key=header:x-client",
            "--client-rate=5",
            "--client-burst=7",
            "--trusted-proxy=10.0.0.0/8,fd00::/8",
        ]);
        let clients = ClientLimits {
            key: ClientKey::Header(HeaderName::from_static("x-client")),
            rate: NonZeroU32::new(5).unwrap(),
            burst: NonZeroU32::new(7).unwrap(),
            trusted_proxies: ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap()).to_vec(),
        };
        let expected = Overload {
            wait: Wait::default(),
            admission: Admission::Adaptive,
            priority_header: HeaderName::from_static("x-class"),
            core_routes: vec!["/pay".to_owned(), "/login".to_owned()],
            clients: Some(clients),
        };
        assert_eq!(overload, Ok(expected));
    }

    #[test]
    fn a_tenth_of_a_second_is_the_burst_unless_it_is_said() {
        let clients = parse(&["--client-key=peer"]).unwrap().clients.unwrap();
        assert_eq!((clients.rate.get(), clients.burst.get()), (200, 20));
        assert_eq!(clients.key, ClientKey::Address);
    }

    #[rstest]
    #[case("--client-key=header:")]
    #[case("--client-key=header:a b")]
    #[case("--client-key=ip")]
    #[case("--client-key=peer:x")]
    #[case("--client-rate=5")]
    #[case("--trusted-proxy=10.0.0.0/8")]
    #[case("--core-route=pay")]
    #[case("--priority-header=")]
    #[case("--admission=maybe")]
    fn what_has_no_meaning_is_refused(#[case] flag: &str) {
        assert!(parse(&[flag]).is_err());
    }
}
