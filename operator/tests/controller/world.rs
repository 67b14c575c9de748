//! A cluster, its services and the controllers over it: what every test starts from. When it is dropped it checks what
//! must hold in every test.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use headroom::controller::Args;
use headroom::controller::args::LogFormat;
use headroom::controller::client::{Heartbeats, over};
use headroom::controller::report::metrics::Metrics;
use headroom::controller::start::Running;
use headroom::controller::workload::PullPolicy;
use headroom_fake_api::{FakeApi, Faults, Plant, Record, Rule, Start, Verb, deployment};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::audit;
use crate::servers::Servers;

/// How long the pods of a test take to start.
pub const START: Duration = Duration::from_secs(10);

pub struct World {
    pub api: FakeApi,
    pub servers: Arc<Servers>,
    metrics: RefCell<Vec<Arc<Metrics>>>,
    plants: RefCell<Vec<JoinHandle<()>>>,
    began: Instant,
}

/// A condition as the status has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub status: String,
    pub reason: String,
    pub message: String,
}

/// NAMESPACE/NAME; without a namespace it is `shop`.
pub fn place(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("shop/{name}") }
}

/// A service of between 2 and 40 pods that sizes the Deployment of its own name.
pub fn service(name: &str) -> Value {
    let place = place(name);
    let (namespace, name) = place.split_once('/').unwrap();
    json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService",
        "metadata": { "namespace": namespace, "name": name },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "objectives": { "qps": 4000, "latency": [{ "name": "p99", "quantile": "0.99", "threshold": "100ms" }] },
            "minReplicas": 2, "maxReplicas": 40, "capacity": { "prior": { "qpsPerPod": 150 } },
        },
    })
}

impl World {
    pub fn new() -> Self {
        let api = FakeApi::new();
        Self {
            servers: Servers::new(&api),
            metrics: RefCell::default(),
            plants: RefCell::default(),
            began: Instant::now(),
            api,
        }
    }

    /// A world with one service and its target of so many pods, at this rate.
    pub async fn with(name: &str, pods: u32, rate: f64) -> Self {
        let world = Self::new();
        world.target(name, pods, rate);
        world.api.seed(service(name));
        world.run(15).await;
        world
    }

    /// A Deployment of so many pods that get this rate; they are ready 10 s later.
    pub fn target(&self, name: &str, pods: u32, rate: f64) -> Plant {
        let place = place(name);
        let (namespace, name) = place.split_once('/').unwrap();
        self.api.seed(deployment(namespace, name, pods));
        self.pods_of(&place, rate)
    }

    /// The pods of a Deployment that is or will be there.
    pub fn pods_of(&self, name: &str, rate: f64) -> Plant {
        let place = place(name);
        let (namespace, name) = place.split_once('/').unwrap();
        let plant = Plant::new(&self.api, namespace, name);
        plant.start(Start::After(START));
        self.plants.borrow_mut().push(plant.spawn());
        self.servers.load(&place, rate);
        plant
    }

    /// From now on no pod comes or goes, whatever the sizes: it saves a large world most of its time.
    pub fn still(&self) {
        self.plants.borrow_mut().drain(..).for_each(|plant| plant.abort());
    }

    /// A replica of the controller. Its requests are those of the clients `name` and, for the lease, `name-lease`.
    pub fn controller(&self, name: &str) -> Running {
        self.controller_as(name, "")
    }

    /// The same with a service account: it may write to servers.
    pub fn controller_as(&self, name: &str, service_account: &str) -> Running {
        let args = Args {
            namespace: "headroom-system".to_owned(),
            watch_namespaces: Vec::new(),
            identity: Some(name.to_owned()),
            service_account: service_account.to_owned(),
            lease_name: "headroom".to_owned(),
            admin_listen: ([127, 0, 0, 1], 0).into(),
            workload_image: "headroom-workload:test".to_owned(),
            workload_image_pull_policy: PullPolicy::IfNotPresent,
            status_writes_per_second: 20,
            log_format: LogFormat::Text,
        };
        let heartbeats = Heartbeats::default();
        let metrics = Arc::<Metrics>::default();
        let client = over(self.api.connection(name), "default", &heartbeats, &metrics);
        let lease = self.api.connection(&format!("{name}-lease"));
        let lease = over(lease, "default", &Heartbeats::default(), &metrics);
        self.metrics.borrow_mut().push(Arc::clone(&metrics));
        args.start(client, lease, heartbeats, self.servers.clone(), metrics)
    }

    /// Lets so many seconds pass.
    pub async fn run(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    /// Lets time pass until `done` says so; returns the seconds that took.
    ///
    /// # Panics
    /// When it did not within `most` seconds.
    pub async fn until(&self, most: u64, what: &str, done: impl Fn() -> bool) -> f64 {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() <= Duration::from_secs(most), "not within {most} s: {what}");
            sleep(Duration::from_millis(50)).await;
        }
        began.elapsed().as_secs_f64()
    }

    pub fn load(&self, name: &str, rate: f64) {
        self.servers.load(&place(name), rate);
    }

    pub fn faults(&self, client: &str) -> Faults {
        self.api.faults(client)
    }

    /// Seconds since the world began.
    pub fn seconds(&self, at: Instant) -> f64 {
        at.duration_since(self.began).as_secs_f64()
    }

    /// `spec.replicas` of the Deployment.
    pub fn size(&self, name: &str) -> i64 {
        self.api.object(&format!("deployments/{}", place(name))).unwrap()["spec"]["replicas"]
            .as_i64()
            .unwrap()
    }

    /// The size as if somebody with kubectl had set it.
    pub fn resize(&self, name: &str, size: i64) {
        self.api.update(&format!("deployments/{}", place(name)), |target| {
            target["spec"]["replicas"] = size.into();
        });
    }

    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.api.update(&format!("scaledservices/{}", place(name)), change);
    }

    /// Requests that ask for a size of this target, whatever came of them.
    pub fn tries(&self, name: &str) -> Vec<Record> {
        let place = place(name);
        let same = |record: &Record| {
            let found = [record.namespace.as_deref(), record.name.as_deref()].map(Option::unwrap_or_default);
            record.verb == Verb::Patch
                && record.subresource.as_deref() == Some("scale")
                && found.join("/") == place
        };
        self.api.requests().into_iter().filter(same).collect()
    }

    /// Sizes that were written.
    pub fn writes(&self, name: &str) -> Vec<Record> {
        self.tries(name).into_iter().filter(Record::wrote).collect()
    }

    /// Sizes that were written, in their order.
    pub fn sizes(&self, name: &str) -> Vec<i64> {
        self.writes(name).iter().filter_map(Record::replicas).collect()
    }

    pub fn status(&self, name: &str) -> Value {
        self.api.object(&format!("scaledservices/{}", place(name))).unwrap()["status"].clone()
    }

    /// What the status says about `kind`.
    pub fn told(&self, name: &str, kind: &str) -> Told {
        let status = self.status(name);
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let found = conditions.into_iter().find(|condition| condition["type"] == kind);
        let text = |field: &str| found.map_or("", |found| found[field].as_str().unwrap()).to_owned();
        Told { status: text("status"), reason: text("reason"), message: text("message") }
    }

    /// The reason of the condition `kind`.
    pub fn reason(&self, name: &str, kind: &str) -> String {
        self.told(name, kind).reason
    }

    /// The sum over all series of a metric of the first controller.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.borrow()[0].text();
        let series = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Reasons of the events about this service, each as often as it was told.
    pub fn events(&self, name: &str) -> Vec<String> {
        let place = place(name);
        let (namespace, name) = place.split_once('/').unwrap();
        let events = self.api.objects(&format!("events.events.k8s.io/{namespace}"));
        let about = events.iter().filter(|event| event["regarding"]["name"] == name);
        about.map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
    }
}

impl World {
    /// For the reader of a failure: what was asked for, and what each service says.
    #[allow(clippy::print_stderr, reason = "it explains a failure")]
    fn explain(&self) {
        eprintln!("after {:.1} s:", self.seconds(Instant::now()));
        for record in self.api.requests().iter().filter(|record| record.verb == Verb::Patch) {
            if record.subresource.as_deref() == Some("scale") {
                let (at, to) = (self.seconds(record.at), record.replicas().unwrap_or_default());
                eprintln!("{at:8.2} {} {} -> {to}: {:?}", record.client, record.line(), record.status);
            }
        }
        for service in self.api.objects("scaledservices") {
            eprintln!("{} {}", service["metadata"]["name"], service["status"]["display"]);
            for told in service["status"]["conditions"].as_array().into_iter().flatten() {
                eprintln!("  {} {} {}: {}", told["type"], told["status"], told["reason"], told["message"]);
            }
        }
    }
}

/// Requests for the scale of this target.
pub fn scale_of(name: &str) -> Rule {
    Rule::any().subresource("scale").named(name)
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.explain();
            return;
        }
        for metrics in self.metrics.borrow().iter() {
            let text = metrics.text();
            let broken = |line: &&str| {
                line.starts_with("headroom_invariant_violations_total{") && !line.ends_with(" 0")
            };
            let broken: Vec<_> = text.lines().filter(broken).collect();
            assert!(broken.is_empty(), "{broken:?}");
        }
        audit::audit(&self.api.requests());
    }
}
