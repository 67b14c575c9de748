//! The custom resources of headroom.dev: types, validation, manifests, and the strict loader for YAML files.
//!
//! A rule lives in one place: shapes and ranges beside the field (they become the schema), rules across
//! fields in `rules`, conditions and their reasons in [`conditions`]. Nothing here talks to a cluster.

// The comments on fields are what `kubectl explain` prints, where backticks would be noise.
#![allow(clippy::doc_markdown)]

pub mod behavior;
pub mod checkpoint;
pub mod conditions;
mod decimal;
pub mod events;
mod formats;
mod load;
mod manifests;
pub mod objectives;
mod path;
pub mod pod;
mod quantity;
mod rules;
mod service;
pub mod status;
mod units;
mod vocabulary;
pub mod workload;

pub use checkpoint::{ScaledServiceCheckpoint, ScaledServiceCheckpointSpec};
pub use load::{Fault, LoadError, load, load_text};
pub use manifests::{ManifestError, definitions, manifests};
pub use objectives::{LatencyObjective, Objectives};
pub use quantity::{Cpu, Memory};
pub use service::{
    Capacity, CapacityPrior, GROUP, Mode, Reserve, Runtime, ScaleTargetRef, ScaledService, ScaledServiceSpec,
    VERSION, Workers,
};
pub use status::ScaledServiceStatus;
pub use units::{Availability, Duration, Quantile, Tolerance, UnitError};
