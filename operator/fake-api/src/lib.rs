//! An in-memory Kubernetes API server under kube's `Client`, on tokio's clock: a whole controller runs against it in a
//! test without sockets and without waiting.
//!
//! ```
//! use headroom_fake_api::{FakeApi, Fault, Plant, Rule, Verb, deployment};
//! use k8s_openapi::api::apps::v1::Deployment;
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), kube::Error> {
//!     let api = FakeApi::new(); // the world; its wall clock is api.now()
//!     api.seed(deployment("default", "web", 2)); // objects of the test's own making
//!     let plant = Plant::new(&api, "default", "web"); // pods come, become ready, go
//!     plant.spawn();
//!     let client = api.client("controller-0"); // what the code under test gets
//!     api.faults("controller-0").inject(Rule::on(Verb::Patch).subresource("scale").times(1), Fault::Status(409, None));
//!
//!     let deployments: kube::Api<Deployment> = kube::Api::default_namespaced(client);
//!     assert_eq!(deployments.get_scale("web").await?.spec.and_then(|spec| spec.replicas), Some(2));
//!     api.update("deployments/default/web", |web| web["spec"]["replicas"] = 3.into()); // a human with kubectl
//!     tokio::time::sleep(std::time::Duration::from_secs(40)).await;
//!     assert_eq!(plant.ready(), 3);
//!     assert!(api.writes().is_empty()); // the audit log: the controller wrote nothing
//!     Ok(())
//! }
//! ```
//!
//! - **World** ([`FakeApi`]): `seed`, `object`, `objects`, `update`, `update_as`, `delete`, `install` a kind, `compact`
//!   the history, take the server `down`, decide `allow_access`.
//! - **Log**: `requests()` in the order of arrival, `writes()` those carried out; each a [`Record`].
//! - **Faults** ([`Faults`]), each client's own: a [`Rule`] says which requests, a [`Fault`] what happens; besides,
//!   `stale` views and `down`.
//! - **Cluster life** ([`Plant`]): the pods of one Deployment.
//!
//! Where a test relies on an answer's code or words they are the real server's (1.33). What is left out: validation
//! against schemas, defaults, garbage collection, namespaces' existence, graceful deletion by clients, JSON patch.
//! Nothing is drawn by chance: two equal runs give equal uids, names and versions.

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
mod plant;
mod pods;
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
pub use plant::Plant;
pub use pods::Start;
pub use route::Verb;
pub use service::Connection;
