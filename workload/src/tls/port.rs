//! What a port that speaks TLS has now: its configuration, and what happened to it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::ProducesTickets;

use super::config::{Loaded, tickets};
use super::error::TlsError;
use super::files::Stamps;
use crate::settings::{ClientAuth, Tls};
use crate::stats::TlsStats;

/// TLS on one port.
#[derive(Debug)]
pub(crate) struct Port {
    settings: Tls,
    state: RwLock<State>,
    /// Connections that ended before TLS was agreed on.
    handshakes_failed: AtomicU64,
}

#[derive(Debug)]
struct State {
    loaded: Loaded,
    /// The files as they were before they were last read.
    stamps: Stamps,
    tickets: Arc<dyn ProducesTickets>,
    reloads: u64,
    reloads_failed: u64,
    /// Why the files that are there now are not in use.
    error: Option<String>,
}

impl Port {
    /// Reads the files for the first time.
    pub(crate) fn open(settings: &Tls) -> Result<Self, TlsError> {
        let tickets = tickets()?;
        // Before the files are read: a change meanwhile is noticed later.
        let stamps = Stamps::of(settings);
        let loaded = Loaded::read(settings, &tickets)?;
        let state = State { loaded, stamps, tickets, reloads: 0, reloads_failed: 0, error: None };
        Ok(Self {
            settings: settings.clone(),
            state: RwLock::new(state),
            handshakes_failed: AtomicU64::default(),
        })
    }

    /// For a connection that begins now.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).loaded.config)
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn stats(&self) -> TlsStats {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        TlsStats {
            not_after_seconds: state.loaded.not_after.as_secs(),
            reloads: state.reloads,
            reloads_failed: state.reloads_failed,
            reload_error: state.error.clone(),
            handshakes_failed: self.handshakes_failed.load(Relaxed),
        }
    }

    /// Reads the files again if they changed. What can't be used is said, and what is in use stays.
    pub(super) fn refresh(&self) {
        let stamps = Stamps::of(&self.settings);
        if self.state.read().unwrap_or_else(PoisonError::into_inner).stamps == stamps {
            return;
        }
        // The lock is not held: new connections go on while the files are read.
        let read =
            self.fresh_tickets().and_then(|tickets| Ok((Loaded::read(&self.settings, &tickets)?, tickets)));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.stamps = stamps;
        match read {
            Ok((loaded, tickets)) => {
                tracing::info!(not_after_seconds = loaded.not_after.as_secs(), "certificates reloaded");
                (state.loaded, state.tickets, state.error) = (loaded, tickets, None);
                state.reloads += 1;
            }
            Err(error) => {
                tracing::error!(%error, "the changed certificates can't be used; the old ones stay");
                state.reloads_failed += 1;
                state.error = Some(error.to_string());
            }
        }
    }

    /// A resumed session is not asked for its certificate again: after the authorities may have changed, nobody
    /// resumes.
    fn fresh_tickets(&self) -> Result<Arc<dyn ProducesTickets>, TlsError> {
        match self.settings.clients {
            ClientAuth::Off => {
                Ok(Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).tickets))
            }
            ClientAuth::Optional(_) | ClientAuth::Required(_) => tickets(),
        }
    }
}
