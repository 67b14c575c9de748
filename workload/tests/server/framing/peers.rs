//! Other servers, started in front of one of ours.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::client::PATIENCE;

pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    process: Child,
    _folder: tempfile::TempDir,
}

struct Recipe {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// With FOLDER, PORT and BEHIND to be filled in.
    config: &'static str,
}

const RECIPES: [Recipe; 3] = [
    Recipe {
        name: "nginx",
        program: "/usr/sbin/nginx",
        args: &["-p", "FOLDER", "-e", "FOLDER/errors", "-c", "FOLDER/config"],
        config: "daemon off; master_process off; pid FOLDER/pid; error_log FOLDER/errors; events {}\n\
            http { access_log off; client_body_temp_path FOLDER/a; proxy_temp_path FOLDER/b;\n\
            fastcgi_temp_path FOLDER/c; uwsgi_temp_path FOLDER/d; scgi_temp_path FOLDER/e;\n\
            server { listen 127.0.0.1:PORT; location / { proxy_pass http://BEHIND; proxy_http_version 1.1;\n\
            proxy_set_header Connection \"\"; proxy_set_header Host a; } } }\n",
    },
    Recipe {
        name: "haproxy",
        program: "/usr/sbin/haproxy",
        args: &["-db", "-f", "FOLDER/config"],
        config: "global\n maxconn 100\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n\
            \x20timeout server 5s\nfrontend front\n bind 127.0.0.1:PORT\n default_backend back\n\
            backend back\n server behind BEHIND\n",
    },
    Recipe {
        name: "h2o",
        program: "/usr/bin/h2o",
        args: &["-m", "worker", "-c", "FOLDER/config"],
        config: "listen: {host: 127.0.0.1, port: PORT}\nnum-threads: 1\nerror-log: FOLDER/errors\n\
            hosts:\n  \"*\":\n    paths:\n      \"/\":\n        proxy.reverse.url: \"http://BEHIND/\"\n\
            \x20       proxy.preserve-host: ON\n",
    },
];

/// Those that are installed, in front of the server at `behind`.
pub(super) fn peers(behind: SocketAddr) -> Vec<Peer> {
    RECIPES.iter().filter_map(|recipe| recipe.start(behind)).collect()
}

impl Recipe {
    fn start(&self, behind: SocketAddr) -> Option<Peer> {
        if !Path::new(self.program).exists() {
            println!("SKIPPED: {} is not installed", self.name);
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let fill = |text: &str| {
            text.replace("FOLDER", folder.path().to_str().unwrap())
                .replace("PORT", &address.port().to_string())
                .replace("BEHIND", &behind.to_string())
        };
        fs::write(folder.path().join("config"), fill(self.config)).unwrap();
        let mut command = Command::new(self.program);
        command.args(self.args.iter().map(|arg| fill(arg)));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let peer = Peer { name: self.name, address, process, _folder: folder };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{} does not listen", self.name);
            std::thread::yield_now();
        }
        Some(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
