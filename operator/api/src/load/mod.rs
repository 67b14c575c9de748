//! The strict loader for YAML files: everything wrong with a file at once, each fault with its line, its
//! field, and what is allowed there.
//!
//! The shape is checked against the schema of the custom resource itself ([`check`]) and the rules across
//! fields are those of the schema too, so a file that loads is one that the API server accepts.

mod check;
mod document;
mod locate;
mod read;
mod wording;

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path as FilePath, PathBuf},
};

use crate::service::ScaledService;

/// Largest file, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// The most faults that are told one by one.
const MOST_FAULTS: usize = 25;

/// Why a file gave no services.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than 1 MiB.
    #[error("{name}: larger than 1 MiB; split it into several files")]
    TooLarge {
        /// Name of the file.
        name: String,
    },
    /// The file holds faults; one line each.
    #[error("{}", Lines { name, faults, untold: *untold })]
    Faults {
        /// Name of the file.
        name: String,
        /// The first 25 faults or so, in the order of the file.
        faults: Vec<Fault>,
        /// How many further ones there are.
        untold: usize,
    },
}

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, counted from 1. For a field that is missing: the line of what it is missing from.
    pub line: usize,
    /// The field, for example `spec.objectives.qps`; empty for the file as a whole.
    pub field: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// Reads the `ScaledService`s of a YAML file, with the defaults of the schema filled in.
pub fn load(path: &FilePath) -> Result<Vec<ScaledService>, LoadError> {
    let cannot_read = |source| LoadError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(cannot_read)?;
    let mut text = String::new();
    // One byte more than allowed is enough to see that it is too large, whatever kind of file it is.
    file.take(MOST_BYTES as u64 + 1).read_to_string(&mut text).map_err(cannot_read)?;
    load_text(&path.display().to_string(), &text)
}

/// Reads the `ScaledService`s of a YAML text; `name` stands for the file in errors.
pub fn load_text(name: &str, text: &str) -> Result<Vec<ScaledService>, LoadError> {
    if text.len() > MOST_BYTES {
        return Err(LoadError::TooLarge { name: name.to_owned() });
    }
    let (services, faults, untold) = document::services(text);
    if faults.is_empty() {
        return Ok(services);
    }
    Err(LoadError::Faults { name: name.to_owned(), faults, untold })
}

/// The faults of a file as lines of text.
struct Lines<'a> {
    name: &'a str,
    faults: &'a [Fault],
    untold: usize,
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{}", self.name, fault)?;
        }
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "\n{}: and {untold} more", self.name),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.field.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{colon}{}", self.line, self.field, self.problem)
    }
}
