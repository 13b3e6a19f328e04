//! What can be wrong with settings, tokens and signatures.

use std::path::PathBuf;

use super::tokens::{LIFETIME_S_MAX, NAME_CHARS_MAX, SYSTEMS_MAX, TOKENS_MAX};

/// What is wrong with the configuration of access.
#[derive(Debug, thiserror::Error)]
pub enum AccessConfigError {
    /// The JWK set cannot be read.
    #[error("{}: cannot read the JWK set: {source}", path.display())]
    File {
        /// Where it was looked for.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The file is no JWK set, or one without a usable key.
    #[error("{}: {detail}", path.display())]
    JwkSet {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// A key of the JWK set that is not taken.
    #[error("{}: key {kid}: {detail}", path.display())]
    Jwk {
        /// Which file.
        path: PathBuf,
        /// The key's `kid`, quoted, or its place in the set.
        kid: String,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// A setting out of its range.
    #[error("{key}: {detail}")]
    Setting {
        /// The setting's name.
        key: &'static str,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// A key for plugin signatures that cannot be used.
    #[error("trusted key {id:?}: {detail}")]
    TrustedKey {
        /// The key's id.
        id: String,
        /// What is wrong and what would be right.
        detail: String,
    },
}

/// Why a token cannot be made or revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The name is empty, too long, or has control characters.
    #[error("name: expected 1 to {NAME_CHARS_MAX} characters, none of them a control character")]
    Name,
    /// The lifetime is out of its range; it holds what was asked for, in seconds.
    #[error(
        "expires_in_s: found {0}, expected 1 to {LIFETIME_S_MAX}, or nothing for a token that does not expire"
    )]
    Lifetime(u64),
    /// The systems make no sense, or the role is not `ingest`.
    #[error(
        "systems: expected at most {SYSTEMS_MAX} ids or beginnings of ids before a *, and the role ingest"
    )]
    Systems,
    /// As many tokens as there can be.
    #[error("there are {TOKENS_MAX} tokens, the most that are kept: expected some to be dropped first")]
    TooMany,
    /// No token has this id.
    #[error("no token has the id {0:?}")]
    UnknownId(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

/// What is wrong with a plugin's signature, or with the key to make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none, and the policy asks for one.
    #[error("the component is not signed: expected the header `ed25519 <key id> <base64 signature>`")]
    Required,
    /// There is one, but it does not hold.
    #[error("the component's signature is invalid: {0}")]
    Invalid(String),
    /// The private key cannot be used or made.
    #[error("the signing key cannot be used: {0}")]
    Key(String),
}
