//! The CPU that a pod may use.

use headroom_core::units::MilliCpu;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::wire::{Container, Resources, Wire};

/// The pod's own limit, or the sum over its containers of the limit, else the request; what a container has now counts
/// before what its spec asks for. Zero where nothing is told.
pub(super) fn cpu(pod: &Wire) -> MilliCpu {
    let limit = pod.spec.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    let whole = limit.and_then(|limit| limit.cpu.as_ref()).and_then(millis);
    let sum = || pod.spec.containers.iter().map(|container| of_container(pod, container)).sum();
    let millis: u64 = whole.unwrap_or_else(sum);
    MilliCpu(u32::try_from(millis).unwrap_or(u32::MAX))
}

fn of_container(pod: &Wire, container: &Container) -> u64 {
    let status = pod.container_statuses().iter().find(|status| status.name == container.name);
    let now = status.and_then(|status| status.resources.as_ref()).and_then(usable);
    now.or_else(|| container.resources.as_ref().and_then(usable)).unwrap_or_default()
}

fn usable(resources: &Resources) -> Option<u64> {
    let amounts = [&resources.limits, &resources.requests];
    amounts.into_iter().flatten().find_map(|amounts| amounts.cpu.as_ref().and_then(millis))
}

/// Thousandths of a CPU, rounded up, at most [`u32::MAX`]. `None` for what is no quantity.
fn millis(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.trim();
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 'n') => (&text[..at], 1e-6),
        (at, 'u') => (&text[..at], 1e-3),
        (at, 'm') => (&text[..at], 1.0),
        (at, 'k') => (&text[..at], 1e6),
        _ => (text, 1e3),
    };
    let millis = number.parse::<f64>().ok()? * unit;
    // A billionth is forgiven: 0.3 is not exact as a binary fraction.
    (millis >= 0.0).then(|| (millis - 1e-9).ceil().clamp(0.0, f64::from(u32::MAX)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2", Some(2000))]
    #[case("500m", Some(500))]
    #[case("0.3", Some(300))]
    #[case("1500001u", Some(1501))]
    #[case("100n", Some(1))]
    #[case("1e3", Some(1_000_000))]
    #[case("4k", Some(4_000_000))]
    #[case("1e300", Some(u64::from(u32::MAX)))]
    #[case("0", Some(0))]
    #[case("-1", None)]
    #[case("NaN", None)]
    #[case("", None)]
    #[case("m", None)]
    #[case("zwei", None)]
    #[case("é", None)]
    fn quantities_of_cpu(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(millis(&Quantity(text.to_owned())), expected);
    }
}
