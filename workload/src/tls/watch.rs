//! Looks at the certificate files for as long as the port is used.

use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use super::port::Port;

const PERIOD: Duration = Duration::from_secs(1);

/// Starts a thread of its own: looking at files may block, and nothing else should wait for it.
pub(crate) fn watch(port: &Arc<Port>) -> io::Result<()> {
    let port = Arc::downgrade(port);
    thread::Builder::new().name("certificates".to_owned()).spawn(move || look(&port)).map(drop)
}

fn look(port: &Weak<Port>) {
    while let Some(port) = port.upgrade() {
        port.refresh();
        drop(port);
        thread::sleep(PERIOD);
    }
}
