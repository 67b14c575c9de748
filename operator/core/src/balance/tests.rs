use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// What is told to pods named by their place.
fn told(balance: &mut Balance, connections: &[u32], now: Timestamp) -> Vec<Order> {
    let names: Vec<String> = (0..connections.len()).map(|place| format!("pod-{place}")).collect();
    let carrier = |(pod, connections): (&String, &u32)| (pod.clone(), Some(*connections));
    let pods: Vec<_> = names.iter().zip(connections).map(carrier).collect();
    told_of(balance, &pods, now)
}

fn told_of(balance: &mut Balance, pods: &[(String, Option<u32>)], now: Timestamp) -> Vec<Order> {
    let carriers: Vec<_> =
        pods.iter().map(|(pod, connections)| Carrier { pod, connections: *connections }).collect();
    balance.orders(&carriers, now)
}

/// That has seen one pod, so that others are new to it.
fn begun() -> Balance {
    let mut balance = Balance::default();
    told(&mut balance, &[0], at(0));
    balance
}

/// The places of the pods that are told, and how many connections they keep.
fn kept(orders: &[Order]) -> Vec<(usize, u32)> {
    let place = |order: &Order| order.pod.rsplit('-').next().and_then(|place| place.parse().ok()).unwrap();
    orders.iter().map(|order| (place(order), order.at_most)).collect()
}

#[rstest]
#[case::nobody(&[], &[])]
#[case::alone(&[1000], &[])]
#[case::without_connections(&[0, 0, 0], &[])]
#[case::even(&[100, 104, 96], &[])]
#[case::not_fifteen_percent(&[1000, 1000, 1240], &[])]
#[case::fifteen_percent(&[1000, 1000, 1400], &[(2, 1134)])]
#[case::few(&[15, 1], &[])]
#[case::eight_more(&[16, 0], &[(0, 8)])]
#[case::new_pods(&[120, 121, 0, 0], &[(0, 61), (1, 61)])]
#[case::never_more_than_half(&[1000, 0, 0, 0, 0], &[(0, 500)])]
#[case::the_most(&[u32::MAX, u32::MAX, 0], &[(0, 2_863_311_530), (1, 2_863_311_530)])]
fn pods_above_the_mean_go_back_to_it(#[case] connections: &[u32], #[case] expected: &[(usize, u32)]) {
    assert_eq!(kept(&told(&mut begun(), connections, at(0))), expected);
}

#[test]
fn without_a_new_pod_it_has_to_last() {
    let first = |balance: &mut Balance, from: i64| {
        (0..20).find(|second| !told(balance, &[100, 10], at(from + second)).is_empty())
    };
    assert_eq!(first(&mut Balance::default(), 0), Some(10), "who is there at the first look is not new");
    assert_eq!(first(&mut begun(), 1), Some(0));
    let mut balance = begun();
    told(&mut balance, &[50, 50], at(0));
    assert_eq!(first(&mut balance.clone(), 59), Some(0));
    assert_eq!(first(&mut balance, 60), Some(10), "a minute later it is new no more");
}

#[test]
fn who_did_not_tell_is_left_out_and_not_forgotten() {
    let pods = |connections: [Option<u32>; 3]| -> Vec<_> {
        connections.into_iter().enumerate().map(|(place, own)| (format!("pod-{place}"), own)).collect()
    };
    let mut balance = begun();
    let orders = told_of(&mut balance, &pods([Some(100), None, Some(20)]), at(0));
    assert_eq!(kept(&orders), [(0, 60)]);
    let orders = told_of(&mut balance, &pods([None, Some(100), Some(20)]), at(1));
    assert_eq!(kept(&orders), [(1, 60)]);
    let known = balance.ready["pod-0"];
    assert_eq!((known.since, known.told), (None, Some(at(0))));
}

#[test]
fn an_even_look_in_between_begins_it_anew() {
    let mut balance = Balance::default();
    for second in 0..30 {
        let connections = if second % 10 == 9 { [50, 50] } else { [100, 10] };
        assert_eq!(told(&mut balance, &connections, at(second)), [], "{second}");
    }
}

#[test]
fn a_pod_is_told_again_after_a_while_and_others_meanwhile() {
    let mut balance = begun();
    let mut look = |connections: &[u32], second| kept(&told(&mut balance, connections, at(second)));
    assert_eq!(look(&[100, 10, 10], 0), [(0, 50)]);
    assert_eq!(look(&[90, 10, 10], 1), []);
    assert_eq!(look(&[90, 80, 10], 4), [(1, 60)]);
    assert_eq!(look(&[90, 60, 10], 5), [(0, 54)]);
    assert_eq!(look(&[90, 60, 10], -100), [(0, 54)], "a clock that was set back");
}

/// What two full pods and two new ones come to when clients connect again at random: evenly.
#[test]
fn three_rounds_bring_a_doubled_service_within_a_fifth_of_the_mean() {
    let (mut balance, mut connections) = (begun(), vec![240, 240, 0, 0]);
    for round in 0..3 {
        let orders = told(&mut balance, &connections, at(5 * round));
        let moved: u32 = orders.iter().map(|order| order.ends).sum();
        for (place, at_most) in kept(&orders) {
            connections[place] = at_most;
        }
        for own in &mut connections {
            *own += moved / 4;
        }
    }
    assert!(connections.iter().all(|own| *own <= 144), "{connections:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nobody_goes_below_the_mean_or_half_and_orders_are_rare(
        looks in prop::collection::vec((prop::collection::vec(0u32..2000, 0..12), 0i64..4), 1..30),
    ) {
        let (mut balance, mut now) = (begun(), 0);
        let mut last: BTreeMap<usize, i64> = BTreeMap::new();
        for (connections, passed) in looks {
            now += passed;
            // A pod that was gone for a look is another pod.
            last.retain(|place, _| *place < connections.len());
            let orders = told(&mut balance, &connections, at(now));
            let total: u32 = connections.iter().sum();
            for (order, (place, at_most)) in orders.iter().zip(kept(&orders)) {
                let own = connections[place];
                prop_assert!(u64::from(at_most) * connections.len() as u64 >= u64::from(total));
                prop_assert!(at_most >= own.div_ceil(2) && at_most < own && order.ends == own - at_most);
                let before = last.insert(place, now);
                prop_assert!(before.is_none_or(|before| now - before >= 5), "{before:?} {now}");
            }
            prop_assert!(orders.iter().map(|order| order.ends).sum::<u32>() <= total / 2);
        }
    }
}
