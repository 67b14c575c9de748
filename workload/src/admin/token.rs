//! The secret that writes to the admin port need, kept in a file so that it can change without a restart.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq as _;

/// Where the token is. It is read for every write: writes are rare, and a mounted secret may change.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    file: PathBuf,
}

/// Why the token can't be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file can't be read.
    #[error("failed to read the token file {file}: {source}", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is empty or too large to be a token.
    #[error("the token file {file} must hold a token of 1 to 4096 bytes", file = file.display())]
    Size {
        /// The file.
        file: PathBuf,
    },
}

const MAX_BYTES: usize = 4096;

impl Token {
    /// Reads the token once, so that a mistake shows at the start.
    pub(crate) fn read(file: &Path) -> Result<Self, TokenError> {
        let token = Self { file: file.to_owned() };
        token.bytes()?;
        Ok(token)
    }

    /// Whether `offered` is the token. Takes as long for a wrong one as for the right one.
    pub(crate) fn matches(&self, offered: &[u8]) -> Result<bool, TokenError> {
        Ok(self.bytes()?.ct_eq(offered).into())
    }

    fn bytes(&self) -> Result<Vec<u8>, TokenError> {
        let file = &self.file;
        let mut text = Vec::new();
        let read = File::open(file).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text));
        read.map_err(|source| TokenError::Read { file: file.clone(), source })?;
        let token = text.trim_ascii();
        if token.is_empty() || text.len() > MAX_BYTES {
            return Err(TokenError::Size { file: file.clone() });
        }
        Ok(token.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(content: &[u8]) -> (tempfile::TempDir, Result<Token, TokenError>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, content).unwrap();
        let token = Token::read(&file);
        (folder, token)
    }

    #[test]
    fn only_the_very_token_matches() {
        let (_folder, token) = token(b"secret\n");
        let token = token.unwrap();
        assert!(token.matches(b"secret").unwrap());
        assert!(!token.matches(b"secret2").unwrap());
        assert!(!token.matches(b"").unwrap());
    }

    #[test]
    fn empty_and_huge_files_are_refused() {
        assert!(matches!(token(b" \n").1, Err(TokenError::Size { .. })));
        assert!(matches!(token(&[b'x'; MAX_BYTES + 1]).1, Err(TokenError::Size { .. })));
    }

    #[test]
    fn a_new_token_in_the_file_is_the_token() {
        let (folder, token) = token(b"old");
        std::fs::write(folder.path().join("token"), "new").unwrap();
        assert!(token.unwrap().matches(b"new").unwrap());
    }
}
