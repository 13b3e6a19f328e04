//! Which systems a rule applies to, and the values of its parameters there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::config;
use crate::model::{SharedNames, TypeId};
use crate::sandbox::contract::Parameter;

/// What a rule is to one system: the values of its parameters, or nothing.
pub type Scope = Option<Arc<[f64]>>;

/// The scopes of one rule.
#[derive(Clone, Debug)]
pub struct Scopes {
    /// The names of the parameters, in the order of their values.
    pub names: Vec<String>,
    /// The values where nothing is overridden.
    pub default: Arc<[f64]>,
    types: HashSet<TypeId>,
    ids: HashSet<Box<str>>,
    by_type: HashMap<TypeId, Arc<[f64]>>,
    by_id: HashMap<Box<str>, Arc<[f64]>>,
}

impl Scopes {
    pub(super) fn new(
        rule: &config::Rule,
        declared: &[Parameter],
        types: &SharedNames,
    ) -> Result<Self, String> {
        let type_id = |name: &str| types.number(name).map(TypeId).map_err(|full| full.to_string());
        let declared_defaults: Vec<f64> = declared.iter().map(|parameter| parameter.default).collect();
        let default = values(declared, &declared_defaults, rule.threshold, &rule.parameters)?;
        let mut scopes = Self {
            names: declared.iter().map(|parameter| parameter.name.clone()).collect(),
            default: default.clone().into(),
            types: rule.system_types.iter().map(|name| type_id(name)).collect::<Result<_, _>>()?,
            ids: rule.system_ids.iter().map(|id| id.as_str().into()).collect(),
            by_type: HashMap::new(),
            by_id: HashMap::new(),
        };
        for entry in rule.overrides.iter() {
            if let Some(name) = &entry.system_type {
                let values = values(declared, &default, entry.threshold, &entry.parameters)?;
                scopes.by_type.insert(type_id(name)?, values.into());
            }
        }
        for entry in rule.overrides.iter() {
            if let Some(id) = &entry.system_id {
                let values = values(declared, &default, entry.threshold, &entry.parameters)?;
                scopes.by_id.insert(id.as_str().into(), values.into());
            }
        }
        Ok(scopes)
    }

    /// Whether every system has the same scope.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        self.types.is_empty() && self.ids.is_empty() && self.by_type.is_empty() && self.by_id.is_empty()
    }

    /// What the rule is to one system.
    #[must_use]
    pub fn of(&self, system_id: &str, system_type: TypeId) -> Scope {
        let everywhere = self.types.is_empty() && self.ids.is_empty();
        if !everywhere && !self.types.contains(&system_type) && !self.ids.contains(system_id) {
            return None;
        }
        let overridden = self.by_id.get(system_id).or_else(|| self.by_type.get(&system_type));
        Some(Arc::clone(overridden.unwrap_or(&self.default)))
    }
}

/// The values of all parameters: `base`, with those given put in their places.
fn values(
    declared: &[Parameter],
    base: &[f64],
    threshold: Option<f64>,
    given: &std::collections::BTreeMap<String, f64>,
) -> Result<Vec<f64>, String> {
    let mut values = base.to_vec();
    let threshold = threshold.map(|value| ("threshold", value));
    for (name, value) in
        threshold.into_iter().chain(given.iter().map(|(name, &value)| (name.as_str(), value)))
    {
        let Some(place) = declared.iter().position(|parameter| parameter.name == name) else {
            let known: Vec<&str> = declared.iter().map(|parameter| parameter.name.as_str()).collect();
            let known = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            return Err(format!("there is no parameter {name}; {known}"));
        };
        let parameter = &declared[place];
        if !(parameter.min..=parameter.max).contains(&value) {
            let (min, max, what) = (parameter.min, parameter.max, &parameter.description);
            return Err(format!("{name} is {value}, from {min} to {max} is allowed ({what})"));
        }
        values[place] = value;
    }
    Ok(values)
}
