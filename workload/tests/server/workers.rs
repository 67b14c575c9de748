//! Changing the number of workers under load fails nothing.

use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::client::Client;
use crate::process::Process;
use crate::service::{one_slot, start, workers};

const CHANGES: u64 = 20;
const REQUESTS_PER_CHANGE: u64 = 600;
const KEPT_CONNECTIONS: usize = 50;
const NEW_CONNECTIONS: usize = 4;

#[test]
fn no_request_fails_while_the_workers_change_under_load() {
    let service = start(|server| server.workers(workers(1)));
    let address = service.server.addresses().listening;
    let (answered, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let counted = |client: &mut Client| {
        let reply = client.get("/").expect("every request is answered");
        assert_eq!((reply.status, reply.body.as_str()), (200, "hello"));
        answered.fetch_add(1, Relaxed);
    };
    thread::scope(|scope| {
        for _ in 0..KEPT_CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::connect(address).unwrap();
                while !ended.load(Relaxed) {
                    counted(&mut client);
                }
            });
        }
        for _ in 0..NEW_CONNECTIONS {
            scope.spawn(|| {
                while !ended.load(Relaxed) {
                    counted(&mut Client::connect(address).expect("every connection is accepted"));
                }
            });
        }
        for change in 1..=CHANGES {
            while answered.load(Relaxed) < change * REQUESTS_PER_CHANGE {
                thread::yield_now();
            }
            let wanted = [3, 1, 4, 2][change as usize % 4];
            assert_eq!(service.server.set_workers(NonZeroUsize::new(wanted).unwrap()).unwrap(), wanted);
        }
        ended.store(true, Relaxed);
    });
    let stats = service.server.stats();
    assert_eq!(
        (stats.workers, stats.arrivals, stats.responses.success),
        (3, answered.load(Relaxed), stats.arrivals)
    );
    assert!(stats.arrivals >= CHANGES * REQUESTS_PER_CHANGE);
    service.stop();
}

#[test]
fn an_idle_connection_outlives_the_worker_that_had_it() {
    let service = start(|server| server.workers(workers(2)));
    let mut clients = [service.client(), service.client()];
    assert!(clients.iter_mut().all(|client| client.get("/").unwrap().status == 200));
    service.server.set_workers(NonZeroUsize::MIN).unwrap();
    assert!(clients.iter_mut().all(|client| client.get("/").unwrap().status == 200));
    service.stop();
}

#[test]
fn a_new_worker_takes_what_waits() {
    let service = start(|server| one_slot(server, 10, Duration::from_secs(20)));
    let held = [service.hold(service.client()), service.hold(service.client())];
    service.until(|stats| stats.queued == 1);
    service.server.set_workers(NonZeroUsize::new(2).unwrap()).unwrap();
    service.until(|stats| stats.queued == 0 && stats.in_flight == 2);
    service.release(2);
    assert!(held.into_iter().all(|held| held.join().unwrap().status == 200));
    service.stop();
}

#[test]
fn a_retiring_worker_finishes_its_request() {
    let service = start(|server| one_slot(server.workers(workers(2)), 10, Duration::from_secs(20)));
    let held = [service.hold(service.client()), service.hold(service.client())];
    service.server.set_workers(NonZeroUsize::MIN).unwrap();
    assert_eq!((service.server.stats().workers, service.server.stats().in_flight), (1, 2));
    service.release(2);
    assert!(held.into_iter().all(|held| held.join().unwrap().status == 200));
    service.stop();
}

#[test]
fn a_connection_that_a_retiring_worker_was_just_given_is_served() {
    let service = start(|server| server.workers(workers(1)));
    for _ in 0..300 {
        service.server.set_workers(NonZeroUsize::new(2).unwrap()).unwrap();
        let mut clients = [(); 4].map(|()| service.client());
        service.server.set_workers(NonZeroUsize::MIN).unwrap();
        for client in &mut clients {
            assert_eq!(client.get("/").expect("every connection is served").status, 200);
        }
    }
    service.stop();
}

/// The program alone: the mask of its first thread is what it follows.
#[test]
fn workers_follow_the_cpus_of_the_process() {
    let all = sched_getaffinity(None).unwrap();
    if all.count() < 2 {
        eprintln!("SKIPPED: one CPU can't be taken away");
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom-workload"));
    let process = Process::start(&mut command);
    let mut admin = Client::connect(process.admin).unwrap();
    let mut until = |workers: u32| {
        let wanted = format!("\"workers\":{workers},");
        while !admin.get("/stats").unwrap().body.contains(&wanted) {
            thread::yield_now();
        }
    };
    until(all.count());
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap());
    sched_setaffinity(Some(process.id()), &one).unwrap();
    until(1);
    sched_setaffinity(Some(process.id()), &all).unwrap();
    until(all.count());
    process.terminate();
    assert_eq!(process.wait(), Some(0));
}
