//! Standalone mode with the programs that users get: it follows the load without failing a request, replaces what is
//! killed, and leaves nothing behind.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headroom_e2e::process::{Process, is_alive, signal};
use headroom_e2e::programs::program;
use headroom_e2e::wait::{free_address, get, until};
use serde_json::Value;

/// Twenty requests at a time, 20 ms each: 1,000 requests/s at most. Waits are generous: the machine may be busy.
const SERVICE: &str = r#"
apiVersion: headroom.dev/v1alpha1
kind: ScaledService
metadata: { name: shop }
spec:
  workload:
    config:
      slotsPerWorker: 20
      queueDelay: 2s
      drain: { delay: 0s, timeout: 10s }
      cost: { wait: 20ms }
  objectives:
    qps: 4000
    latency: [{ name: p99, quantile: "0.99", threshold: 5s }]
  minReplicas: 1
  maxReplicas: 5
  capacity: { prior: { qpsPerPod: 700 } }
  runtime: { workers: 1 }
  behavior: { scaleDown: { stabilizationWindowSeconds: 2 } }
"#;

struct Shop {
    headroom: Process,
    front: SocketAddr,
    admin: SocketAddr,
    directory: tempfile::TempDir,
}

impl Shop {
    fn open(replicas: u32) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("shop.yaml");
        std::fs::write(&file, SERVICE)?;
        let (front, admin) = (free_address()?, free_address()?);
        let mut command = Command::new(program("headroom")?);
        command
            .args(["standalone", "--start-delay", "1s", "--replicas", &replicas.to_string(), "-f"])
            .arg(&file);
        command.args(["--listen", &front.to_string(), "--admin", &admin.to_string()]);
        command.arg("--workload").arg(program("headroom-workload")?).stdout(Stdio::null());
        let shop = Self { headroom: Process::start(&mut command)?, front, admin, directory };
        until("every server is ready", || (shop.ready()? == u64::from(replicas)).then_some(()))?;
        Ok(shop)
    }

    /// The last tick, as the admin port shows it.
    fn tick(&self) -> Option<Value> {
        let shown: Value = serde_json::from_str(&get(self.admin, "/debug/services")?).ok()?;
        shown.get(0).cloned()
    }

    /// Pods asked for.
    fn replicas(&self) -> Option<u64> {
        self.tick()?["decision"]["targetReplicas"].as_u64()
    }

    /// Pods that serve.
    fn ready(&self) -> Option<u64> {
        let tick = self.tick()?;
        let pods = tick["observation"]["pods"].as_array()?;
        Some(pods.iter().filter(|pod| pod["state"] == "Ready").count() as u64)
    }

    fn load(&self, rate: u32, duration: &str) -> anyhow::Result<Load> {
        let summary = self.directory.path().join(format!("load-{rate}.json"));
        let mut command = Command::new(program("headroom-load")?);
        command.args(["--target", &format!("http://{}/", self.front), "--rate", &rate.to_string()]);
        command.args([
            "--duration",
            duration,
            "--connections",
            "64",
            "--timeout",
            "10s",
            "--quiet",
            "--json",
        ]);
        command.arg(&summary);
        Ok(Load { process: Process::start(&mut command)?, summary })
    }

    /// Stops it with Ctrl-C; returns its exit code.
    fn close(mut self) -> anyhow::Result<i32> {
        let servers = self.headroom.children();
        signal(self.headroom.pid(), "INT")?;
        let code = until("headroom ends after Ctrl-C", || self.headroom.exit_code().ok()?)?;
        assert_eq!(survivors(&servers), BTreeSet::new(), "left behind");
        Ok(code)
    }
}

struct Load {
    process: Process,
    summary: PathBuf,
}

impl Load {
    fn finish(mut self) -> anyhow::Result<Value> {
        until("the load is over", || self.process.exit_code().ok()?)?;
        read(&self.summary)
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
}

fn survivors(pids: &BTreeSet<u32>) -> BTreeSet<u32> {
    pids.iter().copied().filter(|pid| is_alive(*pid)).collect()
}

#[test]
fn it_shrinks_without_failing_a_request_and_grows_again() -> anyhow::Result<()> {
    let shop = Shop::open(4)?;
    let calm = shop.load(600, "17s")?;
    until("one pod is enough", || (shop.replicas()? == 1 && shop.ready()? == 1).then_some(()))?;
    let calm = calm.finish()?;
    assert!(calm["sent"].as_u64() >= Some(10_000), "{calm}");
    assert_eq!(calm["failed"]["total"], 0, "{calm}");
    assert_eq!(shop.headroom.children().len(), 1);

    let busy = shop.load(1400, "30s")?;
    until("the size follows the load", || (shop.ready()? >= 2).then_some(()))?;
    drop(busy);
    assert_eq!(shop.close()?, 0);
    Ok(())
}

#[test]
fn a_killed_server_is_replaced() -> anyhow::Result<()> {
    let shop = Shop::open(1)?;
    let before = shop.headroom.children();
    for pid in &before {
        signal(*pid, "KILL")?;
    }
    let after = until("another server runs", || {
        let now = shop.headroom.children();
        (now.is_disjoint(&before) && !now.is_empty()).then_some(now)
    })?;
    assert_eq!(after.len(), before.len());
    until("it answers", || get(shop.front, "/"))?;
    assert_eq!(shop.close()?, 0);
    Ok(())
}

#[test]
fn nothing_is_left_behind_when_headroom_is_killed() -> anyhow::Result<()> {
    let shop = Shop::open(2)?;
    let servers = shop.headroom.children();
    assert_eq!(servers.len(), 2);
    signal(shop.headroom.pid(), "KILL")?;
    until("the servers end too", || survivors(&servers).is_empty().then_some(()))
}
