//! A namespace of a test's own.

use std::sync::atomic::{AtomicU32, Ordering};

use super::kubectl::kubectl;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A namespace that goes when the test ends, however it ends. `KEEP=1` keeps it, to look at.
#[derive(Debug)]
pub struct Namespace(String);

impl Namespace {
    /// Made now, with a name that says which test it is of.
    pub fn new(test: &str) -> anyhow::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e-{test}-{}-{number}", std::process::id());
        kubectl(&["create", "namespace", &name])?;
        Ok(Self(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::env::var_os("KEEP").is_some() {
            println!("kept: namespace {}", self.0);
        } else if let Err(error) = kubectl(&["delete", "namespace", &self.0, "--wait=false"]) {
            println!("namespace {} stays: {error:#}", self.0);
        }
    }
}
