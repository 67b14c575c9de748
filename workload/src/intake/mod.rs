//! What is looked at before a request is admitted: who sends it, how important it is, and until when it is of use.

mod deadline;

use axum::body::Body;
use http::{HeaderMap, HeaderName, Request};

use crate::admission::{Class, Marks, Rejection};
use crate::clock::Nanos;
use crate::settings::Overload;

/// One worker's look at what arrives.
#[derive(Debug)]
pub(crate) struct Intake {
    priority: HeaderName,
}

impl Intake {
    pub(crate) fn new(settings: &Overload) -> Self {
        Self { priority: settings.priority_header.clone() }
    }

    /// What admission has to know of a request that came at `now`; or why it is turned away before that.
    pub(crate) fn check(&self, now: Nanos, request: &Request<Body>) -> Result<Marks, (Marks, Rejection)> {
        let marks = self.read(now, request.headers());
        if marks.deadline.is_some_and(|deadline| deadline <= now) {
            return Err((marks, Rejection::DeadlineExpired));
        }
        Ok(marks)
    }

    /// One pass over the names is cheaper than to ask for each: most requests have none of them.
    fn read(&self, now: Nanos, headers: &HeaderMap) -> Marks {
        let mut marks = Marks::default();
        for (name, value) in headers {
            let deadline = match name.as_str() {
                "x-retry-attempt" => {
                    marks.retry = true;
                    None
                }
                "x-timeout-at" => deadline::timeout_at(value.as_bytes(), now),
                "grpc-timeout" => deadline::grpc_timeout(value.as_bytes()).map(|timeout| now + timeout),
                _ if *name == self.priority => {
                    marks.class = Class::named(value.as_bytes());
                    None
                }
                _ => None,
            };
            // The first that passes counts.
            marks.deadline = marks.deadline.into_iter().chain(deadline).min();
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::*;

    const NOW: Nanos = Nanos(5_000_000_000);

    fn marks(headers: &[(&'static str, &'static str)]) -> Marks {
        let intake = Intake::new(&Overload::default());
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        intake.read(NOW, &pairs.collect())
    }

    #[rstest]
    #[case::nothing(&[("host", "a")], Marks::default())]
    #[case::retry(&[("x-retry-attempt", "2")], Marks { retry: true, ..Marks::default() })]
    #[case::class(&[("x-priority", "bulk")], Marks { class: Class::Bulk, ..Marks::default() })]
    #[case::timeout(&[("grpc-timeout", "1S")], Marks { deadline: Some(Nanos(6_000_000_000)), ..Marks::default() })]
    #[case::first(
        &[("grpc-timeout", "1S"), ("x-timeout-at", "1970-01-01T00:00:00Z")],
        Marks { deadline: Some(Nanos(0)), ..Marks::default() }
    )]
    #[case::nonsense(&[("grpc-timeout", "soon"), ("x-timeout-at", "soon")], Marks::default())]
    fn headers_become_marks(#[case] headers: &[(&'static str, &'static str)], #[case] expected: Marks) {
        assert_eq!(marks(headers), expected);
    }

    #[test]
    fn a_deadline_that_has_passed_is_refused() {
        let intake = Intake::new(&Overload::default());
        let check = |timeout: &str| {
            let request = Request::builder().header("grpc-timeout", timeout);
            intake.check(NOW, &request.body(Body::empty()).unwrap()).map_err(|(_, reason)| reason)
        };
        assert_eq!(check("0S"), Err(Rejection::DeadlineExpired));
        let marks = Marks { deadline: Some(NOW + Nanos(1)), ..Marks::default() };
        assert_eq!(check("1n"), Ok(marks));
    }
}
