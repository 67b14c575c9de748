//! What is looked at before a request is admitted: who sends it, how important it is, and until when it is of use.

mod buckets;
mod client;
mod deadline;
mod flow;
mod network;

pub(crate) use client::Clients;
pub use network::{Network, NetworkError};

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(crate) use deadline::{grpc_timeout, timeout_at};

use axum::body::Body;
use http::{HeaderMap, HeaderName, Request};

use self::buckets::Level;
use self::flow::{Flow, Route};
use crate::admission::{Class, Marks, Rejection};
use crate::clock::Nanos;
use crate::connection::Peer;
use crate::host::thread_cpu_seconds;
use crate::settings::Overload;

/// What the intakes of all workers share.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) clients: Option<Arc<Clients>>,
    /// The part of a CPU that each worker has, as the bits of a number.
    cpu_share: AtomicU64,
}

/// One worker's look at what arrives.
#[derive(Debug)]
pub(crate) struct Intake {
    priority: HeaderName,
    core_routes: Vec<String>,
    watch: Arc<Watch>,
    flow: RefCell<Flow>,
}

impl Watch {
    pub(crate) fn new(settings: &Overload) -> Arc<Self> {
        let clients = settings.clients.as_ref().map(Clients::new);
        Arc::new(Self { clients, cpu_share: AtomicU64::new(1f64.to_bits()) })
    }

    /// Each worker has this part of a CPU.
    pub(crate) fn set_cpu_share(&self, share: f64) {
        self.cpu_share.store(share.to_bits(), Relaxed);
    }

    fn cpu_share(&self) -> f64 {
        f64::from_bits(self.cpu_share.load(Relaxed))
    }
}

impl Intake {
    pub(crate) fn new(settings: &Overload, watch: Arc<Watch>) -> Self {
        Self {
            priority: settings.priority_header.clone(),
            core_routes: settings.core_routes.clone(),
            watch,
            flow: RefCell::default(),
        }
    }

    /// What admission has to know of a request that came at `now`; or why it is turned away before that. The client's
    /// own limit comes first: a flood must not cost more than a look at its bucket. What a client sends at its limit
    /// waits behind the others.
    pub(crate) fn check(
        &self,
        now: Nanos,
        request: &Request<Body>,
        peer: &Peer,
    ) -> Result<Marks, (Marks, Rejection)> {
        let mut marks = self.read(now, request.headers());
        match self.watch.clients.as_ref().map(|clients| clients.take(now, request.headers(), peer)) {
            Some(Level::Empty) => return Err((marks, Rejection::ClientLimit)),
            Some(Level::Low) => marks.class = marks.class.lower(),
            Some(Level::Ample) | None => {}
        }
        if marks.deadline.is_some_and(|deadline| deadline <= now) {
            return Err((marks, Rejection::DeadlineExpired));
        }
        if !self.core_routes.is_empty() && !self.flows(now, request.uri().path(), marks.class) {
            return Err((marks, Rejection::Priority));
        }
        Ok(marks)
    }

    /// Whether requests without headers of meaning are all alike to it.
    pub(crate) fn is_blind(&self) -> bool {
        self.watch.clients.is_none() && self.core_routes.is_empty()
    }

    fn flows(&self, now: Nanos, path: &str, class: Class) -> bool {
        let is_core = self.core_routes.iter().any(|prefix| path.starts_with(prefix));
        let route = if is_core { Route::Core } else { Route::Other(class) };
        self.flow.borrow_mut().admits(now, route, self.watch.cpu_share(), thread_cpu_seconds)
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

#[cfg(feature = "fuzz")]
pub(crate) use client::fuzz as fuzz_clients;

/// For the fuzz targets: the later it is, the later the moment, and what gRPC allows is at most 99,999,999 hours.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz_deadlines(bytes: &[u8]) {
    let hour = Nanos(3_600_000_000_000);
    let at = |now| deadline::timeout_at(bytes, now);
    // Beyond some centuries all moments are the same.
    let far = Some(Nanos::MAX.scaled(0.5));
    assert!(at(Nanos(1)) <= at(hour) || at(hour) > far);
    assert_eq!(at(Nanos(1)).is_some(), at(hour).is_some());
    if let Some(span) = deadline::grpc_timeout(bytes) {
        assert!((2..=9).contains(&bytes.len()) && span <= hour.scaled(99_999_999.0));
    }
}

/// For the fuzz targets: a deadline that has passed counts, whatever stands beside it, and changes nothing else.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz_marks(headers: &HeaderMap) {
    let settings = Overload::default();
    let intake = Intake::new(&settings, Watch::new(&settings));
    let marks = intake.read(Nanos(1), headers);
    assert_eq!(marks.retry, headers.contains_key("x-retry-attempt"));
    let mut late = headers.clone();
    late.append("x-timeout-at", http::HeaderValue::from_static("0"));
    assert_eq!(intake.read(Nanos(1), &late), Marks { deadline: Some(Nanos(0)), ..marks });
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use http::HeaderValue;
    use rstest::rstest;

    use super::*;
    use crate::settings::{ClientKey, ClientLimits};

    const NOW: Nanos = Nanos(5_000_000_000);

    fn intake() -> Intake {
        let settings = Overload::default();
        Intake::new(&settings, Watch::new(&settings))
    }

    fn marks(headers: &[(&'static str, &'static str)]) -> Marks {
        let intake = intake();
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
    fn a_client_at_its_limit_waits_behind_the_others() {
        let twenty = NonZeroU32::new(20).unwrap();
        let limits = ClientLimits {
            key: ClientKey::Address,
            rate: twenty,
            burst: twenty,
            trusted_proxies: Vec::new(),
        };
        let settings = Overload { clients: Some(limits), ..Overload::default() };
        let intake = Intake::new(&settings, Watch::new(&settings));
        let peer = Peer::at("192.0.2.1:1".parse().unwrap());
        let send = |priority: &str| {
            let request = Request::builder().header("x-priority", priority).body(Body::empty()).unwrap();
            intake.check(NOW, &request, &peer).map(|marks| marks.class)
        };
        assert_eq!(send("normal").unwrap(), Class::Normal);
        (1..19).for_each(|_| assert!(send("normal").is_ok()));
        assert_eq!(send("high").unwrap(), Class::Normal);
        assert_eq!(send("high").unwrap_err().1, Rejection::ClientLimit);
    }

    #[test]
    fn a_deadline_that_has_passed_is_refused() {
        let (intake, peer) = (intake(), Peer::at("192.0.2.1:1".parse().unwrap()));
        let check = |timeout: &str| {
            let request = Request::builder().header("grpc-timeout", timeout).body(Body::empty()).unwrap();
            intake.check(NOW, &request, &peer).map_err(|(_, reason)| reason)
        };
        assert_eq!(check("0S"), Err(Rejection::DeadlineExpired));
        let marks = Marks { deadline: Some(NOW + Nanos(1)), ..Marks::default() };
        assert_eq!(check("1n"), Ok(marks));
    }
}
