//! Admission over invented times: the rules one by one. What must hold after every step of any history, and between
//! threads, is in the files beside this one.

mod histories;
mod threads;

use super::*;
use crate::stats::Rejected;

const HOME: WorkerId = WorkerId(0);
const OTHER: WorkerId = WorkerId(1);
const NORMAL: Marks = Marks { class: Class::Normal, deadline: None, retry: false };

fn millis(count: u64) -> Nanos {
    Nanos(count * 1_000_000)
}

fn rules(slots: Option<u32>, queue_length: usize) -> Rules {
    Rules { slots_per_worker: slots, queue_length, delay: millis(50), objective: None }
}

fn admission(workers: usize, slots: Option<u32>, queue_length: usize) -> Admission<u64> {
    let mut admission = Admission::new(rules(slots, queue_length));
    for worker in 0..workers {
        admission.enlist(WorkerId(worker));
    }
    admission
}

fn arrive(admission: &mut Admission<u64>, at: Nanos, job: u64) -> Verdict<u64> {
    arrive_as(admission, at, NORMAL, job).0
}

fn arrive_as(
    admission: &mut Admission<u64>,
    at: Nanos,
    marks: Marks,
    job: u64,
) -> (Verdict<u64>, Turned<u64>) {
    let mut turned = Turned::new();
    (admission.arrive(at, HOME, marks, || job, &mut turned), turned)
}

/// What ran at home leaves its slot.
fn leave(admission: &mut Admission<u64>, held: Nanos) {
    admission.lane(HOME).give_back(held);
}

fn take(admission: &mut Admission<u64>, at: Nanos, worker: WorkerId) -> Option<Taken<u64>> {
    admission.take(at, worker, &mut Turned::new())
}

fn overdue(admission: &mut Admission<u64>, at: Nanos) -> Vec<u64> {
    let mut turned = Turned::new();
    admission.turn_away_overdue(at, &mut turned);
    turned.into_iter().map(|(job, _)| job).collect()
}

fn rejected(admission: &mut Admission<u64>) -> Rejected {
    admission.tally(|| millis(0)).rejected
}

#[test]
fn a_request_runs_at_home_then_elsewhere_then_waits_then_is_refused() {
    let mut admission = admission(2, Some(1), 1);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert_eq!(arrive(&mut admission, millis(0), 2), Verdict::There(OTHER, 2));
    assert!(matches!(arrive(&mut admission, millis(0), 3), Verdict::Waits(_)));
    assert_eq!(arrive(&mut admission, millis(0), 4), Verdict::Rejected(Rejection::QueueFull));
}

#[test]
fn without_a_limit_everything_runs_at_home() {
    let mut admission = admission(2, None, 0);
    for job in 0..100 {
        assert_eq!(arrive(&mut admission, millis(job), job), Verdict::Here);
    }
}

#[test]
fn whoever_becomes_free_takes_the_first_that_waits() {
    let mut admission = admission(2, Some(1), 10);
    for job in 1..=4 {
        _ = arrive(&mut admission, millis(job), job);
    }
    admission.finish(millis(10), OTHER, millis(8));
    assert_eq!(take(&mut admission, millis(10), OTHER), Some(Taken { job: 3, waited: millis(7) }));
    assert_eq!(take(&mut admission, millis(10), OTHER), None);
}

#[test]
fn what_is_published_is_true_before_anything_has_waited() {
    let mut admission = admission(1, Some(2), 3);
    assert_eq!(admission.notice.outlook().refuses(Class::Normal), None);
    assert_eq!(admission.notice.outlook(), admission.outlook());
    admission.enlist(OTHER);
    assert_eq!(admission.notice.outlook().slots, 4);
    admission.retire(HOME);
    assert_eq!(admission.notice.outlook().slots, 2);
}

#[test]
fn a_measured_limit_holds_and_a_higher_one_frees_slots() {
    let mut admission = admission(1, None, 10);
    admission.limit(HOME, 1);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert!(matches!(arrive(&mut admission, millis(0), 2), Verdict::Waits(_)));
    assert_eq!(admission.tally(|| millis(0)).adaptive_limit, Some(1));
    admission.limit(HOME, 2);
    assert_eq!(take(&mut admission, millis(1), HOME).map(|taken| taken.job), Some(2));
    admission.limit(HOME, u32::MAX);
    assert_eq!(admission.tally(|| millis(1)).adaptive_limit, None);
}

#[test]
fn no_measured_limit_is_above_the_slots_or_given_to_a_worker_that_retires() {
    let mut admission = admission(2, Some(3), 10);
    admission.limit(HOME, 5);
    admission.retire(OTHER);
    admission.limit(OTHER, 5);
    assert_eq!([HOME, OTHER].map(|worker| admission.lane(worker).slots().limit), [3, 0]);
}

#[test]
fn what_has_waited_too_long_is_turned_away_in_order() {
    let mut admission = admission(1, Some(1), 10);
    for at in [0, 0, 20, 40] {
        _ = arrive(&mut admission, millis(at), at);
    }
    assert!(overdue(&mut admission, millis(50)).is_empty());
    assert_eq!(overdue(&mut admission, millis(71)), [0, 20]);
    assert_eq!(rejected(&mut admission).delay_bound, 2);
}

#[test]
fn what_would_wait_too_long_is_refused_at_once() {
    let mut admission = admission(1, Some(1), 100);
    assert_eq!(arrive(&mut admission, millis(0), 0), Verdict::Here);
    leave(&mut admission, millis(20));
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert!(matches!(arrive(&mut admission, millis(0), 2), Verdict::Waits(_)));
    assert!(matches!(arrive(&mut admission, millis(0), 3), Verdict::Waits(_)));
    // The third in the queue would wait three times 20 ms.
    assert_eq!(arrive(&mut admission, millis(0), 4), Verdict::Rejected(Rejection::DelayBound));
}

#[test]
fn a_full_queue_makes_room_for_the_more_important() {
    let mut admission = admission(1, Some(1), 2);
    let of = |class| Marks { class, ..NORMAL };
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    for (job, class) in [(2, Class::Bulk), (3, Class::Bulk)] {
        assert!(matches!(arrive_as(&mut admission, millis(0), of(class), job).0, Verdict::Waits(_)));
    }
    let (verdict, turned) = arrive_as(&mut admission, millis(0), of(Class::High), 4);
    assert!(matches!(verdict, Verdict::Waits(_)));
    assert_eq!(turned, [(3, Rejection::Priority)]);
    let (verdict, _) = arrive_as(&mut admission, millis(0), of(Class::Bulk), 5);
    assert_eq!(verdict, Verdict::Rejected(Rejection::QueueFull));
    leave(&mut admission, millis(1));
    assert_eq!(take(&mut admission, millis(1), HOME).map(|taken| taken.job), Some(4));
    assert_eq!((rejected(&mut admission).priority, rejected(&mut admission).queue_full), (1, 1));
}

#[test]
fn what_can_no_longer_be_in_time_is_passed_over() {
    let mut admission = admission(1, Some(1), 10);
    let until = |deadline| Marks { deadline: Some(millis(deadline)), ..NORMAL };
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    for (job, deadline) in [(2, 30), (3, 34), (4, 36)] {
        _ = arrive_as(&mut admission, millis(0), until(deadline), job);
    }
    leave(&mut admission, millis(5));
    let mut turned = Turned::new();
    let taken = admission.take(millis(30), HOME, &mut turned);
    assert_eq!(taken, Some(Taken { job: 4, waited: millis(30) }));
    assert_eq!(turned, [(2, Rejection::DeadlineExpired), (3, Rejection::DeadlineExpired)]);
}

#[test]
fn a_slot_for_which_nobody_is_in_time_is_free() {
    let mut admission = admission(1, Some(1), 10);
    _ = arrive(&mut admission, millis(0), 1);
    _ = arrive_as(&mut admission, millis(0), Marks { deadline: Some(millis(1)), ..NORMAL }, 2);
    leave(&mut admission, millis(5));
    assert_eq!(take(&mut admission, millis(2), HOME), None);
    assert!(admission.is_idle());
}

#[test]
fn an_overload_serves_the_newest_first_until_the_queue_has_drained() {
    let mut admission = admission(1, Some(1), 100);
    assert_eq!(arrive(&mut admission, millis(0), 0), Verdict::Here);
    leave(&mut admission, millis(10));
    _ = arrive(&mut admission, millis(0), 0);
    for job in 1..=5 {
        _ = arrive(&mut admission, millis(0), job);
    }
    // A backlog of 50 ms for 100 ms, as nothing is turned away meanwhile.
    admission.finish(millis(100), HOME, millis(10));
    assert_eq!(take(&mut admission, millis(100), HOME).map(|taken| taken.job), Some(1));
    for job in 6..=9 {
        _ = arrive(&mut admission, millis(100 + job), job);
    }
    assert!(admission.tally(|| millis(110)).overloaded);
    admission.finish(millis(111), HOME, millis(10));
    let newest = take(&mut admission, millis(111), HOME).map(|taken| taken.job);
    assert!(newest > Some(4), "{newest:?}");
    assert!(!overdue(&mut admission, millis(500)).is_empty());
    assert!(!admission.tally(|| millis(500)).overloaded);
}

#[test]
fn a_client_that_leaves_gives_up_its_place() {
    let mut admission = admission(1, Some(1), 10);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    let Verdict::Waits(ticket) = arrive(&mut admission, millis(1), 2) else { panic!("it must wait") };
    _ = arrive(&mut admission, millis(2), 3);
    assert_eq!(admission.withdraw(millis(3), ticket, Rejection::Abandoned), Some(2));
    assert_eq!(admission.withdraw(millis(3), ticket, Rejection::Abandoned), None);
    leave(&mut admission, millis(4));
    assert_eq!(take(&mut admission, millis(4), HOME).map(|taken| taken.job), Some(3));
    assert_eq!(rejected(&mut admission).deadline_expired, 1);
}

#[test]
fn a_retiring_worker_gets_nothing_and_its_number_is_free_when_it_has_ended() {
    let mut admission = admission(2, Some(1), 10);
    let mut arrive = |job| {
        let verdict = admission.arrive(millis(0), OTHER, NORMAL, || job, &mut Turned::new());
        if job == 1 {
            admission.retire(OTHER);
        }
        verdict
    };
    assert_eq!(arrive(1), Verdict::Here);
    assert_eq!(arrive(2), Verdict::There(HOME, 2));
    assert!(matches!(arrive(3), Verdict::Waits(_)));
    assert!(!admission.has_finished(OTHER));
    admission.lane(OTHER).give_back(millis(5));
    assert_eq!(take(&mut admission, millis(5), OTHER), None);
    assert!(admission.has_finished(OTHER));
    assert_eq!(admission.free_number(), WorkerId(2));
    admission.dismiss(OTHER);
    assert_eq!(admission.free_number(), OTHER);
}

#[test]
fn a_stopping_server_says_so() {
    let mut admission = admission(1, Some(1), 1);
    admission.stop(millis(0));
    _ = arrive(&mut admission, millis(0), 1);
    _ = arrive(&mut admission, millis(0), 2);
    assert_eq!(arrive(&mut admission, millis(0), 3), Verdict::Rejected(Rejection::Draining));
    let mut turned = Turned::new();
    admission.turn_away_all(millis(0), &mut turned);
    assert_eq!(turned, [(2, Rejection::Draining)]);
    assert_eq!(rejected(&mut admission).draining, 2);
}

#[test]
fn integrals_are_exact() {
    let mut admission = admission(1, Some(2), 10);
    // Two run from 0 s, one waits from 1 s to 3 s and runs to 4 s.
    let lane = admission.lane(HOME);
    for at in [0, 0, 1000] {
        if arrive(&mut admission, millis(at), at) == Verdict::Here {
            lane.meter.admit(millis(at));
        }
    }
    lane.meter.finish(millis(0), millis(3000));
    leave(&mut admission, millis(3000));
    assert!(take(&mut admission, millis(3000), HOME).is_some());
    admission.finish(millis(4000), HOME, millis(1000));
    let tally = admission.tally(|| millis(5000));
    assert_eq!(tally.in_flight_seconds, 4.0 * 2.0 + 1.0);
    assert_eq!(tally.queued_seconds, 2.0);
    assert_eq!(tally.occupied_seconds, Some(vec![4.5]));
}
