use super::*;

fn glance(needed: u32, answering: u32, replicas: u32) -> Glance {
    Glance { demand_pods: f64::from(needed), needed, answering, replicas }
}

fn fleet(services: u32, needed: u32, now: Instant) -> Fleet {
    let mut fleet = Fleet::default();
    for service in 0..services {
        fleet.note(&service.to_string(), glance(needed, needed, needed), now);
    }
    fleet
}

fn fall(fleet: &mut Fleet, services: u32, glance: Glance, now: Instant) {
    for service in 0..services {
        fleet.note(&service.to_string(), glance, now);
    }
}

#[test]
fn a_collapse_of_many_freezes_all_until_five_minutes_of_normal() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut fleet = fleet(20, 10, start);
    assert_eq!(fleet.judge(start), Shrinking::Allowed);
    fall(&mut fleet, 5, glance(6, 10, 10), after(10));
    assert_eq!(fleet.judge(after(10)), Shrinking::Frozen);
    // The old looks leave the window a minute later; then normal begins.
    fall(&mut fleet, 20, glance(6, 10, 10), after(71));
    assert_eq!(fleet.judge(after(309)), Shrinking::Frozen);
    assert_eq!(fleet.judge(after(310)), Shrinking::Allowed);
}

#[test]
fn few_services_or_small_falls_freeze_nothing() {
    let start = Instant::now();
    let mut few = fleet(20, 10, start);
    fall(&mut few, 4, glance(1, 10, 10), start);
    assert_eq!(few.judge(start), Shrinking::Allowed, "four are too few");
    let mut share = fleet(50, 10, start);
    fall(&mut share, 10, glance(1, 10, 10), start);
    assert_eq!(share.judge(start), Shrinking::Allowed, "20 % are not more than 20 %");
    let mut small = fleet(20, 10, start);
    fall(&mut small, 20, glance(7, 10, 10), start);
    assert_eq!(small.judge(start), Shrinking::Allowed, "30 % are not more than 30 %");
}

/// Services of a few pods go from 3 to 2 and back all day; and who is at `minReplicas` has nothing to lose.
#[test]
fn a_pod_less_by_noise_and_services_at_their_floor_freeze_nothing() {
    let start = Instant::now();
    let few = |demand_pods, needed, replicas| Glance { demand_pods, needed, answering: 3, replicas };
    let mut noisy = Fleet::default();
    fall(&mut noisy, 20, few(2.1, 3, 3), start);
    fall(&mut noisy, 20, few(1.9, 2, 3), start + Duration::from_secs(10));
    assert_eq!(noisy.judge(start), Shrinking::Allowed, "a tenth less");
    let mut floor = Fleet::default();
    fall(&mut floor, 20, few(1.9, 2, 2), start);
    fall(&mut floor, 20, few(0.1, 2, 2), start + Duration::from_secs(10));
    assert_eq!(floor.judge(start), Shrinking::Allowed, "all are at their minimum");
}

#[test]
fn pods_that_fall_silent_together_freeze_all() {
    let start = Instant::now();
    let mut fleet = fleet(2, 10, start);
    fall(&mut fleet, 1, glance(10, 0, 10), start);
    assert_eq!(fleet.judge(start), Shrinking::Frozen);
    let mut scaled_in = self::fleet(2, 10, start);
    fall(&mut scaled_in, 2, glance(10, 3, 3), start);
    assert_eq!(scaled_in.judge(start), Shrinking::Allowed, "a smaller size is no silence");
    let mut tiny = self::fleet(1, 2, start);
    fall(&mut tiny, 1, glance(2, 0, 10), start);
    assert_eq!(tiny.judge(start), Shrinking::Allowed, "the evidence guard holds a single service");
}

/// A service that is paused, deleted in the foreground or taken over by an autoscaler is looked at no more: its last look
/// must not hold the fleet for ever.
#[test]
fn silence_of_a_service_that_is_looked_at_no_more_thaws() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut fleet = fleet(1, 12, start);
    fall(&mut fleet, 1, glance(12, 0, 12), after(1));
    // From here on it is paused.
    for second in 1..=359 {
        assert_eq!(fleet.judge(after(second)), Shrinking::Frozen, "{second} s");
    }
    assert_eq!(fleet.judge(after(360)), Shrinking::Allowed, "a minute of its last look, and five of normal");
}

#[test]
fn services_that_are_looked_at_no_more_hide_no_fault_of_the_others() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut fleet = fleet(50, 10, start);
    for second in 1..=60 {
        fall(&mut fleet, 10, glance(10, 10, 10), after(second));
    }
    fall(&mut fleet, 10, glance(10, 0, 10), after(61));
    assert_eq!(fleet.judge(after(61)), Shrinking::Frozen, "all pods that are asked are silent");
}

#[test]
fn a_last_look_that_outlives_its_stretch_is_no_silence() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut fleet = fleet(2, 10, start);
    fall(&mut fleet, 2, glance(10, 10, 10), after(4));
    for second in 5..=70 {
        assert_eq!(fleet.judge(after(second)), Shrinking::Allowed, "{second} s");
    }
}
