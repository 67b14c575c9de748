//! The flags that say who may write to the admin port.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::settings::{Jwks, Read, ServiceAccount, Writes};

/// Either a token file, or what a service-account token must say; without any, writes are refused.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct WriteArgs {
    /// File with the bearer token for writes to the admin port.
    #[arg(long, env = "HEADROOM_WORKLOAD_TOKEN_FILE", conflicts_with_all = ["jwks", "token_issuer", "token_audience", "token_subject"])]
    token_file: Option<PathBuf>,
    /// The cluster's public keys (kubectl get --raw /openid/v1/jwks), as JSON or as @FILE: then writes need a
    /// service-account token. A file is read for each write.
    #[arg(long, env = "HEADROOM_WORKLOAD_JWKS", value_name = "JSON|@FILE", value_parser = parse_jwks, requires_all = ["token_issuer", "token_audience", "token_subject"])]
    jwks: Option<Jwks>,
    /// The cluster's name in its tokens (iss).
    #[arg(long, env = "HEADROOM_WORKLOAD_TOKEN_ISSUER", value_name = "URL", value_parser = parse_issuer, requires = "jwks")]
    token_issuer: Option<String>,
    /// What tokens must be meant for (aud).
    #[arg(long, env = "HEADROOM_WORKLOAD_TOKEN_AUDIENCE", value_name = "NAMESPACE/SERVICE", value_parser = parse_audience, requires = "jwks")]
    token_audience: Option<String>,
    /// The service account whose tokens they must be (sub).
    #[arg(long, env = "HEADROOM_WORKLOAD_TOKEN_SUBJECT", value_name = "system:serviceaccount:NAMESPACE:NAME", value_parser = parse_subject, requires = "jwks")]
    token_subject: Option<String>,
    /// What can be read without the token, once one is set: stats, metrics, runtime.
    #[arg(long, env = "HEADROOM_WORKLOAD_OPEN_READS", value_delimiter = ',')]
    open_reads: Vec<Open>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Open {
    Stats,
    Metrics,
    Runtime,
}

impl WriteArgs {
    pub(super) fn open_reads(&self) -> Vec<Read> {
        let read = |open: &Open| match open {
            Open::Stats => Read::Stats,
            Open::Metrics => Read::Metrics,
            Open::Runtime => Read::Runtime,
        };
        self.open_reads.iter().map(read).collect()
    }
}

impl From<WriteArgs> for Writes {
    fn from(args: WriteArgs) -> Self {
        let WriteArgs { token_file, jwks, token_issuer, token_audience, token_subject, .. } = args;
        // clap has seen to it that the four come together, and not with a token file.
        if let (Some(jwks), Some(issuer), Some(audience), Some(subject)) =
            (jwks, token_issuer, token_audience, token_subject)
        {
            return Self::ServiceAccount(ServiceAccount { jwks, issuer, audience, subject });
        }
        token_file.map_or(Self::Off, Self::TokenFile)
    }
}

fn parse_jwks(text: &str) -> Result<Jwks, String> {
    match text.strip_prefix('@') {
        Some(file) if !file.is_empty() => Ok(Jwks::File(file.into())),
        None if text.trim_start().starts_with('{') => Ok(Jwks::Inline(text.to_owned())),
        _ => Err("write the JWK set as JSON, {\"keys\":[...]}, or @FILE".to_owned()),
    }
}

fn parse_issuer(text: &str) -> Result<String, String> {
    let valid = !text.is_empty() && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| text.to_owned()).ok_or_else(|| "write the issuer's URL, at most 512 characters".to_owned())
}

fn parse_audience(text: &str) -> Result<String, String> {
    let valid =
        text.split_once('/').is_some_and(|(namespace, service)| is_name(namespace) && is_name(service));
    valid.then(|| text.to_owned()).ok_or_else(|| "write NAMESPACE/SERVICE, like shop/orders".to_owned())
}

fn parse_subject(text: &str) -> Result<String, String> {
    const FORM: &str = "write system:serviceaccount:NAMESPACE:NAME";
    let account = text.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let valid = account.is_some_and(|(namespace, name)| is_name(namespace) && is_name(name));
    valid.then(|| text.to_owned()).ok_or_else(|| FORM.to_owned())
}

/// Whether Kubernetes would take it as a name of an object.
fn is_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        writes: WriteArgs,
    }

    const ALL: [&str; 8] = [
        "--jwks",
        r#"{"keys":[]}"#,
        "--token-issuer",
        "https://kubernetes.default.svc",
        "--token-audience",
        "shop/orders",
        "--token-subject",
        "system:serviceaccount:headroom:controller",
    ];

    fn parse(args: &[&str]) -> Result<Writes, String> {
        let command = Command::try_parse_from([&["test"], args].concat());
        command.map(|command| command.writes.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn all_flags_of_a_service_account_make_one() {
        let expected = ServiceAccount {
            jwks: Jwks::Inline(r#"{"keys":[]}"#.to_owned()),
            issuer: "https://kubernetes.default.svc".to_owned(),
            audience: "shop/orders".to_owned(),
            subject: "system:serviceaccount:headroom:controller".to_owned(),
        };
        assert_eq!(parse(&ALL), Ok(Writes::ServiceAccount(expected)));
        assert_eq!(parse(&["--token-file", "f"]), Ok(Writes::TokenFile("f".into())));
        assert_eq!(parse(&[]), Ok(Writes::Off));
    }

    #[rstest]
    #[case::jwks(0, "--jwks")]
    #[case::issuer(2, "--token-issuer")]
    #[case::audience(4, "--token-audience")]
    #[case::subject(6, "--token-subject")]
    fn a_part_alone_names_what_is_missing(#[case] without: usize, #[case] missing: &str) {
        let args = [&ALL[..without], &ALL[without + 2..]].concat();
        let error = parse(&args).unwrap_err();
        assert!(error.contains("not provided") && error.contains(missing), "{error}");
    }

    #[test]
    fn what_is_open_is_a_list() {
        let command = Command::parse_from(["test", "--open-reads", "stats,metrics"]);
        assert_eq!(command.writes.open_reads(), [Read::Stats, Read::Metrics]);
        assert!(Command::try_parse_from(["test", "--open-reads", "debug"]).is_err());
    }

    #[test]
    fn a_token_file_and_a_jwk_set_exclude_each_other() {
        let error = parse(&[&ALL[..], &["--token-file", "f"]].concat()).unwrap_err();
        assert!(error.contains("cannot be used with"), "{error}");
    }

    #[rstest]
    #[case::empty_set(1, "")]
    #[case::no_json(1, "keys")]
    #[case::no_file(1, "@")]
    #[case::empty_issuer(3, "")]
    #[case::no_service(5, "shop")]
    #[case::two_services(5, "shop/orders/more")]
    #[case::user(7, "admin")]
    #[case::no_account(7, "system:serviceaccount:headroom")]
    #[case::more_than_an_account(7, "system:serviceaccount:headroom:a:b")]
    fn values_out_of_form_say_what_is_expected(#[case] index: usize, #[case] value: &str) {
        let mut args = ALL;
        args[index] = value;
        let error = parse(&args).unwrap_err();
        assert!(error.contains("write "), "{error}");
    }
}
