//! A component that has been read: what it is, what it imports, and instances of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

use super::contract::{self, PACKAGE, VERSIONS};
use super::engine::Sandbox;
use super::error::LoadError;
use super::instance::Instance;
use super::quota::LogQuota;

/// What a plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Says which samples match.
    Rule,
    /// Says how unusual a sample is.
    Scorer,
    /// Does something about a detection.
    Action,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rule => "rule",
            Self::Scorer => "scorer",
            Self::Action => "action",
        })
    }
}

/// A loaded component.
#[derive(Clone)]
pub struct Plugin {
    /// What the operator calls it.
    pub name: Arc<str>,
    /// What it does.
    pub kind: Kind,
    /// The contract version that it is written against.
    pub contract: &'static str,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: Arc<str>,
    /// Size of the component in bytes.
    pub size: u64,
    /// What it imports, by name.
    pub imports: Vec<String>,
    pub(super) instance_pre: InstancePre<Instance>,
    pub(super) quota: Arc<LogQuota>,
}

impl Plugin {
    pub(super) fn new(
        name: &str,
        bytes: &[u8],
        component: &Component,
        sandbox: &Sandbox,
    ) -> Result<Self, LoadError> {
        let ty = component.component_type();
        let exports: Vec<String> = ty.exports(component.engine()).map(|(name, _)| name.to_owned()).collect();
        let (kind, contract) = kind_of(&exports)?;
        let imports: Vec<String> = ty.imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
        if let Some(import) = imports.iter().find(|import| !is_granted(import, kind, contract)) {
            return Err(LoadError::NotGranted(import.clone()));
        }
        let wrong_shape = |error: wasmtime::Error| LoadError::WrongShape(format!("{error:#}"));
        let instance_pre = sandbox.linker(kind).instantiate_pre(component).map_err(wrong_shape)?;
        let pre = instance_pre.clone();
        match kind {
            Kind::Rule => contract::rule::RulePluginPre::new(pre).map(drop),
            Kind::Scorer => contract::scorer::ScorerPluginPre::new(pre).map(drop),
            Kind::Action => contract::action::ActionPluginPre::new(pre).map(drop),
        }
        .map_err(wrong_shape)?;
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let (name, digest) = (name.into(), digest.into());
        Ok(Self {
            name,
            kind,
            contract,
            digest,
            size: bytes.len() as u64,
            imports,
            instance_pre,
            quota: Arc::new(LogQuota::new()),
        })
    }
}

/// The kind and contract version that the exports name.
fn kind_of(exports: &[String]) -> Result<(Kind, &'static str), LoadError> {
    let ours: Vec<&String> = exports
        .iter()
        .filter(|export| export.strip_prefix(PACKAGE).is_some_and(|rest| rest.starts_with('/')))
        .collect();
    let export = match ours[..] {
        [] if exports.is_empty() => {
            return Err(LoadError::NotAPlugin { found: "it exports nothing".to_owned() });
        }
        [] => return Err(LoadError::NotAPlugin { found: format!("it exports {}", exports.join(", ")) }),
        [export] => export,
        [..] => {
            let names: Vec<&str> = ours.iter().map(|export| export.as_str()).collect();
            return Err(LoadError::ManyKinds(names.join(" and ")));
        }
    };
    let unknown = || LoadError::UnknownContract { found: export.clone(), known: VERSIONS.join(", ") };
    let (interface, version) = export[PACKAGE.len() + 1..].split_once('@').ok_or_else(unknown)?;
    let contract = VERSIONS.iter().find(|known| **known == version).ok_or_else(unknown)?;
    match interface {
        "rule" => Ok((Kind::Rule, contract)),
        "scorer" => Ok((Kind::Scorer, contract)),
        "action" => Ok((Kind::Action, contract)),
        _ => Err(unknown()),
    }
}

/// What a plugin may import: the contract's own types and the log, and an action the ways outside. How far those lead is
/// the business of its grants.
fn is_granted(import: &str, kind: Kind, contract: &str) -> bool {
    let interfaces: &[&str] = match kind {
        Kind::Rule | Kind::Scorer => &["types", "log"],
        Kind::Action => &["types", "log", "http", "secrets", "mail", "history"],
    };
    interfaces.iter().any(|interface| import == format!("{PACKAGE}/{interface}@{contract}"))
}
