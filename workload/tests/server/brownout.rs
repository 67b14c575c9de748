//! What is given up under load, by rules in a file.

use std::fs;

use crate::service::start;

/// Holds as soon as the process has used any CPU time.
const ALWAYS: &str = r#"{"rules": [{"level": "refuse", "when": {"cpuPercent": 0.000001}, "for": "0s"}]}"#;

#[test]
fn at_the_last_level_everything_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    fs::write(&file, ALWAYS).unwrap();
    let service = start(|server| server.brownout_rules(&file));
    service.until(|stats| stats.brownout.is_some_and(|brownout| brownout.level == 3 && brownout.rules_valid));
    let refused = service.get("/");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let stats = service.server.stats();
    assert_eq!((stats.arrivals, stats.admitted, stats.rejected.priority), (1, 0, 1));
    service.stop();
}

#[test]
fn rules_are_loaded_when_the_file_changes_and_an_invalid_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    let service = start(|server| server.brownout_rules(&file));
    let valid =
        |wanted| service.until(|stats| stats.brownout.is_some_and(|brownout| brownout.rules_valid == wanted));
    valid(false);
    fs::write(&file, r#"{"rules": []}"#).unwrap();
    valid(true);
    fs::write(&file, "rules: []").unwrap();
    valid(false);
    let metrics = service.admin().get("/metrics").unwrap().body;
    for line in ["headroom_workload_brownout_rules_valid 0\n", "headroom_workload_brownout_level 0\n"] {
        assert!(metrics.contains(line), "{line} is missing");
    }
    assert_eq!(service.get("/").status, 200);
    service.stop();
}
