//! Where a request ends: the same bytes go to this server, with and without its fast path, and through nginx, `HAProxy`
//! and h2o in front of it. Each understands a list of requests. Ours must refuse, or understand what they do: where two
//! differ, one of them can be made to see a request that the other has not.

mod cases;
mod exchange;
mod peers;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use axum::body::Bytes;
use axum::http::{Method, Uri};
use axum::{Router, extract::DefaultBodyLimit};
use headroom_workload::{Http1, RunningServer, Server, Settings, Workers};

use self::cases::{CASES, Case, Wanted};
use self::exchange::{Understood, exchange};
use self::peers::{Peer, peers};

/// A server whose answers say what it has understood: method, path and length of the body.
fn echo(http1: Http1) -> RunningServer {
    let say = |method: Method, uri: Uri, body: Bytes| async move {
        format!("{method} {} {}", uri.path(), body.len())
    };
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        listen: any_port,
        admin: any_port,
        workers: Workers::Exactly(NonZeroUsize::MIN),
        http1,
        ..Settings::default()
    };
    let router = Router::new().fallback(say).layer(DefaultBodyLimit::disable());
    Server::builder(router).settings(settings).start().unwrap()
}

/// What is wrong with how this server has understood a case, if anything.
fn fault(case: &Case, ours: &Understood, peers: &[(&Peer, Understood)]) -> Option<String> {
    let served: Vec<&str> = ours.served.iter().map(String::as_str).collect();
    let expected = match case.wanted {
        Wanted::Served(expected) => served == expected && ours.refused.is_none(),
        Wanted::Refused => served.is_empty(),
        Wanted::Ended(most) => served.len() <= 1 && (served.is_empty() || served == [most]),
        Wanted::Agreed => true,
    };
    if !expected {
        return Some(format!("wanted {:?}", case.wanted));
    }
    let other = peers.iter().find(|(_, understood)| !agree(ours, understood));
    other.map(|(peer, understood)| format!("{} has understood {:?}", peer.name, understood.served))
}

/// Whether two have found the same requests. One that refuses, or closes earlier, disagrees with nobody: what it does
/// not pass on can't be misunderstood. How targets are rewritten is no question of framing.
fn agree(ours: &Understood, theirs: &Understood) -> bool {
    let framed = |line: &String| {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        (words.first().cloned(), words.last().cloned())
    };
    theirs.refused.is_some()
        || ours
            .served
            .iter()
            .map(framed)
            .zip(theirs.served.iter().map(framed))
            .all(|(ours, theirs)| ours == theirs)
}

#[test]
fn every_case_is_refused_or_understood_as_others_do() {
    let (fast, general) = (echo(Http1::Fast), echo(Http1::General));
    let peers = peers(general.addresses().listening);
    let mut faults = Vec::new();
    for case in CASES {
        let bytes = case.bytes();
        let understood: Vec<_> = peers.iter().map(|peer| (peer, exchange(peer.address, &bytes))).collect();
        let mut row = vec![];
        for (name, server) in [("fast", &fast), ("general", &general)] {
            let ours = exchange(server.addresses().listening, &bytes);
            row.push(format!("{name}: {ours}"));
            let fault = fault(case, &ours, &understood);
            faults.extend(fault.map(|fault| format!("{} ({name}): {ours}: {fault}", case.name)));
        }
        for (peer, understood) in &understood {
            row.push(format!("{}: {understood}", peer.name));
        }
        println!("{:40} {}", case.name, row.join("; "));
    }
    println!("{} cases", CASES.len());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(CASES.len() >= 60);
    for server in [fast, general] {
        server.drain();
        server.join().unwrap();
    }
}
