//! What a token looks like, and what is kept of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Denied, Principal, PrincipalKind, Role, TokenError, random};
use crate::time::Millis;

/// What every token begins with, so that people and scanners of leaked secrets recognise it.
pub(super) const PREFIX: &str = "lw_";
/// Random bytes of a token.
const BYTES: usize = 32;
/// The length of a token as text: the prefix and its bytes in base64, without padding.
const TEXT_BYTES: usize = PREFIX.len() + (BYTES * 4).div_ceil(3);

/// A token's secret. It can be shown once, by [`Token::as_str`]; it is in no debug output and cannot be
/// serialised.
pub struct Token(String);

impl Token {
    /// A new one: `lw_` and 256 random bits as base64url without padding.
    ///
    /// # Errors
    /// [`TokenError::NoRandomness`].
    pub fn generate() -> Result<Self, TokenError> {
        let bytes = random::bytes::<BYTES>()?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The secret itself, for the one who asked for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> String {
        hash(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({PREFIX}…)")
    }
}

/// The hash of a text that could be a token; `None` for what cannot be one.
pub(super) fn hash_of_candidate(text: &str) -> Option<String> {
    (text.len() == TEXT_BYTES && text.starts_with(PREFIX)).then(|| hash(text))
}

/// SHA-256 in hexadecimal. A slow, salted hash defends secrets that people think up and that can be guessed;
/// 256 random bits cannot, and a fast hash keeps the look-up cheap for every request.
fn hash(text: &str) -> String {
    random::hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// What is kept of a token, to be stored. It is not an answer of the API: that leaves out the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Sixteen hexadecimal digits, by which people speak of the token. No secret.
    pub id: String,
    /// What it is for, in the words of who made it.
    pub name: String,
    /// What its bearer is to the server.
    pub role: Role,
    /// The systems whose samples its bearer may send, if not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
    /// SHA-256 of the token's text, in lower-case hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: Millis,
    /// Who made it.
    pub created_by: Principal,
    /// The time from which on it is no longer good; never, if there is none.
    pub expires_at: Option<Millis>,
    /// When it was taken back, if it was.
    pub revoked_at: Option<Millis>,
}

impl TokenRecord {
    /// When it stopped being good, or will.
    pub(super) fn ends_at(&self) -> Option<Millis> {
        match (self.expires_at, self.revoked_at) {
            (Some(expires), Some(revoked)) => Some(expires.min(revoked)),
            (expires, revoked) => expires.or(revoked),
        }
    }

    /// Its bearer, if it is good at `now`.
    pub(super) fn bearer(&self, now: Millis) -> Result<Principal, Denied> {
        if self.revoked_at.is_some() {
            return Err(Denied::Revoked);
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Denied::Expired);
        }
        let (id, name) = (self.id.clone(), self.name.clone());
        Ok(Principal { kind: PrincipalKind::Token, id, name, role: self.role, systems: self.systems.clone() })
    }
}
