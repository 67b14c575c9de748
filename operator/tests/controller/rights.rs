//! What the role grants is what the controller asks for: a verb that is never used would only help who takes it over.

use std::collections::BTreeSet;

use headroom::check::PERMISSIONS;
use headroom_fake_api::{Record, Verb, deployment};
use serde_json::json;

use crate::owned::bundled;
use crate::world::{World, service};

type Right = (String, String, String);

fn granted() -> BTreeSet<Right> {
    let right = |group: &str, resource: &str, verb: &str| (group.into(), resource.into(), verb.into());
    PERMISSIONS.iter().map(|granted| right(granted.group, granted.resource, granted.verb)).collect()
}

/// The rights that a request takes: an apply that creates takes two.
fn taken(record: &Record) -> Vec<Right> {
    if record.resource.starts_with('/') {
        return Vec::new();
    }
    let sub = record.subresource.as_deref().map(|sub| format!("/{sub}")).unwrap_or_default();
    let right = |verb: Verb| (record.group.clone(), format!("{}{sub}", record.resource), verb.to_string());
    let creates = record.verb == Verb::Patch && record.status == Some(201);
    [Some(record.verb), creates.then_some(Verb::Create)].into_iter().flatten().map(right).collect()
}

/// A service of each sort that grows, and whose size somebody else sets, the same twice.
#[tokio::test(start_paused = true)]
async fn every_verb_that_is_granted_is_used_and_no_other() {
    let world = World::new();
    world.target("orders", 3, 900.0);
    world.api.seed(service("orders"));
    world.pods_of("shop", 900.0);
    let mut workload = bundled("shop");
    workload["spec"]["runtime"] = json!({ "workers": 3 });
    world.api.seed(workload);
    let mut set = deployment("shop", "ledger", 1);
    set["kind"] = "StatefulSet".into();
    world.api.seed(set);
    let mut ledger = service("ledger");
    ledger["spec"]["scaleTargetRef"]["kind"] = "StatefulSet".into();
    world.api.seed(ledger);
    let _running = world.controller_as("a", "headroom");
    world.run(90).await;
    for _ in 0..2 {
        for size in [20, 30] {
            world.resize("orders", size);
            world.api.update("statefulsets/shop/ledger", |set| set["spec"]["replicas"] = size.into());
            world.run(65).await;
        }
    }
    let used: BTreeSet<_> = world.api.requests().iter().flat_map(taken).collect();
    let granted = granted();
    let unused: Vec<_> = granted.difference(&used).collect();
    assert!(unused.is_empty(), "granted and never used: {unused:?}");
    let refused: Vec<_> = used.difference(&granted).collect();
    assert!(refused.is_empty(), "used and not granted: {refused:?}");
}
