//! Whether the server answers gRPC's question for its health.

/// gRPC's standard health service, `grpc.health.v1.Health`, where requests are served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GrpcHealth {
    /// Its routes are the service's own.
    #[default]
    Off,
    /// The server answers `Check` as `/readyz` of the admin port does, without admission: an overloaded server is
    /// healthy.
    On,
}
