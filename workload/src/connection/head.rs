//! What a request's head must keep to beyond what hyper checks, before anything else looks at it.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Version};

use super::refusal::Refusal;
use crate::settings::Limits;

/// Whether the head may be accepted.
pub(super) fn check<B>(request: &Request<B>, limits: &Limits) -> Result<(), Refusal> {
    let (uri, headers) = (request.uri(), request.headers());
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target + uri.authority().map_or(0, |authority| authority.as_str().len()) > limits.uri_bytes {
        return Err(Refusal::UriTooLong);
    }
    check_host(request)?;
    // Two encodings, or one that is not "chunked", are how requests are smuggled past a proxy.
    if !all_are(headers.get_all(TRANSFER_ENCODING).iter(), 1, "chunked") {
        return Err(Refusal::Malformed("Transfer-Encoding must be \"chunked\", once\n"));
    }
    if declared_length(headers).is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(())
}

fn check_host<B>(request: &Request<B>) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let missing = match request.version() {
        Version::HTTP_11 => host.is_none(),
        Version::HTTP_2 => host.is_none() && request.uri().authority().is_none(),
        _ => false,
    };
    if second.is_some() || missing {
        return Err(Refusal::Malformed("there must be exactly one Host header\n"));
    }
    match (request.uri().authority(), host) {
        (Some(target), Some(host)) if !target.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            Err(Refusal::Malformed("the Host header differs from the request target\n"))
        }
        _ => Ok(()),
    }
}

fn all_are<'a>(mut values: impl Iterator<Item = &'a HeaderValue>, at_most: usize, wanted: &str) -> bool {
    let mut count = 0;
    values.all(|value| {
        count += 1;
        count <= at_most && value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes())
    })
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(&[("host", "a")], "/", Ok(()))]
    #[case::no_host(&[], "/", Err(Refusal::Malformed("there must be exactly one Host header\n")))]
    #[case::two_hosts(&[("host", "a"), ("host", "a")], "/", Err(Refusal::Malformed("there must be exactly one Host header\n")))]
    #[case::absolute(&[("host", "a")], "http://A/x", Ok(()))]
    #[case::other_target(&[("host", "a")], "http://b/x", Err(Refusal::Malformed("the Host header differs from the request target\n")))]
    #[case::chunked(&[("host", "a"), ("transfer-encoding", "chunked")], "/", Ok(()))]
    #[case::twice_chunked(&[("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], "/", Err(Refusal::Malformed("Transfer-Encoding must be \"chunked\", once\n")))]
    #[case::gzip(&[("host", "a"), ("transfer-encoding", "gzip, chunked")], "/", Err(Refusal::Malformed("Transfer-Encoding must be \"chunked\", once\n")))]
    #[case::just_fits(&[("host", "a"), ("content-length", "100")], "/123456789", Ok(()))]
    #[case::large(&[("host", "a"), ("content-length", "101")], "/", Err(Refusal::BodyTooLarge))]
    #[case::long(&[("host", "a")], "/1234567890", Err(Refusal::UriTooLong))]
    fn heads_are_checked(
        #[case] headers: &[(&str, &str)],
        #[case] target: &str,
        #[case] expected: Result<(), Refusal>,
    ) {
        let limits = Limits { uri_bytes: 10, body_bytes: 100, ..Limits::default() };
        let request =
            headers.iter().fold(Request::get(target), |request, (name, value)| request.header(*name, *value));
        assert_eq!(check(&request.body(()).unwrap(), &limits), expected);
    }
}
