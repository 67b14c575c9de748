//! Answers the server gives itself, made without looking at the request any further.

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::admission::Rejection;

/// Why the server itself answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The head is against HTTP's rules; says which.
    Malformed(&'static str),
    UriTooLong,
    BodyTooLarge,
    /// There is no room for it.
    Overloaded(Rejection),
    /// Everything is given up for a while.
    BrownedOut,
    /// The handler took too long.
    TimedOut,
    /// The client sent its body too slowly.
    BodyTooSlow,
    /// The handler panicked, or its worker ended before it.
    Crashed,
}

impl Refusal {
    pub(crate) fn response(self) -> Response<Body> {
        let (status, text) = self.parts();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        match self {
            refusal if refusal.is_worth_a_retry() => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))
            }
            Self::Overloaded(_) | Self::BrownedOut | Self::TimedOut | Self::Crashed => None,
            // What follows on such a connection can't be trusted to be a request.
            Self::Malformed(_) | Self::UriTooLong | Self::BodyTooLarge | Self::BodyTooSlow => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"))
            }
        };
        response
    }

    pub(crate) fn status(self) -> StatusCode {
        self.parts().0
    }

    /// What the client is told.
    pub(super) fn text(self) -> &'static str {
        self.parts().1
    }

    /// Whether it may go better in a moment.
    pub(super) fn is_worth_a_retry(self) -> bool {
        match self {
            Self::Overloaded(reason) => reason != Rejection::DeadlineExpired,
            Self::BrownedOut => true,
            _ => false,
        }
    }

    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(rule) => (StatusCode::BAD_REQUEST, rule),
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "the request target is too long\n"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n"),
            Self::Overloaded(reason) => (overload_status(reason), overload_text(reason)),
            Self::BrownedOut => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded: nothing is served for a while\n")
            }
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "the request took too long\n"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "the request body came too slowly\n"),
            Self::Crashed => (StatusCode::INTERNAL_SERVER_ERROR, "the request failed inside the server\n"),
        }
    }
}

fn overload_status(reason: Rejection) -> StatusCode {
    match reason {
        Rejection::ClientLimit => StatusCode::TOO_MANY_REQUESTS,
        Rejection::DeadlineExpired => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn overload_text(reason: Rejection) -> &'static str {
    match reason {
        Rejection::QueueFull => "overloaded: the queue is full\n",
        Rejection::DelayBound => "overloaded: the wait would be too long\n",
        Rejection::ClientLimit => "too many requests of this client\n",
        Rejection::Priority => "overloaded: more important requests come first\n",
        Rejection::DeadlineExpired => "the deadline has passed\n",
        Rejection::Draining => "overloaded: the server is stopping\n",
        Rejection::Abandoned | Rejection::Malformed => "not accepted\n",
    }
}
