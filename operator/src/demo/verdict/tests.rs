use super::*;
use rstest::rstest;

/// Eight slots of 25 ms: 320/s at most.
const SERVER: Server = Server {
    queue: Mmc { servers: 8, service_seconds: 0.025 },
    quantile: 0.99,
    threshold_seconds: 0.1,
    start_delay: 5,
};

/// 100 seconds: calm, and a peak from second 20 to 59.
fn load(bad: &[usize]) -> Vec<Second> {
    let intended = |second| if (20..60).contains(&second) { 1000 } else { 300 };
    let failed = |second| if bad.contains(&(second as usize)) { 50 } else { 0 };
    let second =
        |second| Second { second, intended: intended(second), failed: failed(second), ..Second::default() };
    (0..100).map(second).collect()
}

fn evidence(seconds: &[Second]) -> Evidence<'_> {
    const STEP: Range<usize> = 20..30;
    Evidence {
        seconds,
        not_judged: std::slice::from_ref(&STEP),
        generator_kept_up: true,
        pod_seconds: 350.0,
        scale_ins: 1,
        min_replicas: 1,
        max_replicas: Some(10),
        server: SERVER,
    }
}

#[test]
fn a_good_run_is_held_with_its_figures() {
    let seconds = load(&[21, 22, 70]);
    let judged = judge(&evidence(&seconds));
    assert_eq!(judged.verdict, Verdict::Held);
    assert_eq!(judged.why, Vec::<String>::new());
    assert_eq!((judged.bad.as_slice(), judged.judged, judged.judged_bad), ([21, 22, 70].as_slice(), 90, 1));
}

#[test]
fn the_optimum_follows_the_load_at_hard_capacity() {
    let seconds = load(&[]);
    let judged = judge(&evidence(&seconds));
    // One pod throughout; a second, third and fourth while the 5 s mean is above 320, 640 and 960, each with a start.
    let above = |limit: f64| smoothed(&seconds).iter().filter(|rate| **rate > limit).count() as u64;
    let expected = 100 + above(320.0) + above(640.0) + above(960.0) + 3 * 5;
    assert_eq!(judged.optimum.pod_seconds, expected);
    assert!((judged.efficiency - 350.0 / expected as f64).abs() < 1e-9);
}

#[rstest]
#[case::two_bad_seconds(&[65, 70], |_: &mut Evidence<'_>| (), "2 of 90 judged seconds were bad", "65 s, 70 s")]
#[case::a_price(&[], |e: &mut Evidence<'_>| e.pod_seconds = 1000.0, "times the pod-hours", "scaleDown window")]
#[case::never_smaller(&[], |e: &mut Evidence<'_>| e.scale_ins = 0, "never made smaller", "--scale")]
#[case::a_busy_generator(&[], |e: &mut Evidence<'_>| e.generator_kept_up = false, "fell behind", "say nothing")]
#[case::too_few_pods(
    &[40, 41, 42],
    |e: &mut Evidence<'_>| e.max_replicas = Some(3),
    "maxReplicas 3 carries about",
    "set maxReplicas to at least 4"
)]
fn a_missed_run_says_why(
    #[case] bad: &[usize],
    #[case] spoil: impl Fn(&mut Evidence<'_>),
    #[case] what: &str,
    #[case] remedy: &str,
) {
    let seconds = load(bad);
    let mut evidence = evidence(&seconds);
    spoil(&mut evidence);
    let judged = judge(&evidence);
    assert_eq!(judged.verdict, Verdict::Missed);
    assert_eq!(judged.why.len(), 1, "{:?}", judged.why);
    assert!(judged.why[0].contains(what) && judged.why[0].contains(remedy), "{:?}", judged.why);
}

#[test]
fn nothing_recorded_is_never_held() {
    assert_eq!(judge(&evidence(&[])).verdict, Verdict::Missed);
}

#[rstest]
#[case(&[3], "3 s")]
#[case(&[3, 4, 5, 9], "3-5 s, 9 s")]
#[case(&[0, 2, 4, 6, 8, 10, 12, 14, 16], "0 s, 2 s, 4 s, 6 s, 8 s, 10 s, 12 s, 14 s, ...")]
fn seconds_in_words(#[case] seconds: &[usize], #[case] words: &str) {
    assert_eq!(ranges(seconds), words);
}
