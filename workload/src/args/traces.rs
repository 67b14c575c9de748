//! The flags about traces.

use http::Uri;

use crate::settings::Traces;

/// Where spans go.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TraceArgs {
    /// A collector that takes OTLP over HTTP, like `http://127.0.0.1:4318`; without it there are no traces.
    #[arg(long, env = "HEADROOM_WORKLOAD_OTLP_ENDPOINT", value_name = "URL", value_parser = parse_endpoint)]
    otlp_endpoint: Option<Uri>,
    /// The share of requests, 0 to 1, of which spans are sent where clients have not decided.
    #[arg(long, env = "HEADROOM_WORKLOAD_TRACE_SAMPLE", default_value_t = 0.01, value_parser = parse_share, value_name = "SHARE")]
    trace_sample: f64,
    /// The service's name in traces.
    #[arg(
        long,
        env = "HEADROOM_WORKLOAD_TRACE_SERVICE",
        default_value = "headroom-workload",
        value_name = "NAME"
    )]
    trace_service: String,
}

impl From<TraceArgs> for Option<Traces> {
    fn from(args: TraceArgs) -> Self {
        let TraceArgs { otlp_endpoint, trace_sample: share, trace_service: service } = args;
        otlp_endpoint.map(|endpoint| Traces { endpoint, share, service })
    }
}

fn parse_endpoint(text: &str) -> Result<Uri, String> {
    let uri =
        text.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http") && uri.query().is_none());
    uri.ok_or_else(|| "write http://HOST:PORT; for TLS, send to a collector beside the server".to_owned())
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a share from 0 to 1, like 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://127.0.0.1:4318", true)]
    #[case("http://collector.observability/base/", true)]
    #[case("https://collector:4318", false)]
    #[case("collector:4318", false)]
    #[case("", false)]
    fn endpoints_are_plain_http(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(parse_endpoint(text).is_ok(), valid);
    }

    #[rstest]
    #[case("0.5", true)]
    #[case("0", true)]
    #[case("1.01", false)]
    #[case("NaN", false)]
    #[case("-1", false)]
    fn shares_are_between_0_and_1(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(parse_share(text).is_ok(), valid);
    }
}
