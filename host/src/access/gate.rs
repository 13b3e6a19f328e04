//! The gate in front of the routes.

use std::sync::Arc;

use super::token::PREFIX;
use super::{Denied, JwtVerifier, Principal, Right, Tokens};
use crate::time::Millis;

/// Tells who asks, and whether they may.
#[derive(Debug)]
pub struct Gatekeeper {
    tokens: Arc<Tokens>,
    jwt: Option<JwtVerifier>,
}

impl Gatekeeper {
    /// Knows the bearers of these tokens and, if there is a verifier, of the identity provider's JWTs.
    #[must_use]
    pub fn new(tokens: Arc<Tokens>, jwt: Option<JwtVerifier>) -> Self {
        Self { tokens, jwt }
    }

    /// Who asks, by the value of the header `Authorization`: `Bearer` in any case, and a token of this server
    /// or a JWT.
    ///
    /// # Errors
    /// Every [`Denied`] but [`Denied::Role`].
    pub fn authenticate(&self, authorization_header: Option<&str>, now: Millis) -> Result<Principal, Denied> {
        let (scheme, text) =
            authorization_header.and_then(|value| value.trim().split_once(' ')).ok_or(Denied::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::Missing);
        }
        let text = text.trim();
        if text.starts_with(PREFIX) {
            return self.tokens.verify(text, now);
        }
        self.jwt.as_ref().ok_or(Denied::Unknown)?.verify(text, now)
    }

    /// Whether they may.
    ///
    /// # Errors
    /// [`Denied::Role`].
    pub fn authorize(&self, principal: &Principal, right: Right) -> Result<(), Denied> {
        if principal.role.may(right) {
            Ok(())
        } else {
            Err(Denied::Role { has: principal.role, needs: right })
        }
    }
}
