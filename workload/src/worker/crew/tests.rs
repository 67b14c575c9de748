//! Changes of the crew against a machine made of files.

use std::num::NonZeroUsize;
use std::path::Path;

use rstest::rstest;
use tempfile::TempDir;

use super::*;
use crate::core::Stage;
use crate::host::fixture;
use crate::settings::{Cpus, Settings};

const QUOTA: &str = "sys/fs/cgroup/cpu.max";
const STATUS: &str = "proc/self/status";

/// A crew on a machine of eight CPUs, four of which are allowed.
fn crew(start: Start, workers: Workers, pinning: Pinning) -> (TempDir, Crew) {
    let root = fixture::system(&[
        ("proc/self/cgroup", "0::/\n"),
        (QUOTA, "max 100000\n"),
        (STATUS, "Cpus_allowed_list:\t0-3\n"),
        ("sys/devices/system/cpu/online", "0-7\n"),
    ]);
    let settings = Settings { workers, cpus: Cpus { pinning, limit: None }, ..Settings::default() };
    let host = Host::below(root.path(), None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let core = Core::new(axum::Router::new(), settings, host, crate::door::Door::new(listener), None);
    let crew = Crew::starting_with(core, start);
    (root, crew)
}

fn write(root: &TempDir, file: &str, text: &str) {
    fixture::write(Path::new(root.path()), file, text);
}

fn exactly(count: usize) -> Workers {
    Workers::Exactly(NonZeroUsize::new(count).unwrap())
}

fn to(workers: usize) -> Change {
    Change { workers: Some(exactly(workers)), pinning: None }
}

/// Ends the threads of a crew.
fn end(crew: &Crew) {
    crew.core.advance(Stage::Closing);
    crew.core.roster.tell_all(|| crate::worker::Command::Close);
    while !crew.core.roster.is_empty() {
        std::thread::yield_now();
    }
}

/// As if the system had no room for a third thread.
fn fails_at_the_third(core: &Arc<Core>, worker: WorkerId) -> io::Result<()> {
    if core.gate.live().len() >= 2 { Err(io::Error::other("no room")) } else { thread::start(core, worker) }
}

#[test]
fn when_a_worker_does_not_start_everything_stays_as_it_was() {
    let (_root, crew) = crew(fails_at_the_third, exactly(1), Pinning::Off);
    crew.change(Change::default()).unwrap();
    let before = crew.runtime();
    let change = Change { workers: Some(exactly(4)), pinning: Some(Pinning::Forced) };
    assert!(matches!(crew.change(change), Err(WorkersError::Start(_))));
    assert_eq!((crew.runtime(), crew.core.stats().workers), (before, 1));
    // The one that was started has its number until it has ended.
    while crew.core.gate.free_number().0 > 1 {
        std::thread::yield_now();
    }
    assert_eq!(crew.change(to(2)).unwrap().workers, 2, "and the next change works");
    end(&crew);
}

#[test]
fn auto_follows_the_quota_and_the_mask() {
    let (root, crew) = crew(thread::start, Workers::Auto, Pinning::Off);
    let adapted = || {
        crew.adapt().unwrap();
        crew.runtime().workers
    };
    assert_eq!(adapted(), 4);
    write(&root, QUOTA, "150000 100000\n");
    assert_eq!(adapted(), 1);
    write(&root, QUOTA, "350000 100000\n");
    assert_eq!(adapted(), 3);
    write(&root, STATUS, "Cpus_allowed_list:\t2,5\n");
    assert_eq!(adapted(), 2);
    end(&crew);
}

#[test]
fn a_number_that_was_told_stays_until_auto_is_told() {
    let (root, crew) = crew(thread::start, Workers::Auto, Pinning::Off);
    assert_eq!(crew.change(to(3)).unwrap().workers, 3);
    write(&root, QUOTA, "100000 100000\n");
    crew.adapt().unwrap();
    assert_eq!((crew.runtime().workers, crew.runtime().auto), (3, false));
    let auto = Change { workers: Some(Workers::Auto), pinning: None };
    let runtime = crew.change(auto).unwrap();
    assert_eq!((runtime.workers, runtime.auto), (1, true));
    end(&crew);
}

#[rstest]
#[case::too_many(257)]
#[case::far_too_many(usize::MAX)]
fn numbers_out_of_range_are_refused(#[case] workers: usize) {
    let (_root, crew) = crew(thread::start, exactly(1), Pinning::Off);
    assert!(matches!(crew.change(to(workers)), Err(WorkersError::OutOfRange(_))));
}

/// The first CPU that this process may really use.
fn first_cpu() -> usize {
    Host::new(None).look().allowed[0]
}

fn mask_of(crew: &Crew, worker: usize) -> Option<rustix::process::Pid> {
    crew.core.cpu.thread_of(WorkerId(worker))
}

#[test]
fn a_forced_worker_keeps_to_its_cpu_until_pinning_is_off() {
    let (root, crew) = crew(thread::start, exactly(1), Pinning::Forced);
    write(&root, STATUS, &format!("Cpus_allowed_list:\t{}\n", first_cpu()));
    let runtime = crew.change(Change::default()).unwrap();
    assert_eq!(
        (runtime.pinned, runtime.cpus, crew.core.stats().pinned),
        (true, vec![Some(first_cpu())], true)
    );
    assert!(keeps_to(mask_of(&crew, 0).unwrap(), &[first_cpu()]));
    let off = crew.change(Change { workers: None, pinning: Some(Pinning::Off) }).unwrap();
    assert_eq!((off.pinned, off.cpus, crew.core.stats().pinned), (false, vec![None], false));
    end(&crew);
}

#[test]
fn a_pin_that_the_system_refuses_is_told_and_harms_nothing() {
    let (root, crew) = crew(thread::start, exactly(1), Pinning::Forced);
    write(&root, STATUS, "Cpus_allowed_list:\t1000\n");
    let runtime = crew.change(Change::default()).unwrap();
    assert!(!runtime.pinned && !crew.core.stats().pinned && runtime.workers == 1);
    assert!(runtime.reason.contains("the system refused it"), "{}", runtime.reason);
    end(&crew);
}

#[test]
fn workers_that_somebody_moved_are_put_back() {
    let allowed = Host::new(None).look().allowed;
    let (root, crew) = crew(thread::start, exactly(1), Pinning::Forced);
    write(&root, STATUS, &format!("Cpus_allowed_list:\t{}\n", allowed[0]));
    crew.change(Change::default()).unwrap();
    let worker = mask_of(&crew, 0).unwrap();
    keep_to(worker, &allowed).unwrap();
    crew.adapt().unwrap();
    assert!(keeps_to(worker, &allowed[..1]));
    end(&crew);
}
