//! Why a component was refused, and why a call failed.

use std::time::Duration;

/// A component that cannot be used. Every message is complete with the component's name put before it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// More bytes than allowed.
    #[error("has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Not WebAssembly, or a core module.
    #[error("is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It exports nothing of the contract.
    #[error("exports no interface of {package}: {found}", package = super::contract::PACKAGE)]
    NotAPlugin {
        /// What it exports.
        found: String,
    },
    /// It exports more than one kind.
    #[error("exports {0}; a plugin is of one kind")]
    ManyKinds(String),
    /// Its contract version is unknown here.
    #[error("is written against {found}; this host speaks {package} {known}", package = super::contract::PACKAGE)]
    UnknownContract {
        /// The export that names the version.
        found: String,
        /// The versions known.
        known: String,
    },
    /// It imports what nobody granted.
    #[error("imports {0}, which is not granted")]
    NotGranted(String),
    /// Its exports are not those of its world.
    #[error("does not fit the world of its kind: {0}")]
    WrongShape(String),
    /// It is of another kind than asked for.
    #[error("is a plugin of kind {found}, expected {expected}")]
    WrongKind {
        /// What it is.
        found: super::Kind,
        /// What was asked for.
        expected: super::Kind,
    },
    /// Its first call failed.
    #[error("could not be configured: {0}")]
    Configure(#[source] CallError),
    /// Its descriptor breaks the contract.
    #[error("describes itself wrongly: {0}")]
    Descriptor(String),
}

/// A call that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The plugin said so itself.
    #[error("{function} answered: {reason}")]
    Refused {
        /// Which function.
        function: &'static str,
        /// The plugin's words.
        reason: String,
    },
    /// The plugin ran longer than allowed.
    #[error("{function} did not end within {deadline:?}")]
    Deadline {
        /// Which function.
        function: &'static str,
        /// How long it had.
        deadline: Duration,
    },
    /// An action computed longer than allowed, what it waited for others not counted.
    #[error("{function} computed longer than {limit:?}")]
    Computed {
        /// Which function.
        function: &'static str,
        /// How long it may compute.
        limit: Duration,
    },
    /// The answer is larger than any that makes sense. The instance is gone.
    #[error("{function} answered with more than {limit} bytes")]
    TooLarge {
        /// Which function.
        function: &'static str,
        /// How many bytes it might have had.
        limit: usize,
    },
    /// The plugin trapped. Its instance is gone.
    #[error("{function} trapped: {reason}")]
    Trap {
        /// Which function.
        function: &'static str,
        /// Why.
        reason: String,
    },
    /// A call before this one trapped, ran out of time or was given up. The instance is not called again.
    #[error("{function} was not called: the instance did not survive the call before")]
    Gone {
        /// Which function.
        function: &'static str,
    },
    /// The answer breaks the contract.
    #[error("{function} answered against the contract: {reason}")]
    BadAnswer {
        /// Which function.
        function: &'static str,
        /// In what.
        reason: String,
    },
}

impl CallError {
    /// Whether the instance can be called again.
    #[must_use]
    pub fn leaves_instance_usable(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::BadAnswer { .. })
    }
}
