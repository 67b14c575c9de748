//! Counts requests that failed, whoever made them: a watch begins again by itself, and nobody else would tell.

use std::sync::Arc;

use http::StatusCode;
use tower::BoxError;

use super::bounded::DeadlineExceeded;
use crate::controller::report::metrics::Metrics;

/// The API server did what was asked of it: there is no such object, or it has changed meanwhile.
const ANSWERS: [StatusCode; 3] = [StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::GONE];

/// Where they are counted. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Failures(Arc<Metrics>);

impl Failures {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }

    /// An answer came.
    pub(super) fn note_status(&self, status: StatusCode) {
        if status.is_server_error() {
            self.count("5xx");
        } else if status.is_client_error() && !ANSWERS.contains(&status) {
            self.count("4xx");
        }
    }

    /// None came, or not to its end.
    pub(super) fn note_error(&self, error: &BoxError) {
        self.count(if error.is::<DeadlineExceeded>() { "timeout" } else { "connection" });
    }

    fn count(&self, reason: &str) {
        self.0.api_request_errors.count(&[reason]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_no_failure_do_not_count() {
        let metrics = Arc::<Metrics>::default();
        let failures = Failures::new(Arc::clone(&metrics));
        for status in [200, 404, 409, 410, 403, 429, 500] {
            failures.note_status(StatusCode::from_u16(status).unwrap());
        }
        failures.note_error(&"reset by peer".into());
        let text = metrics.text();
        let counted = |reason: &str| format!(r#"headroom_api_request_errors_total{{reason="{reason}"}}"#);
        for (reason, count) in [("4xx", "2.0"), ("5xx", "1.0"), ("connection", "1.0")] {
            let line = format!("{} {count}", counted(reason));
            assert!(text.contains(&line), "no {line} in\n{text}");
        }
        assert!(!text.contains(&counted("timeout")));
    }
}
