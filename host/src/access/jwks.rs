//! The identity provider's public keys, from a local JWK set (RFC 7517).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::AccessConfigError;

/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The lengths of an RSA modulus that can be verified with, in bytes: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key, and the one algorithm that it is used with.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// The members that matter; a set may have any others.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    /// Present in private keys only.
    d: Option<serde::de::IgnoredAny>,
}

/// Reads the keys of a file. Keys for encryption (`use` is `enc`), which providers publish beside, are passed
/// over.
pub(super) fn read(path: &Path) -> Result<Vec<Key>, AccessConfigError> {
    let unreadable = |source| AccessConfigError::File { path: path.to_owned(), source };
    let refuse = |detail: String| AccessConfigError::JwkSet { path: path.to_owned(), detail };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(refuse(format!("the file is too large: expected at most {FILE_BYTES_MAX} bytes")));
    }
    let set: JwkSet = serde_json::from_str(&text).map_err(|problem| {
        refuse(format!("expected a JWK set, {{\"keys\": [...]}} (RFC 7517): {problem}"))
    })?;

    let mut keys: Vec<Key> = Vec::new();
    for (place, jwk) in set.keys.iter().enumerate().filter(|(_, jwk)| jwk.usage.as_deref() != Some("enc")) {
        let kid = jwk.kid.as_ref().map_or_else(|| format!("number {}", place + 1), |kid| format!("{kid:?}"));
        let refuse =
            |detail: String| AccessConfigError::Jwk { path: path.to_owned(), kid: kid.clone(), detail };
        let (algorithm, key) = jwk.decode().map_err(refuse)?;
        if keys.iter().any(|other| other.kid == jwk.kid) {
            return Err(refuse(
                "another key has the same `kid`, or none as well: expected each its own".to_owned(),
            ));
        }
        keys.push(Key { kid: jwk.kid.clone(), algorithm, key });
    }
    if keys.is_empty() {
        return Err(refuse(
            "there is no key for signatures: expected at least one of RS256 or EdDSA".to_owned(),
        ));
    }
    if keys.len() > 1 && keys.iter().any(|key| key.kid.is_none()) {
        return Err(refuse(
            "one of several keys has no `kid`: expected each its own, or only one key".to_owned(),
        ));
    }
    Ok(keys)
}

impl Jwk {
    fn decode(&self) -> Result<(Algorithm, DecodingKey), String> {
        if self.kty == "oct" {
            return Err("a shared secret (kty \"oct\") is not taken: expected a public key, RSA or Ed25519"
                .to_owned());
        }
        if self.d.is_some() {
            return Err("this is a private key (it has `d`): expected its public half alone".to_owned());
        }
        if let Some(usage) = self.usage.as_deref().filter(|usage| *usage != "sig") {
            return Err(format!("use {usage:?}: expected \"sig\""));
        }
        let (algorithm, key) = match self.kty.as_str() {
            "RSA" => ("RS256", self.rsa()?),
            "OKP" => ("EdDSA", self.ed25519()?),
            other => {
                return Err(format!(
                    "kty {other:?} is not taken: expected \"RSA\", or \"OKP\" with crv \"Ed25519\""
                ));
            }
        };
        match self.alg.as_deref() {
            Some(named) if named != algorithm => {
                Err(format!("alg {named:?} is not taken: expected {algorithm:?}"))
            }
            _ => Ok((if algorithm == "RS256" { Algorithm::RS256 } else { Algorithm::EdDSA }, key)),
        }
    }

    fn rsa(&self) -> Result<DecodingKey, String> {
        let (modulus, exponent) = (bytes("n", self.n.as_deref())?, bytes("e", self.e.as_deref())?);
        // Some encoders write a sign byte, which is no part of the number here.
        let modulus = modulus.strip_prefix(&[0]).unwrap_or(&modulus);
        if !MODULUS_BYTES.contains(&modulus.len()) {
            return Err(format!("n: found {} bits, expected 2048 to 8192", modulus.len() * 8));
        }
        Ok(DecodingKey::from_rsa_raw_components(modulus, &exponent))
    }

    fn ed25519(&self) -> Result<DecodingKey, String> {
        if self.crv.as_deref() != Some("Ed25519") {
            return Err("crv: expected \"Ed25519\"".to_owned());
        }
        let point = bytes("x", self.x.as_deref())?;
        if point.len() != 32 {
            return Err(format!("x: found {} bytes, expected 32", point.len()));
        }
        // Despite its name this takes the bare point.
        Ok(DecodingKey::from_ed_der(&point))
    }
}

fn bytes(member: &str, text: Option<&str>) -> Result<Vec<u8>, String> {
    let text = text.ok_or_else(|| format!("{member} is missing"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("{member}: expected base64url without padding"))
}
