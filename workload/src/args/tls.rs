//! The flags of TLS.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::settings::{ClientAuth, KeyPair, Tls};

/// Certificates and keys come in pairs, in the same order.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TlsArgs {
    /// PEM file with a certificate and its chain: the port for requests then takes TLS alone. May be repeated, each
    /// with its --tls-key: clients get the one for the name they ask for, else the first. Files are read again when
    /// they change.
    #[arg(
        long = "tls-cert",
        env = "HEADROOM_WORKLOAD_TLS_CERT",
        value_name = "FILE",
        value_delimiter = ',',
        requires = "tls_keys"
    )]
    tls_certificates: Vec<PathBuf>,
    /// PEM file with the certificate's private key.
    #[arg(
        long = "tls-key",
        env = "HEADROOM_WORKLOAD_TLS_KEY",
        value_name = "FILE",
        value_delimiter = ',',
        requires = "tls_certificates"
    )]
    tls_keys: Vec<PathBuf>,
    /// PEM file with the authorities whose certificates clients must show.
    #[arg(
        long = "tls-client-ca",
        env = "HEADROOM_WORKLOAD_TLS_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_certificates"
    )]
    client_authorities: Option<PathBuf>,
    /// Whether clients without a certificate are served.
    #[arg(long = "tls-client-auth", env = "HEADROOM_WORKLOAD_TLS_CLIENT_AUTH", default_value = "required")]
    client_demand: Demand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Demand {
    Optional,
    Required,
}

impl From<TlsArgs> for Option<Tls> {
    fn from(args: TlsArgs) -> Self {
        let TlsArgs { tls_certificates, tls_keys, client_authorities, client_demand } = args;
        if tls_certificates.is_empty() {
            return None;
        }
        // One that lacks its partner has an empty path, which the start of the server refuses by name.
        let count = tls_certificates.len().max(tls_keys.len());
        let mut files = (tls_certificates.into_iter(), tls_keys.into_iter());
        let pair = |_| KeyPair {
            certificate: files.0.next().unwrap_or_default(),
            key: files.1.next().unwrap_or_default(),
        };
        let certificates = (0..count).map(pair).collect();
        let clients = match (client_authorities, client_demand) {
            (None, _) => ClientAuth::Off,
            (Some(file), Demand::Optional) => ClientAuth::Optional(file),
            (Some(file), Demand::Required) => ClientAuth::Required(file),
        };
        Some(Tls { certificates, clients })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        tls: TlsArgs,
    }

    fn pair(certificate: &str, key: &str) -> KeyPair {
        KeyPair { certificate: certificate.into(), key: key.into() }
    }

    #[rstest]
    #[case::none(&[], None)]
    #[case::one(&["--tls-cert", "a", "--tls-key", "b"], Some((vec![pair("a", "b")], ClientAuth::Off)))]
    #[case::two(
        &["--tls-cert", "a", "--tls-key", "b", "--tls-cert", "c", "--tls-key", "d"],
        Some((vec![pair("a", "b"), pair("c", "d")], ClientAuth::Off))
    )]
    #[case::clients(
        &["--tls-cert", "a", "--tls-key", "b", "--tls-client-ca", "c"],
        Some((vec![pair("a", "b")], ClientAuth::Required("c".into())))
    )]
    #[case::perhaps(
        &["--tls-cert", "a", "--tls-key", "b", "--tls-client-ca", "c", "--tls-client-auth", "optional"],
        Some((vec![pair("a", "b")], ClientAuth::Optional("c".into())))
    )]
    #[case::too_few_keys(
        &["--tls-cert", "a", "--tls-key", "b", "--tls-cert", "c"],
        Some((vec![pair("a", "b"), pair("c", "")], ClientAuth::Off))
    )]
    fn flags_make_pairs(#[case] args: &[&str], #[case] expected: Option<(Vec<KeyPair>, ClientAuth)>) {
        let command = Command::try_parse_from([&["test"], args].concat()).unwrap();
        let expected = expected.map(|(certificates, clients)| Tls { certificates, clients });
        assert_eq!(Option::<Tls>::from(command.tls), expected);
    }

    #[rstest]
    #[case(&["--tls-cert", "a"])]
    #[case(&["--tls-key", "a"])]
    #[case(&["--tls-client-ca", "a"])]
    fn half_a_setting_is_refused(#[case] args: &[&str]) {
        assert!(Command::try_parse_from([&["test"], args].concat()).is_err());
    }
}
