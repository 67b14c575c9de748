//! PURE: why an owned object is not what the spec says, in words for the user.

/// Why an owned object is not what the spec says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Something of this name is there, and is not ours.
    #[error(
        "{object} exists and is not owned by this ScaledService, so it is left alone: delete or rename it, give the \
         ScaledService another name, or size it as it is with spec.scaleTargetRef in place of spec.workload{beside}",
        beside = match .owner {
            Some(owner) => format!(" (it is owned by {owner})"),
            None => format!("; to have it taken over, label it {}", .labels),
        }
    )]
    NotOurs {
        /// Kind and name.
        object: String,
        /// Kind and name of what owns it, if anything does.
        owner: Option<String>,
        /// The labels by which it would be taken over, if nothing did.
        labels: String,
    },
    /// The spec asks for something that can't be.
    #[error("{0}")]
    Invalid(String),
    /// The API server said no.
    #[error("the API server refused {object}: {message}")]
    Refused {
        /// Kind and name.
        object: String,
        /// What it said.
        message: String,
    },
    /// It is no longer described by the service, and its owner reference could not be removed.
    #[error(
        "{object} still belongs to this ScaledService and would be deleted with it: its ownerReferences could not be \
         changed: {message}"
    )]
    StillOwned {
        /// Kind and name.
        object: String,
        /// What was said.
        message: String,
    },
    /// It changed since it was read: nothing of somebody else's is undone unseen.
    #[error("{object} changed meanwhile and will be applied again: {message}")]
    Conflict {
        /// Kind and name.
        object: String,
        /// What was said.
        message: String,
    },
    /// Nothing was decided about it: no answer, an error of the API server's own, or no lease any more.
    #[error("{object} could not be applied now and will be tried again: {message}")]
    Unavailable {
        /// Kind and name.
        object: String,
        /// What was said.
        message: String,
    },
}

impl ApplyError {
    /// Whether the answer may be another one soon, with the same spec.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Unavailable { .. })
    }

    /// The cause in one word: a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::NotOurs { .. } => "NotOurs",
            Self::Invalid(_) => "Invalid",
            Self::Refused { .. } => "Refused",
            Self::StillOwned { .. } => "StillOwned",
            Self::Conflict { .. } => "Conflict",
            Self::Unavailable { .. } => "Unavailable",
        }
    }
}
