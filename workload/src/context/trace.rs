//! W3C Trace Context, as far as it has to be understood to be passed on.

/// Names the parent span.
pub(crate) const PARENT: &str = "traceparent";
/// What tracing systems add to it.
pub(super) const STATE: &str = "tracestate";

/// Whether it is `VERSION-TRACE-PARENT-FLAGS` in lower-case hexadecimal digits, and neither trace nor parent is zero.
/// A later version may have more after a further dash.
pub(crate) fn is_valid(parent: &[u8]) -> bool {
    let [version @ .., _] = parent.get(..3).unwrap_or_default() else { return false };
    let (Some(trace), Some(span), Some(flags)) = (parent.get(3..35), parent.get(36..52), parent.get(53..55))
    else {
        return false;
    };
    let dashes = [2, 35, 52].iter().all(|at| parent[*at] == b'-');
    let end = match parent.get(55) {
        None => true,
        Some(b'-') => version != b"00",
        Some(_) => false,
    };
    let known = version != b"ff" && [version, flags].iter().all(|part| is_hexadecimal(part));
    dashes
        && end
        && known
        && [trace, span].iter().all(|id| is_hexadecimal(id) && id.iter().any(|c| *c != b'0'))
}

fn is_hexadecimal(text: &[u8]) -> bool {
    text.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::usual("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true)]
    #[case::later_version("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true)]
    #[case::more_than_version_0("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false)]
    #[case::version_ff("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false)]
    #[case::no_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false)]
    #[case::no_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false)]
    #[case::upper_case("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false)]
    #[case::other_separator("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false)]
    #[case::long_flags("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", false)]
    #[case::short("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false)]
    #[case::empty("", false)]
    fn only_what_the_standard_describes_is_passed_on(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(is_valid(text.as_bytes()), valid);
    }
}
