//! The file that ACK gives to add-ons of managed clusters: the Secret `addon.log.token`, mounted as
//! `/var/addon/token-config`.
//!
//! It is JSON: `access.key.id`, `access.key.secret` and `security.token` are each the base64 of 16 bytes of
//! initialisation vector and what AES-CBC (PKCS#7 padding) makes of the text, by the bytes of `keyring`; `expiration` is
//! a time. The key lies beside what it encrypts: this hides, and does not protect. ACK replaces the file before the key
//! in it expires.

use std::path::PathBuf;
use std::time::Duration;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::source::{failed, file, json};
use super::{Credential, Secret, Source, Surroundings};
use crate::error::Result;

const FILE: &str = "/var/addon/token-config";
const BLOCK: usize = 16;

/// A temporary key in ACK's encrypted file.
#[derive(Debug)]
pub struct TokenFile(PathBuf);

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "access.key.id")]
    id: String,
    #[serde(rename = "access.key.secret")]
    secret: String,
    #[serde(rename = "security.token")]
    token: String,
    expiration: Timestamp,
    keyring: Secret,
}

impl TokenFile {
    /// Where ACK mounts it.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self(surroundings.path(FILE))
    }

    /// Mounted elsewhere.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[async_trait]
impl Source for TokenFile {
    async fn fetch(&self) -> Result<Option<Credential>> {
        let Some(text) = file(&self.0).await? else { return Ok(None) };
        let name = self.0.display().to_string();
        let document: Document = json(&name, &text)?;
        let open = |field: &str, text: &str| {
            decrypted(text, document.keyring.reveal().as_bytes())
                .ok_or_else(|| failed(format!("{name}: {field} cannot be decrypted")))
        };
        let id = open("access.key.id", &document.id)?;
        let credential = Credential::new(id.reveal(), open("access.key.secret", &document.secret)?)
            .with_token(open("security.token", &document.token)?)
            .with_expiry(document.expiration);
        Ok(Some(credential.with_origin(format!("token file {name}"))))
    }

    /// It expires.
    fn max_age(&self) -> Option<Duration> {
        None
    }
}

/// The key's length says which AES it is.
fn decrypted(text: &str, key: &[u8]) -> Option<Secret> {
    let bytes = STANDARD.decode(text).ok()?;
    let (vector, rest) = bytes.split_at_checked(BLOCK)?;
    let mut rest = Zeroizing::new(rest.to_vec());
    let plain = match key.len() {
        16 => cbc::Decryptor::<aes::Aes128>::new_from_slices(key, vector)
            .ok()?
            .decrypt_padded::<Pkcs7>(&mut rest),
        24 => cbc::Decryptor::<aes::Aes192>::new_from_slices(key, vector)
            .ok()?
            .decrypt_padded::<Pkcs7>(&mut rest),
        32 => cbc::Decryptor::<aes::Aes256>::new_from_slices(key, vector)
            .ok()?
            .decrypt_padded::<Pkcs7>(&mut rest),
        _ => return None,
    };
    Some(Secret::from(std::str::from_utf8(plain.ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "YWJjZGVmZ2hpamtsbW5vcLn12WWI/GIH44gR4VvdfWrfe1vf3GhWYLbJ0k7M0VoO";
    const SHORT: &str = "YWJjZGVmZ2hpamtsbW5vcChJiR9m8QbxC0loKC55eOZ12MmzuYAKisciAlb5qAac";

    #[test]
    fn the_vectors_are_decrypted() {
        for (text, key) in [(LONG, "0123456789abcdef0123456789abcdef"), (SHORT, "0123456789abcdef")]
        {
            let plain = decrypted(text, key.as_bytes()).unwrap();
            assert_eq!(plain.reveal(), "STS.testAccessKeyId");
        }
        for (text, key) in
            [(LONG, "0123456789abcdef"), (SHORT, "0123"), ("YWJj", "0123456789abcdef")]
        {
            assert_eq!(decrypted(text, key.as_bytes()), None);
        }
    }

    #[tokio::test]
    async fn the_file_is_a_temporary_key() {
        let root = tempfile::tempdir().unwrap();
        let source = TokenFile::new(&Surroundings::new().root(root.path()));
        assert_eq!(source.fetch().await.unwrap(), None);
        let folder = root.path().join("var/addon");
        std::fs::create_dir_all(&folder).unwrap();
        let mut document = serde_json::json!({
            "access.key.id": SHORT,
            "access.key.secret": SHORT,
            "security.token": SHORT,
            "expiration": "2023-11-14T23:13:20Z",
            "keyring": "0123456789abcdef",
        });
        let write = |document: &serde_json::Value| {
            std::fs::write(folder.join("token-config"), document.to_string()).unwrap();
        };
        write(&document);
        let found = source.fetch().await.unwrap().unwrap();
        assert_eq!(found.id(), "STS.testAccessKeyId");
        assert_eq!(found.token().unwrap().reveal(), "STS.testAccessKeyId");
        assert_eq!(found.expires_at().unwrap().to_string(), "2023-11-14T23:13:20Z");
        document["keyring"] = "fedcba9876543210".into();
        write(&document);
        let error = source.fetch().await.unwrap_err().to_string();
        assert!(error.contains("access.key.id") && !error.contains("fedcba"), "{error}");
    }
}
