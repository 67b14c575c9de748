//! Who writes: one of the controller's replicas, by a Lease.
//!
//! A lease does not fence: a process that was stopped for a minute still believes in what it held. So every write asks
//! [`Leadership::may_write`], which looks at the monotonic clock, and carries the version that was read before.

mod complaint;
mod lease;
mod term;

pub use lease::{Record, Step, Timing, step};
pub use term::Leadership;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::{Instant, sleep};

use complaint::Complaint;
use lease::Watched;

/// Which lease, and who we are.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Namespace of the lease.
    pub namespace: String,
    /// Name of the lease.
    pub lease: String,
    /// Our name: unique among the replicas.
    pub identity: String,
    /// How long things take.
    pub timing: Timing,
}

/// Stands for election for as long as the process lives; never returns. `client` should have a connection of its own:
/// our other traffic must not delay a renewal.
pub async fn campaign(client: Client, candidate: Candidate, leadership: Leadership) {
    let leases: Api<Lease> = Api::namespaced(client, &candidate.namespace);
    let (mut watched, mut complaint) = (Watched::default(), Complaint::default());
    loop {
        let asked = Instant::now();
        let turned = turn(&leases, &candidate, &mut watched, asked).await;
        if turned.is_ok() && complaint.is_over() {
            tracing::info!(lease = candidate.lease, "the lease can be read and written again");
        }
        match turned {
            Ok(Some(())) => leadership.hold(asked + candidate.timing.renew_deadline),
            Ok(None) => leadership.lose(),
            // What we hold runs out by itself.
            Err(error) if complaint.lasts(asked) => {
                tracing::warn!(%error, lease = candidate.lease, "the lease can't be read or written");
            }
            Err(_) => {}
        }
        sleep(candidate.timing.retry).await;
    }
}

/// Gives the lease back, so that another replica need not wait for its end.
pub async fn resign(client: Client, candidate: &Candidate, leadership: &Leadership) -> kube::Result<()> {
    leadership.lose();
    let leases: Api<Lease> = Api::namespaced(client, &candidate.namespace);
    let mut lease = leases.get(&candidate.lease).await?;
    if let Some(spec) =
        lease.spec.as_mut().filter(|s| s.holder_identity.as_ref() == Some(&candidate.identity))
    {
        spec.holder_identity = None;
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        leases.replace(&candidate.lease, &PostParams::default(), &lease).await?;
    }
    Ok(())
}

/// Reads the lease and takes or renews it where that is our turn. `Some` when it is ours from now on.
async fn turn(
    leases: &Api<Lease>,
    candidate: &Candidate,
    watched: &mut Watched,
    now: Instant,
) -> kube::Result<Option<()>> {
    let Some(lease) = leases.get_opt(&candidate.lease).await? else {
        let lease = next(candidate, None);
        return taken(leases.create(&PostParams::default(), &lease).await);
    };
    watched.note(Record::of(&lease), now);
    match step(watched, &candidate.identity, candidate.timing, now) {
        Step::Wait => Ok(None),
        Step::Take | Step::Renew => {
            let lease = next(candidate, Some(lease));
            taken(leases.replace(&candidate.lease, &PostParams::default(), &lease).await)
        }
    }
}

/// Somebody else was faster: no error, and not ours.
fn taken(answer: kube::Result<Lease>) -> kube::Result<Option<()>> {
    match answer {
        Ok(_) => Ok(Some(())),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

/// The lease as ours, with the version that was read: a write of somebody else in between refuses it.
fn next(candidate: &Candidate, before: Option<Lease>) -> Lease {
    let now = MicroTime(Timestamp::now());
    let name = Some(candidate.lease.clone());
    let mut lease = before
        .unwrap_or_else(|| Lease { metadata: ObjectMeta { name, ..ObjectMeta::default() }, spec: None });
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if spec.holder_identity.as_ref() != Some(&candidate.identity) {
        spec.holder_identity = Some(candidate.identity.clone());
        spec.acquire_time = Some(now.clone());
        spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |transitions| transitions + 1));
    }
    spec.lease_duration_seconds = Some(whole_seconds(candidate.timing.duration));
    spec.renew_time = Some(now);
    lease
}

fn whole_seconds(duration: Duration) -> i32 {
    duration.as_secs().try_into().unwrap_or(i32::MAX)
}
