//! WRITE: statuses and events go to the API server beside the loop, which never waits for them.

use std::sync::Arc;

use headroom_api::ScaledServiceStatus;
use headroom_api::events::EventKind;
use headroom_api::{GROUP, ScaledService, VERSION};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use super::events::NewEvent;
use super::metrics::Metrics;
use crate::controller::leader::Leadership;
use crate::controller::{FIELD_MANAGER, TICK};

/// Events under way at a time; more are dropped and counted, for the status says the same.
const MOST_EVENTS: usize = 64;
/// The longest `action` the API server takes.
const MOST_ACTION: usize = 128;

/// Writes what is told. Cheap to clone.
#[derive(Clone)]
pub struct Teller {
    client: Client,
    /// One for all, so that repeats of an event become a series.
    recorder: Recorder,
    metrics: Arc<Metrics>,
    /// Asked right before each write: the tick that chose it may be over.
    leadership: Leadership,
    events: Arc<Semaphore>,
    ended: mpsc::UnboundedSender<Ended>,
}

/// A status write that came to an end.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// UID of the service.
    pub uid: String,
    /// What was written; `None` when it failed and is to be tried again.
    pub written: Option<Box<ScaledServiceStatus>>,
}

impl Teller {
    /// Writes with `client`; `instance` names this replica of the controller in events. The receiver hears of every status
    /// write that ended; there are never more of them than were begun.
    pub fn new(
        client: Client,
        instance: String,
        metrics: Arc<Metrics>,
        leadership: Leadership,
    ) -> (Self, mpsc::UnboundedReceiver<Ended>) {
        let reporter = Reporter { controller: format!("{GROUP}/{FIELD_MANAGER}"), instance: Some(instance) };
        let recorder = Recorder::new(client.clone(), reporter);
        let (ended, receiver) = mpsc::unbounded_channel();
        let events = Arc::new(Semaphore::new(MOST_EVENTS));
        (Self { client, recorder, metrics, leadership, events, ended }, receiver)
    }

    /// Begins to write the status of a service. It ends within a tick, one way or the other.
    pub fn status(&self, service: &ScaledService, status: ScaledServiceStatus) {
        let meta = service.meta();
        let (Some(name), Some(uid)) = (meta.name.clone(), meta.uid.clone()) else { return };
        let namespace = meta.namespace.clone().unwrap_or_default();
        let this = self.clone();
        tokio::spawn(async move {
            let written = this.apply(&namespace, &name, &uid, &status).await;
            // Nobody listens any more when the process ends.
            let _ = this.ended.send(Ended { uid, written: written.then(|| Box::new(status)) });
        });
    }

    /// Begins to write an event about a service.
    pub fn event(&self, service: &ScaledService, event: NewEvent) {
        let regarding = ObjectReference { resource_version: None, ..service.object_ref(&()) };
        let Ok(place) = self.events.clone().try_acquire_owned() else {
            self.metrics.write_errors.count(&["events", "TooMany"]);
            return;
        };
        let this = self.clone();
        tokio::spawn(async move {
            this.publish(&regarding, event).await;
            drop(place);
        });
    }

    /// Whether it was written.
    async fn apply(&self, namespace: &str, name: &str, uid: &str, status: &ScaledServiceStatus) -> bool {
        let api = Api::<ScaledService>::namespaced(self.client.clone(), namespace);
        // With the UID another object of the same name refuses what is not about it. Without the version, for nobody else
        // writes the status, and an edit of the spec must not refuse it.
        let applied = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": ScaledService::kind(&()),
            "metadata": { "name": name, "uid": uid },
            "status": status,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        if !self.may_write("scaledservices/status") {
            return false;
        }
        let answer = timeout(TICK, api.patch_status(name, &params, &Patch::Apply(&applied))).await;
        self.count("scaledservices/status", "patch", answer.map(|answer| answer.map(drop)))
    }

    async fn publish(&self, regarding: &ObjectReference, event: NewEvent) {
        let type_ = match event.reason.kind() {
            EventKind::Normal => EventType::Normal,
            EventKind::Warning => EventType::Warning,
        };
        // The recorder takes two events with the same action for one, and keeps the text of the first: the values make
        // them differ.
        let mut action = format!("{} {}", event.reason.name(), event.values).trim_end().to_owned();
        action.truncate(action.floor_char_boundary(MOST_ACTION));
        let event = Event {
            type_,
            reason: event.reason.name().to_owned(),
            note: Some(event.note),
            action,
            secondary: None,
        };
        if !self.may_write("events") {
            return;
        }
        let answer = timeout(TICK, self.recorder.publish(&event, regarding)).await;
        self.count("events", "create", answer);
    }

    fn may_write(&self, resource: &str) -> bool {
        let leads = self.leadership.may_write(Instant::now());
        if !leads {
            self.metrics.write_errors.count(&[resource, "LeaseOver"]);
        }
        leads
    }

    fn count(
        &self,
        resource: &str,
        verb: &str,
        answer: Result<kube::Result<()>, tokio::time::error::Elapsed>,
    ) -> bool {
        let reason = match answer {
            Ok(Ok(())) => {
                self.metrics.writes.count(&[resource, verb]);
                return true;
            }
            Ok(Err(kube::Error::Api(status))) if !status.reason.is_empty() => status.reason.clone(),
            Ok(Err(kube::Error::Api(status))) => format!("Status{}", status.code),
            Ok(Err(error)) => {
                tracing::debug!(%error, resource, "a write failed");
                "NoAnswer".to_owned()
            }
            Err(_) => "Timeout".to_owned(),
        };
        tracing::debug!(resource, verb, reason, "a write was not accepted; it is tried again");
        self.metrics.write_errors.count(&[resource, &known(reason)]);
        false
    }
}

/// Reasons become labels, so only the API server's own words are taken; an admission plugin may say anything.
fn known(reason: String) -> String {
    let plain = reason.len() <= 32 && reason.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { reason } else { "Other".to_owned() }
}

#[cfg(test)]
mod tests;
