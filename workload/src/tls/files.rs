//! Reading certificate files, and noticing that they changed.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::error::TlsError;
use crate::settings::Tls;

const MAX_BYTES: u64 = 1024 * 1024;

/// What tells a file from the one that was there before. Links are followed: a mounted Kubernetes secret changes by a
/// link that leads elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

/// The stamps of all files; `None` for one that can't be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamps(Vec<Option<Stamp>>);

impl Stamps {
    pub(super) fn of(settings: &Tls) -> Self {
        let pairs = settings.certificates.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
        Self(pairs.chain(settings.clients.authorities()).map(|file| stamp(file)).collect())
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        bytes: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    })
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text));
    read.map_err(|source| TlsError::Read { file: file.to_owned(), source })?;
    if text.len() as u64 > MAX_BYTES {
        return Err(TlsError::Size { file: file.to_owned() });
    }
    Ok(text)
}
