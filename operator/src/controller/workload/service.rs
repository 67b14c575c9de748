//! The Service in front of the pods: one port, the one that the spec names.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{HTTP, Owned, labels};

/// The Service. The admin port is not in it: it is asked pod by pod.
pub fn service(owned: &Owned<'_>) -> Service {
    let port = ServicePort {
        name: Some(HTTP.to_owned()),
        port: owned.workload.port.into(),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(HTTP.to_owned())),
        ..ServicePort::default()
    };
    Service {
        metadata: owned.metadata(),
        spec: Some(ServiceSpec {
            selector: Some(labels::selecting(owned.name)),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
