//! The tables of conditions, events and metrics.

use headroom_api::conditions::ConditionType;
use headroom_api::events::EventReason;

use super::{GENERATED, head, row};
use crate::controller::report::metrics::Metrics;

pub(super) fn conditions() -> String {
    let mut page = format!(
        "{GENERATED}# Conditions\n\n`kubectl describe ssvc NAME` shows them; each message carries the numbers. `Reason` in \
         `kubectl get ssvc` is that of the most important one. A condition that can't be told is absent.\n"
    );
    for kind in ConditionType::ALL {
        page += "\n## ";
        page += kind.name();
        page += "\n";
        page += kind.text();
        page += "\n\n";
        page += &head(&["status", "reason", "meaning"]);
        for reason in kind.reasons() {
            page += &row(&[reason.status().name(), &format!("`{}`", reason.name()), reason.text()]);
        }
    }
    page
}

pub(super) fn events() -> String {
    let mut page = format!(
        "{GENERATED}# Events\n\nOne is written when something changes, never because it goes on. The same event, with the \
         same values, is not written again for two minutes; one that says why nothing happens, for fifteen.\n\n"
    );
    page += &head(&["reason", "type", "meaning"]);
    for reason in EventReason::ALL {
        page += &row(&[&format!("`{}`", reason.name()), reason.kind().name(), reason.text()]);
    }
    page
}

pub(super) fn metrics() -> String {
    let mut page = format!(
        "{GENERATED}# Metrics\n\n`GET /metrics` on the controller's admin port. Every replica of the controller shows all \
         of them, because every one decides; only the leader writes. What is about one service goes when it goes.\n\n"
    );
    page += &head(&["metric", "type", "labels", "meaning"]);
    for family in Metrics::default().families() {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        page += &row(&[&format!("`{}`", family.name), family.kind, &labels.join(", "), family.help]);
    }
    page
}
