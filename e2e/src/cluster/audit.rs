//! The API server's audit log, read while it is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// No event of our tests comes near: objects are smaller.
const LINE_LIMIT: u64 = 8 << 20;

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The stage at which it was written: `ResponseComplete`, or for a watch `ResponseStarted` before that.
    pub stage: String,
    /// What was done: get, list, watch, create, update, patch, delete.
    pub verb: String,
    /// The path and query that were asked for.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// Who asked.
    pub user: User,
    /// The program that asked, as it calls itself.
    #[serde(default)]
    pub user_agent: String,
    /// What it was about; none for what is no resource.
    #[serde(default)]
    pub object_ref: ObjectRef,
    /// The answer.
    #[serde(default)]
    pub response_status: ResponseStatus,
    /// What was sent, for a size.
    pub request_object: Option<Value>,
    /// What was answered, for a size.
    pub response_object: Option<Value>,
    /// When the API server got the request.
    pub request_received_timestamp: Timestamp,
    /// When this stage was reached.
    pub stage_timestamp: Timestamp,
}

/// Who asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Such as `system:serviceaccount:NAMESPACE:NAME`.
    #[serde(default)]
    pub username: String,
    /// What else is known of it.
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What a request was about. What does not apply is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    /// The plural, such as deployments.
    pub resource: String,
    /// Such as scale or status.
    pub subresource: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The API group, empty for the core.
    pub api_group: String,
    /// The version of the group.
    pub api_version: String,
}

/// How a request was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResponseStatus {
    /// The HTTP status.
    pub code: u16,
    /// Why it was refused; empty where it was not.
    pub reason: String,
}

impl Entry {
    /// Whether it was answered with success.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.response_status.code)
    }

    /// Whether it asked to write.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// The pod that asked; none for who is no service account of a pod.
    pub fn pod(&self) -> Option<&str> {
        let names = self.user.extra.get("authentication.kubernetes.io/pod-name");
        names?.first().map(String::as_str)
    }

    /// The size that a write of `/scale` asked for; none for what is no such write.
    pub fn replicas_asked(&self) -> Option<u64> {
        let is_scale = self.object_ref.subresource == "scale" && self.is_write();
        is_scale.then(|| self.request_object.as_ref()?.pointer("/spec/replicas")?.as_u64())?
    }
}

/// The entries of a log, in the order of their answers. At the end it gives `None`; what is written afterwards comes with
/// the next calls.
#[derive(Debug)]
pub struct Entries {
    log: BufReader<File>,
    /// A line that is being written.
    begun: Vec<u8>,
}

impl Entries {
    /// All entries from the cluster's start.
    pub fn all(log: &Path) -> anyhow::Result<Self> {
        let file = File::open(log).with_context(|| format!("can't open the audit log {}", log.display()))?;
        Ok(Self { log: BufReader::new(file), begun: Vec::new() })
    }

    /// Only what is written from now on.
    pub fn from_now(log: &Path) -> anyhow::Result<Self> {
        let mut entries = Self::all(log)?;
        entries.log.seek(SeekFrom::End(0))?;
        Ok(entries)
    }

    fn line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let room = LINE_LIMIT - self.begun.len() as u64;
        self.log
            .by_ref()
            .take(room)
            .read_until(b'\n', &mut self.begun)
            .context("can't read the audit log")?;
        if self.begun.ends_with(b"\n") {
            return Ok(Some(std::mem::take(&mut self.begun)));
        }
        if self.begun.len() as u64 == LINE_LIMIT {
            bail!("a line of the audit log is longer than {LINE_LIMIT} bytes");
        }
        Ok(None)
    }
}

impl Iterator for Entries {
    type Item = anyhow::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.line().transpose()?;
        Some(line.and_then(|line| {
            let shown =
                || format!("no audit event: {}", String::from_utf8_lossy(&line[..line.len().min(200)]));
            serde_json::from_slice(&line).with_context(shown)
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const SCALE: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a","stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/n/deployments/web/scale?fieldManager=headroom","verb":"patch","user":{"username":"system:serviceaccount:h:headroom","uid":"u","groups":["g"]},"sourceIPs":["198.18.0.2"],"userAgent":"headroom/0.1","objectRef":{"resource":"deployments","namespace":"n","name":"web","apiGroup":"apps","apiVersion":"v1","subresource":"scale"},"responseStatus":{"metadata":{},"code":200},"requestObject":{"spec":{"replicas":7}},"responseObject":{"spec":{"replicas":7}},"requestReceivedTimestamp":"2026-11-21T09:00:00.250000Z","stageTimestamp":"2026-11-21T09:00:00.300000Z","annotations":{}}"#;
    const READ: &str = r#"{"stage":"ResponseComplete","requestURI":"/version","verb":"get","user":{},"requestReceivedTimestamp":"2026-11-21T09:00:00Z","stageTimestamp":"2026-11-21T09:00:00Z"}"#;

    #[test]
    fn a_size_is_read_with_who_asked_and_when() {
        let entry: Entry = serde_json::from_str(SCALE).unwrap();
        assert_eq!(entry.replicas_asked(), Some(7));
        assert_eq!(entry.object_ref.name, "web");
        assert_eq!(entry.user.username, "system:serviceaccount:h:headroom");
        assert!(entry.succeeded());
        let took = entry.stage_timestamp.duration_since(entry.request_received_timestamp);
        assert_eq!(took.as_millis(), 50);
    }

    #[test]
    fn what_is_no_write_of_a_size_asks_for_none() {
        let entry: Entry = serde_json::from_str(READ).unwrap();
        assert_eq!((entry.replicas_asked(), entry.is_write()), (None, false));
        let looked: Entry = serde_json::from_str(&SCALE.replace("\"patch\"", "\"get\"")).unwrap();
        assert_eq!(looked.replicas_asked(), None);
    }

    #[test]
    fn a_line_is_read_when_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let (half, rest) = SCALE.split_at(100);
        write!(file, "{READ}\n{half}").unwrap();
        let mut entries = Entries::all(file.path()).unwrap();
        assert_eq!(entries.next().unwrap().unwrap().verb, "get");
        assert!(entries.next().is_none());
        writeln!(file, "{rest}").unwrap();
        assert_eq!(entries.next().unwrap().unwrap().verb, "patch");
        assert!(entries.next().is_none());
        assert!(Entries::from_now(file.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_line_that_is_no_event_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "nonsense").unwrap();
        let error = Entries::all(file.path()).unwrap().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("no audit event: nonsense"), "{error}");
    }
}
