//! What can be set about reading from the admin port.

/// What of the admin port can be read without the token that is needed for everything else once one is set. The probes
/// `/livez` and `/readyz` always can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// `/stats`.
    Stats,
    /// `/metrics`.
    Metrics,
    /// `/runtime`.
    Runtime,
}
