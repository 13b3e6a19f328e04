//! Why somebody is turned away.

use super::{Right, Role};

/// Why somebody is turned away. All but [`Denied::Role`] are answered with 401, that one with 403.
///
/// No message contains what was presented. [`Denied::Unknown`] and [`Denied::NotForUs`] read the same, so
/// that an outsider learns nothing from the difference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was presented, or not by the scheme `Bearer`.
    #[error("no token: expected the header `Authorization: Bearer <token>`")]
    Missing,
    /// No such token, or nothing that could be one.
    #[error("the token is not known here")]
    Unknown,
    /// The token was good once.
    #[error("the token has expired: ask for a new one")]
    Expired,
    /// The token was taken back.
    #[error("the token has been revoked: ask for a new one")]
    Revoked,
    /// A JWT that is not taken, and why. The reason is for the log only; of the JWT it quotes at
    /// most the `kid`.
    #[error("the token is not known here")]
    NotForUs(String),
    /// Somebody who is known, but may not do this.
    #[error("the role {has} may not do this: expected {}", needs.held_by())]
    Role {
        /// What they are.
        has: Role,
        /// What was asked for.
        needs: Right,
    },
}
