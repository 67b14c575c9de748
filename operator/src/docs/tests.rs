use std::path::Path;

use headroom_api::conditions::Reason;
use headroom_api::events::EventReason;

use super::*;
use crate::controller::report::metrics::Metrics;

fn page(name: &str) -> String {
    pages().unwrap().into_iter().find(|(page, _)| *page == name).map(|(_, page)| page).unwrap()
}

#[test]
fn the_checked_in_reference_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
    for (name, page) in pages().unwrap() {
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(found == page, "docs/reference/{name} is stale: run `make generate`");
    }
}

#[test]
fn every_word_and_metric_has_its_row() {
    let (conditions, events, metrics) = (page("conditions.md"), page("events.md"), page("metrics.md"));
    for reason in Reason::ALL {
        assert!(conditions.contains(&format!("| `{}` |", reason.name())), "{}", reason.name());
    }
    for reason in EventReason::ALL {
        assert!(events.contains(&format!("| `{}` |", reason.name())), "{}", reason.name());
    }
    for family in Metrics::default().families() {
        assert!(metrics.contains(&format!("| `{}` |", family.name)), "{}", family.name);
    }
}

#[test]
fn every_field_is_described_with_its_bounds() {
    let page = page("scaledservice.md");
    for expected in [
        "| **`spec.objectives.qps`** | integer |  | 1 to 100000000 |",
        "| `spec.minReplicas` | integer | `2` | 1 to 50000 |",
        "| `spec.mode` | string | `\"Active\"` | `Active`, `Observe`, `Paused` |",
        "| **`spec.objectives.latency[].quantile`** | string |",
        "| `status.display.replicas` | string |",
        "| Replicas | `.status.display.replicas` |  |",
    ] {
        assert!(page.contains(expected), "no {expected} in\n{page}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| **"));
    for row in rows.filter(|row| row.contains("`spec.") && !row.contains("[]` |")) {
        assert!(!row.ends_with("|  |"), "not described: {row}");
    }
}

#[test]
fn a_cell_can_not_end_its_row() {
    assert_eq!(row(&["a|b", "c\nd"]), "| a\\|b | c d |\n");
}
