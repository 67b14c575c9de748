//! An in-memory Kubernetes API server under kube's `Client`, on tokio's clock: a whole controller runs against it in a
//! test without sockets and without waiting. See [`FakeApi`].

mod api;
mod ask;
mod calls;
mod clock;
mod discovery;
mod faults;
mod fields;
mod kinds;
mod log;
mod managers;
mod merge;
mod reads;
mod reply;
mod route;
mod scale;
mod selector;
mod service;
mod state;
mod store;
mod stream;
mod writes;

pub use api::{FakeApi, deployment};
pub use faults::{Fault, Faults, Rule, RuleId};
pub use kinds::{Feature, Kind, Scope};
pub use log::Record;
pub use route::Verb;
