//! Who did something, as the audit log keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Role;

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// By a token of this server.
    Token,
    /// By a JWT of the identity provider.
    Jwt,
    /// Not at all: the process itself, or somebody at its command line.
    Local,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// How they showed who they are.
    pub kind: PrincipalKind,
    /// The token's id, the JWT's subject, or `local`. Unique within a kind.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// What they are to the server.
    pub role: Role,
    /// The systems whose samples they may send, if not all: ids, or beginnings of ids before a `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
}

impl Principal {
    /// The process itself or its command line, with the role admin: who can run it can read its store anyway.
    #[must_use]
    pub fn local(name: impl Into<String>) -> Self {
        let (id, name) = ("local".to_owned(), name.into());
        Self { kind: PrincipalKind::Local, id, name, role: Role::Admin, systems: Vec::new() }
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::Jwt => "jwt",
            Self::Local => "local",
        })
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ({})", self.kind, self.name, self.id)
    }
}
