//! Loads from snapshots, and files that change.

use std::fs;

use super::*;

fn stats(arrivals: u64, queue_full: u64, cpu_seconds: f64, queued_seconds: f64, at_seconds: u64) -> Stats {
    let text = serde_json::json!({
        "statsVersion": 1, "bootId": "a", "atNanos": at_seconds * 1_000_000_000, "workers": 2, "arrivals": arrivals,
        "admitted": 0, "rejected": {"queueFull": queue_full}, "cpuSeconds": cpu_seconds, "queuedSeconds": queued_seconds,
    });
    serde_json::from_value(text).unwrap()
}

#[test]
fn load_is_what_happened_in_between() {
    let before = (stats(100, 10, 5.0, 1.0, 10), 5);
    let now = (stats(300, 60, 6.5, 3.0, 11), 5);
    assert_eq!(load(&before, &now), Load { cpu_share: 0.75, queue_seconds: 0.01, shed_share: 0.25 });
}

#[test]
fn what_it_refuses_itself_is_no_reason() {
    let before = (stats(0, 0, 0.0, 0.0, 0), 0);
    let now = (stats(100, 100, 0.0, 0.0, 1), 100);
    assert_eq!(load(&before, &now).shed_share, 0.0);
}

#[test]
fn an_invalid_file_leaves_the_old_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    let mut rules = Rules { path: path.clone(), seen: None, machine: Machine::new() };
    let level = |rules: &mut Rules, second: u64| {
        let load = Load { cpu_share: 0.9, ..Load::default() };
        rules.machine.observe(Nanos(second * 1_000_000_000), load)
    };
    assert_eq!(rules.reload(), Some(false), "there is none");
    assert_eq!(rules.reload(), None, "told once");
    let rule = r#"{"level": "cached", "when": {"cpuPercent": 80}, "for": "0s"}"#;
    fs::write(&path, format!("{{\"rules\": [{rule}]}}")).unwrap();
    assert_eq!((rules.reload(), rules.reload()), (Some(true), None));
    assert_eq!(level(&mut rules, 0), BrownoutLevel::Cached);
    for broken in ["{".to_owned(), " ".repeat(70_000)] {
        fs::write(&path, broken).unwrap();
        assert_eq!(rules.reload(), Some(false));
        assert_eq!(level(&mut rules, 60), BrownoutLevel::Cached);
    }
    fs::write(&path, r#"{"rules": []}"#).unwrap();
    assert_eq!(rules.reload(), Some(true));
    assert_eq!(level(&mut rules, 120), BrownoutLevel::NoExtras);
}
