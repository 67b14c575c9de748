//! Which of a pod's containers is the server, and where its admin port is.

use std::net::{IpAddr, SocketAddr};

use super::wire::{Container, Wire};

/// Annotation of a pod that names its admin port.
pub const ADMIN_PORT: &str = "headroom.dev/admin-port";
/// Name of a container port that is the admin port.
const PORT_NAME: &str = "admin";
/// The admin port of a pod that says nothing.
const DEFAULT_PORT: u16 = 9090;

/// Where the pod's admin port is: known as soon as the pod has an address.
pub(super) fn admin(pod: &Wire) -> Option<SocketAddr> {
    let ip: IpAddr = pod.status.pod_ip.as_deref()?.parse().ok()?;
    let port = annotated(pod).or_else(|| pod.spec.containers.iter().find_map(named_port));
    is_a_pods(ip).then(|| SocketAddr::new(ip, port.unwrap_or(DEFAULT_PORT)))
}

/// The container that has the admin port; `None` where that is not told.
pub(super) fn server(pod: &Wire) -> Option<&Container> {
    let containers = &pod.spec.containers;
    let has = |container: &&Container| match annotated(pod) {
        Some(port) => container.ports.iter().flatten().any(|other| other.container_port == port),
        None => named_port(container).is_some(),
    };
    match containers.as_slice() {
        [only] => Some(only),
        _ => containers.iter().find(has),
    }
}

fn annotated(pod: &Wire) -> Option<u16> {
    pod.metadata.annotations.as_ref()?.get(ADMIN_PORT)?.trim().parse().ok().filter(|port| *port > 0)
}

fn named_port(container: &Container) -> Option<u16> {
    let named = |port: &&super::wire::Port| port.name.as_deref() == Some(PORT_NAME);
    container.ports.iter().flatten().find(named).map(|port| port.container_port)
}

/// Whoever can write the status of pods must not make the controller ask a cloud's metadata service, or itself.
fn is_a_pods(ip: IpAddr) -> bool {
    // Written as an address of version 6, one of version 4 is the same one.
    let ip = ip.to_canonical();
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(link_local || ip.is_loopback() || ip.is_multicast() || ip.is_unspecified())
}
