//! What the process's pools and breakers say of themselves.

use std::fmt;

use super::{Text, escaped};
use crate::upstream::{BreakerState, Seen};

type Rows = Vec<(String, f64)>;

impl Text {
    pub(super) fn upstream(&mut self, seen: &[Seen]) -> fmt::Result {
        for (name, kind, help, value) in [
            ("upstream_connections", "gauge", "Open connections of a pool.", open as fn(&Seen) -> _),
            ("upstream_connections_in_use", "gauge", "Connections that carry a request.", in_use),
            ("upstream_connections_leaked", "gauge", "Connections in use for too long.", leaked),
            ("upstream_connections_opened_total", "counter", "Connections made.", opened),
            ("breaker_state", "gauge", "0: closed, 1: half-open, 2: open.", state),
            ("breaker_refused_total", "counter", "Calls that did not go through.", refused),
        ] {
            let rows: Rows = seen.iter().filter_map(|one| Some((labels(one), value(one)?))).collect();
            if !rows.is_empty() {
                self.family(name, kind, help, &rows)?;
            }
        }
        Ok(())
    }
}

fn labels(seen: &Seen) -> String {
    let (Seen::Pool { name, .. } | Seen::Breaker { name, .. }) = seen;
    format!("upstream=\"{}\"", escaped(name))
}

fn open(seen: &Seen) -> Option<f64> {
    if let Seen::Pool { open, .. } = seen { Some(*open as f64) } else { None }
}

fn in_use(seen: &Seen) -> Option<f64> {
    if let Seen::Pool { in_use, .. } = seen { Some(*in_use as f64) } else { None }
}

fn leaked(seen: &Seen) -> Option<f64> {
    if let Seen::Pool { leaked, .. } = seen { Some(*leaked as f64) } else { None }
}

fn opened(seen: &Seen) -> Option<f64> {
    if let Seen::Pool { opened, .. } = seen { Some(*opened as f64) } else { None }
}

fn refused(seen: &Seen) -> Option<f64> {
    if let Seen::Breaker { refused, .. } = seen { Some(*refused as f64) } else { None }
}

fn state(seen: &Seen) -> Option<f64> {
    let Seen::Breaker { state, .. } = seen else { return None };
    Some(match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_the_rows_that_it_is_about() {
        let pool = Seen::Pool { name: "a\"b".to_owned(), open: 3, opened: 4, in_use: 2, leaked: 1 };
        let breaker = Seen::Breaker { name: "stock".to_owned(), state: BreakerState::Open, refused: 7 };
        let mut text = Text(String::new());
        text.upstream(&[pool, breaker]).unwrap();
        for line in [
            "headroom_workload_upstream_connections{upstream=\"a\\\"b\"} 3\n",
            "headroom_workload_upstream_connections_in_use{upstream=\"a\\\"b\"} 2\n",
            "headroom_workload_upstream_connections_leaked{upstream=\"a\\\"b\"} 1\n",
            "headroom_workload_upstream_connections_opened_total{upstream=\"a\\\"b\"} 4\n",
            "headroom_workload_breaker_state{upstream=\"stock\"} 2\n",
            "headroom_workload_breaker_refused_total{upstream=\"stock\"} 7\n",
        ] {
            assert!(text.0.contains(line), "{line} is not in {}", text.0);
        }
        assert_eq!(text.0.matches("# TYPE").count(), 6);
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let mut text = Text(String::new());
        text.upstream(&[]).unwrap();
        assert_eq!(text.0, "");
    }
}
