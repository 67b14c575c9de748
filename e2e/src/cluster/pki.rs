//! Keys and certificates of a cluster, made anew with it: one authority signs for all, as kubeadm's does by default.
//!
//! They are made with the openssl command: it is on every machine that can run the rest, and nothing is linked in.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::command::output;
use super::network::API_SERVICE;
use super::place::{make_folder, write};

const DAYS: &str = "30";
/// No defaults of the machine's own configuration.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// The folder with the keys of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// In this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A certificate.
    pub fn certificate(&self, name: &str) -> String {
        self.folder.join(format!("{name}.crt")).display().to_string()
    }

    /// A private key.
    pub fn key(&self, name: &str) -> String {
        self.folder.join(format!("{name}.key")).display().to_string()
    }

    /// The public half of the key that signs service accounts' tokens.
    pub fn token_public_key(&self) -> String {
        self.folder.join("tokens.pub").display().to_string()
    }

    /// Makes the authority and the certificates of the control plane, which runs at `address`.
    pub fn make(&self, address: Ipv4Addr) -> anyhow::Result<()> {
        make_folder(&self.folder)?;
        write(&self.configuration(), CONFIGURATION)?;
        let authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
        self.request("ca", "/CN=headroom-e2e", &authority, &[])?;
        let names = "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost";
        self.sign(
            "apiserver",
            "/CN=kube-apiserver",
            &format!("{names},IP:127.0.0.1,IP:{API_SERVICE},IP:{address}"),
        )?;
        self.sign("admin", "/O=system:masters/CN=admin", "DNS:admin")?;
        self.sign("controller-manager", "/CN=system:kube-controller-manager", "DNS:controller-manager")?;
        self.sign("scheduler", "/CN=system:kube-scheduler", "DNS:scheduler")?;
        self.sign("proxy", "/CN=system:kube-proxy", "DNS:proxy")?;
        self.sign("front-proxy", "/CN=front-proxy", "DNS:front-proxy")?;
        let (key, public) = (self.key("tokens"), self.token_public_key());
        let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        output(openssl("genpkey").args(curve).args(["-out", &key]))?;
        output(openssl("pkey").args(["-in", &key, "-pubout", "-out", &public])).map(drop)
    }

    /// Makes the certificate of a node, for its kubelet as client and as server.
    pub fn make_node(&self, name: &str, address: Ipv4Addr) -> anyhow::Result<()> {
        self.sign(
            name,
            &format!("/O=system:nodes/CN=system:node:{name}"),
            &format!("DNS:{name},IP:{address}"),
        )
    }

    /// Writes a kubeconfig for a holder of one of the certificates.
    pub fn write_kubeconfig(&self, file: &Path, holder: &str, server: &str) -> anyhow::Result<()> {
        let user = json!({ "client-certificate": self.certificate(holder), "client-key": self.key(holder) });
        let cluster = json!({ "server": server, "certificate-authority": self.certificate("ca") });
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "headroom-e2e", "cluster": cluster }],
            "users": [{ "name": holder, "user": user }],
            "contexts": [{ "name": "headroom-e2e", "context": { "cluster": "headroom-e2e", "user": holder } }],
            "current-context": "headroom-e2e",
        });
        // JSON is YAML.
        write(file, serde_json::to_vec_pretty(&kubeconfig)?)
    }

    fn sign(&self, name: &str, subject: &str, names: &str) -> anyhow::Result<()> {
        let names = format!("subjectAltName={names}");
        let extensions =
            ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth", &names];
        self.request(name, subject, &extensions, &["-CA", &self.certificate("ca"), "-CAkey", &self.key("ca")])
    }

    fn request(&self, name: &str, subject: &str, extensions: &[&str], signer: &[&str]) -> anyhow::Result<()> {
        let mut command = openssl("req");
        command.args([
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            DAYS,
        ]);
        command.arg("-config").arg(self.configuration()).args(["-subj", subject]).args(signer);
        command.args(extensions.iter().flat_map(|extension| ["-addext", extension]));
        command.args(["-keyout", &self.key(name), "-out", &self.certificate(name)]);
        output(&mut command).map(drop)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("openssl.cnf")
    }
}

fn openssl(subcommand: &str) -> Command {
    let mut command = Command::new("openssl");
    command.arg(subcommand);
    command
}
