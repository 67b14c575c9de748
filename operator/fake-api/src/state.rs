//! Everything behind the one lock: objects, log, faults. And the way from a request to its answer.

use crate::{
    ask::Ask,
    calls,
    clock::Clock,
    faults::ClientFaults,
    log::Record,
    reads,
    reply::{Answer, Refusal},
    route::Verb,
    store::Store,
    writes,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Whether a client may do what an access review asks: client name, the review's `spec`.
pub(crate) type Access = Box<dyn Fn(&str, &Value) -> bool + Send>;

/// What the lock guards.
pub(crate) struct State {
    pub store: Store,
    pub log: Vec<Record>,
    pub faults: BTreeMap<String, ClientFaults>,
    pub access: Access,
    pub keys: Value,
    pub down: Down,
}

/// Whether the whole server is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    Up,
    Down,
}

impl State {
    /// Serves one request for a resource.
    pub(crate) fn answer(&mut self, ask: &Ask) -> Answer {
        match ask.verb {
            Verb::Get => reads::get(&self.store, ask),
            Verb::List => reads::list(&self.store, ask),
            Verb::Create => match calls::create(self, ask) {
                Some(answer) => answer,
                None => writes::create(&mut self.store, ask),
            },
            Verb::Update | Verb::Patch => writes::modify(&mut self.store, ask),
            Verb::Delete => writes::delete(&mut self.store, ask),
            Verb::Watch => Err(Refusal::not_allowed()),
        }
    }

    /// The faults of a client, made when first asked for.
    pub(crate) fn faults_of(&mut self, client: &str) -> &mut ClientFaults {
        self.faults.entry(client.to_owned()).or_default()
    }
}

/// The lock and the bell that wakes every watch when something changed behind it.
pub(crate) struct Core {
    state: Mutex<State>,
    bell: watch::Sender<u64>,
}

impl Core {
    pub(crate) fn new(clock: Clock) -> Self {
        let state = State {
            store: Store::new(clock),
            log: Vec::new(),
            faults: BTreeMap::new(),
            access: Box::new(|_, _| true),
            keys: json!({ "keys": [] }),
            down: Down::Up,
        };
        Self { state: Mutex::new(state), bell: watch::Sender::new(0) }
    }

    /// The state, for reading or for a change that no watch has to hear of.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked has failed already; the others' view stays usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the watches.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.bell.send_modify(|rung| *rung += 1);
        result
    }

    /// Rings after each change.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}
