//! What is remembered of a service between two decisions. It learns by observing, never from what was intended.

mod absorb;
pub(crate) mod budget;
pub(crate) mod lead;
mod learned;
pub(crate) mod load;
pub(crate) mod look;
pub(crate) mod pod;
pub(crate) mod sampling;
pub(crate) mod sizes;

pub use learned::{LEARNED_VERSION, Learned, LearnedError};
pub(crate) use look::Look;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::estimate::capacity::Capacities;
use crate::time::Moment;
use budget::Budgets;
use lead::LeadTimes;
use load::LoadWindow;
use pod::PodMemory;
use sizes::{Recommendations, Sizes};

/// Version of the serialised form.
pub const STATE_VERSION: u32 = 1;

/// Everything remembered of one service: counters last seen, windows, size changes noticed, what was learned.
///
/// It holds only pods of the last observation, and every list in it is bounded. The serialised form carries a version;
/// fields that are missing count as never seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    #[serde(default = "unversioned")]
    version: u32,
    pub(crate) last: Option<Moment>,
    /// Usual time between two looks, in seconds.
    pub(crate) cadence: f64,
    /// When we started to look, or looked again after a pause.
    pub(crate) blind_since: Option<Moment>,
    pub(crate) pods: Vec<PodMemory>,
    pub(crate) load: LoadWindow,
    /// Beginning of the fast window when a step was detected.
    pub(crate) stepped_at: Option<Moment>,
    /// Load, in requests per second, as it was estimated when the step was detected.
    pub(crate) stepped_load: f64,
    pub(crate) sizes: Sizes,
    pub(crate) recommendations: Recommendations,
    pub(crate) lead: LeadTimes,
    pub(crate) capacities: Capacities,
    /// Last time a pod became ready.
    pub(crate) last_arrival: Option<Moment>,
    pub(crate) budgets: Budgets,
    /// Last look at which the pods asked told what they had told before.
    pub(crate) calm_at: Option<Moment>,
    /// How noisy the load last was while every pod was asked.
    pub(crate) dispersion: Option<f64>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: STATE_VERSION,
            last: None,
            cadence: 0.0,
            blind_since: None,
            pods: Vec::new(),
            load: LoadWindow::default(),
            stepped_at: None,
            stepped_load: 0.0,
            sizes: Sizes::default(),
            recommendations: Recommendations::default(),
            lead: LeadTimes::default(),
            capacities: Capacities::default(),
            last_arrival: None,
            budgets: Budgets::default(),
            calm_at: None,
            dispersion: None,
        }
    }
}

/// A state without a version is of none.
fn unversioned() -> u32 {
    0
}

impl State {
    /// Version of the serialised form this state was read from.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// When the service was last looked at.
    pub fn last_look(&self) -> Option<Timestamp> {
        self.last.map(Timestamp::from)
    }
}
