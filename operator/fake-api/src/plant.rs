//! The life of a cluster around one Deployment: its `ReplicaSet` and pods, as the controllers and kubelets make them.

use crate::{
    FakeApi, Start,
    pods::{Place, is_leaving, is_ready, owner, ready, starting},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Keeps as many pods as a Deployment asks for. New pods become ready after the start delay; a new template is rolled
/// out with one quarter more pods and none less; what is scaled in leaves after its grace.
///
/// Once a pod was ready its status is the test's: make it unready with [`FakeApi::update`] and it stays so.
#[derive(Clone)]
pub struct Plant {
    api: FakeApi,
    namespace: String,
    name: String,
    life: Arc<Mutex<Life>>,
}

/// What the plant remembers beside the objects.
struct Life {
    start: Start,
    grace: Duration,
    nodes: u64,
    born: BTreeMap<String, Instant>,
    leaving: BTreeMap<String, Instant>,
    was_ready: BTreeSet<String>,
}

impl Life {
    /// Forgets pods that somebody else deleted: nothing is due for them any more.
    fn forget_all_but(&mut self, pods: &[Value]) {
        let names: BTreeSet<String> = pods.iter().map(name).collect();
        self.born.retain(|name, _| names.contains(name));
        self.leaving.retain(|name, _| names.contains(name));
        self.was_ready.retain(|name| names.contains(name));
    }
}

impl Plant {
    /// The pods of `deployments/NAMESPACE/NAME`: ready 30 s after creation, gone 1 s after deletion, on two nodes.
    pub fn new(api: &FakeApi, namespace: &str, name: &str) -> Self {
        let life = Life {
            start: Start::After(Duration::from_secs(30)),
            grace: Duration::from_secs(1),
            nodes: 2,
            born: BTreeMap::new(),
            leaving: BTreeMap::new(),
            was_ready: BTreeSet::new(),
        };
        Self {
            api: api.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            life: Arc::new(Mutex::new(life)),
        }
    }

    /// From now on pods that were never ready start like this.
    pub fn start(&self, start: Start) {
        self.life().start = start;
        self.api.ring();
    }

    /// How long a deleted pod stays.
    pub fn grace(&self, grace: Duration) {
        self.life().grace = grace;
    }

    /// How many nodes (`node-1`, `node-2`, ...) the pods are spread over, at least one.
    pub fn nodes(&self, nodes: u64) {
        self.life().nodes = nodes.max(1);
    }

    /// The pods there are, those being deleted included, in the order of their names.
    pub fn pods(&self) -> Vec<Value> {
        let prefix = format!("{}-", self.name);
        let ours = |pod: &Value| {
            pod["metadata"]["ownerReferences"][0]["name"]
                .as_str()
                .is_some_and(|owner| owner.strip_prefix(&prefix).is_some_and(|hash| !hash.contains('-')))
        };
        let mut pods = self.api.objects(&format!("pods/{}", self.namespace));
        pods.retain(ours);
        pods
    }

    /// How many pods are ready and stay.
    pub fn ready(&self) -> usize {
        self.pods().iter().filter(|pod| is_ready(pod) && !is_leaving(pod)).count()
    }

    /// Steps whenever something changed or is due, for as long as the runtime lives or until aborted.
    pub fn spawn(&self) -> JoinHandle<()> {
        let plant = self.clone();
        tokio::spawn(async move {
            let mut bell = plant.api.bell();
            loop {
                bell.borrow_and_update();
                let due = plant.step();
                let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
                tokio::select! { biased; _ = bell.changed() => {}, () = sleep_until(due) => {} }
            }
        })
    }

    /// Does what is due now; returns when something is due next, if anything.
    pub fn step(&self) -> Option<Instant> {
        let mut life = self.life();
        let pods = self.pods();
        life.forget_all_but(&pods);
        for pod in pods.iter().filter(|pod| !is_leaving(pod)) {
            self.ripen(&mut life, pod);
        }
        for pod in pods.iter().filter(|pod| is_leaving(pod)) {
            self.bury(&mut life, pod);
        }
        match self.api.object(&format!("deployments/{}/{}", self.namespace, self.name)) {
            Some(deployment) => {
                let set = self.replica_set(&deployment);
                self.resize(&mut life, &deployment, &set);
                self.report(&deployment, &set);
            }
            None => {
                for pod in self.pods().iter().filter(|pod| !is_leaving(pod)) {
                    self.retire(&mut life, pod);
                }
            }
        }
        let starts =
            life.born.iter().filter(|(name, _)| !life.was_ready.contains(*name)).map(|(_, born)| *born);
        let starts = starts.filter_map(|born| match life.start {
            Start::After(delay) => Some(born + delay),
            Start::Unschedulable | Start::CrashLoop | Start::ImagePull => None,
        });
        starts.chain(life.leaving.values().map(|left| *left + life.grace)).min()
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, plural: &str, object: &Value) -> String {
        format!("{plural}/{}/{}", self.namespace, name(object))
    }

    /// Brings a pod that was never ready to where it should be.
    fn ripen(&self, life: &mut Life, pod: &Value) {
        let born = *life.born.entry(name(pod)).or_insert_with(Instant::now);
        if life.was_ready.contains(&name(pod)) {
            return;
        }
        let status = match life.start {
            Start::After(delay) if born.elapsed() >= delay => {
                life.was_ready.insert(name(pod));
                ready(pod, &self.api.stamp())
            }
            start => starting(pod, start),
        };
        self.api.update_as("kubelet", &self.path("pods", pod), |pod| pod["status"] = status);
    }

    /// Marks a pod as being deleted.
    fn retire(&self, life: &mut Life, pod: &Value) {
        let now = self.api.stamp();
        life.leaving.insert(name(pod), Instant::now());
        self.api.update(&self.path("pods", pod), |pod| {
            pod["metadata"]["deletionTimestamp"] = json!(now);
            pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        });
    }

    /// Removes a pod whose grace is over.
    fn bury(&self, life: &mut Life, pod: &Value) {
        let left = *life.leaving.entry(name(pod)).or_insert_with(Instant::now);
        if left.elapsed() < life.grace {
            return;
        }
        self.api.delete(&self.path("pods", pod));
        life.forget_all_but(&self.pods());
    }

    /// The `ReplicaSet` of the present template, made if it is new.
    fn replica_set(&self, deployment: &Value) -> Value {
        let mut template = deployment["spec"]["template"].clone();
        let hash = format!("{:08x}", fnv(&template.to_string()));
        let set_name = format!("{}-{hash}", self.name);
        if let Some(set) = self.api.object(&format!("replicasets/{}/{set_name}", self.namespace)) {
            return set;
        }
        template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
        let labels = template["metadata"]["labels"].clone();
        self.api.seed(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "namespace": self.namespace, "name": set_name, "labels": labels,
                "ownerReferences": [owner(deployment)], "managedFields": [],
            },
            "spec": { "replicas": 0, "selector": { "matchLabels": labels }, "template": template },
        }))
    }

    /// Creates and retires pods.
    fn resize(&self, life: &mut Life, deployment: &Value, set: &Value) {
        let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1) as usize;
        let pods: Vec<Value> = self.pods().into_iter().filter(|pod| !is_leaving(pod)).collect();
        let ours = |pod: &&Value| pod["metadata"]["ownerReferences"][0]["uid"] == set["metadata"]["uid"];
        let (mut present, mut old): (Vec<&Value>, Vec<&Value>) = pods.iter().partition(ours);
        // Those that are not ready go first, then the youngest.
        let order =
            |pod: &&Value| (is_ready(pod), std::cmp::Reverse(life.born.get(&name(pod)).copied()), name(pod));
        present.sort_by_key(order);
        old.sort_by_key(order);
        let surge = if old.is_empty() { 0 } else { wanted.div_ceil(4) };
        let room = (wanted + surge).saturating_sub(pods.len());
        let covered = present.iter().filter(|pod| is_ready(pod)).count();
        let keep_old = wanted.saturating_sub(covered);
        let surplus = present.len().saturating_sub(wanted);
        let leaving = present.iter().take(surplus).chain(old.iter().take(old.len().saturating_sub(keep_old)));
        let leaving: Vec<&Value> = leaving.copied().collect();
        for pod in leaving {
            self.retire(life, pod);
        }
        for _ in 0..wanted.saturating_sub(present.len()).min(room) {
            let number = self.api.number();
            let node = format!("node-{}", number % life.nodes + 1);
            let place = Place { namespace: &self.namespace, replica_set: set, node, number };
            let pod = self.api.seed(place.pod());
            self.ripen(life, &pod);
        }
    }

    /// Writes the status of the Deployment and the size of its `ReplicaSet`.
    fn report(&self, deployment: &Value, set: &Value) {
        let pods: Vec<Value> = self.pods().into_iter().filter(|pod| !is_leaving(pod)).collect();
        let ours = |pod: &&Value| pod["metadata"]["ownerReferences"][0]["uid"] == set["metadata"]["uid"];
        let (all, updated) = (pods.len(), pods.iter().filter(ours).count());
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let manager = "kube-controller-manager";
        self.api.update_as(manager, &self.path("deployments", deployment), |deployment| {
            deployment["status"] = json!({
                "observedGeneration": deployment["metadata"]["generation"], "replicas": all,
                "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready,
                "unavailableReplicas": all - ready,
            });
        });
        self.api.update_as(manager, &self.path("replicasets", set), |set| {
            set["spec"]["replicas"] = json!(updated);
            set["status"] = json!({ "replicas": updated });
        });
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// FNV-1a: the same template has the same hash in every run.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
