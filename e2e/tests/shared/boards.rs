//! A real Prometheus reads the controller's metrics: every query of the dashboards is answered with something, and no
//! alert fires where all is well.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use headroom_e2e::process::Process;
use headroom_e2e::suite::{Load, Namespace, Plan, Release, controller, figure, until};
use headroom_e2e::wait::{free_address, get};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Panels that are empty while nothing is wrong or nothing has happened yet.
const EMPTY_WHEN_WELL: [&str; 4] = [
    "Writes that failed",
    "Requests to the API server that failed",
    "Conditions that need somebody",
    "Confidence, and change with the revision",
];

#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_panel_shows_something_and_no_alert_fires() {
    let release = controller().unwrap();
    let place = Namespace::new("boards").unwrap();
    let prometheus = Prometheus::start(release).unwrap();
    let service = Plan::new("web").apply(place.name()).unwrap();
    service.until_ready(2, Duration::from_secs(90)).unwrap();
    let load = Load::steps("load", "20s@100,40s@450").start(place.name(), &service.url().unwrap()).unwrap();
    service.until_size("scaling out", Duration::from_secs(90), |now| now >= 3).unwrap();
    std::thread::sleep(Duration::from_secs(10));

    let queries = queries(place.name());
    assert!(queries.len() > 50, "the queries are found");
    let mut silent = Vec::new();
    for (panel, query) in &queries {
        let answer = prometheus.answer(query).unwrap();
        if answer.as_array().is_none_or(Vec::is_empty) && !EMPTY_WHEN_WELL.contains(&panel.as_str()) {
            silent.push(format!("{panel}: {query}"));
        }
    }
    figure("dashboards", "queries answered by a real Prometheus", queries.len() as f64, "");
    assert!(silent.is_empty(), "these show nothing: {silent:#?}");
    let firing = prometheus.answer(r#"ALERTS{alertstate="firing"}"#).unwrap();
    let here = firing.as_array().unwrap().iter().filter(|alert| {
        let of = alert["metric"]["namespace"].as_str().unwrap_or_default();
        of.is_empty() || of == place.name()
    });
    assert_eq!(here.collect::<Vec<_>>(), Vec::<&Value>::new());
    load.stop().unwrap();
}

/// Queries of all panels with their titles, Grafana's variables filled in as for this namespace.
fn queries(namespace: &str) -> BTreeSet<(String, String)> {
    let boards = fs::read_dir(chart().join("files/dashboards")).unwrap();
    let panels = boards.flat_map(|file| {
        let board: Value = serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        board["panels"].as_array().unwrap().clone()
    });
    let filled = |query: &str| {
        let query =
            query.replace("$__rate_interval", "30s").replace(r#"cluster=~"$cluster""#, r#"cluster=~".*""#);
        query.replace("$namespace", namespace).replace("$scaledservice", "web")
    };
    panels
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap().to_owned();
            let targets = panel["targets"].as_array().unwrap().clone();
            targets
                .into_iter()
                .map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
        })
        .map(|(title, query)| (title, filled(&query)))
        .collect()
}

fn chart() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/headroom")
}

/// A Prometheus that reads all replicas each second, by way of the API server, and has the chart's rules.
struct Prometheus {
    address: SocketAddr,
    /// Held: they end with it.
    _held: (TempDir, Process, Process),
}

impl Prometheus {
    fn start(release: &Release) -> anyhow::Result<Self> {
        let (way, address) = (free_address()?, free_address()?);
        let mut proxy = Command::new("kubectl");
        let way_in =
            Process::start(proxy.args(["proxy", &format!("--port={}", way.port())]).stdout(Stdio::null()))?;
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("prometheus.yml");
        fs::write(&config, configuration(release, way)?.to_string())?;
        let mut server = Command::new("prometheus");
        server.arg(format!("--config.file={}", config.display()));
        server.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        server.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        let server = Process::start(&mut server)?;
        until("Prometheus", Duration::from_secs(30), || Ok(get(address, "/-/ready")))?;
        Ok(Self { address, _held: (folder, server, way_in) })
    }

    /// The samples that a query gives now.
    fn answer(&self, query: &str) -> anyhow::Result<Value> {
        let mut promtool = Command::new("promtool");
        promtool.args(["query", "instant", "-o", "json", &format!("http://{}", self.address), query]);
        let output = promtool.output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{query}: {error}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn configuration(release: &Release, way: SocketAddr) -> anyhow::Result<Value> {
    let pods = release.pods()?;
    let target = |pod: &Value| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{}/pods/{name}:8080/proxy/metrics", release.namespace);
        json!({ "targets": [way], "labels": { "__metrics_path__": path, "pod": name } })
    };
    Ok(json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [chart().join("files/rules/headroom.yaml").canonicalize()?],
        // As the chart's ServiceMonitor has it.
        "scrape_configs": [{
            "job_name": "headroom", "honor_labels": true,
            "static_configs": pods.iter().map(target).collect::<Vec<_>>(),
        }],
    }))
}
