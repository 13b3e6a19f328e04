//! Who asks, what they may do, and whose plugins are taken in. This room alone knows what a token looks like,
//! how a JWT of an identity provider becomes a role, how a plugin's signature is written, and how fast one
//! may ask. It keeps nothing on disk: the records of [`Tokens`] are handed over to be stored.

mod denied;
mod error;
mod gate;
mod jwks;
mod jwt;
mod principal;
mod random;
mod rate;
mod role;
mod signature;
mod token;
mod tokens;

#[cfg(test)]
mod tests;

pub use denied::Denied;
pub use error::{AccessConfigError, SignatureError, TokenError};
pub use gate::Gatekeeper;
pub use jwt::{JwtSettings, JwtVerifier, LEEWAY_S_MAX};
pub use principal::{Principal, PrincipalKind};
pub use rate::{KEYS_MAX, RateLimits};
pub use role::{Right, Role, UnknownRole};
pub use signature::{SignaturePolicy, TrustedKey, TrustedKeys, generate_key, sign};
pub use token::{Token, TokenRecord};
pub use tokens::{LIFETIME_S_MAX, NAME_CHARS_MAX, TOKENS_MAX, Tokens};
