//! Instances of rules.

use wasmtime::Store;

use super::contract::rule::exports::lapwing::plugin::rule as wit;
use super::contract::rule::{RulePlugin, RulePluginPre};
use super::contract::{Batch, Explanation, Input, Parameter, Verdicts};
use super::error::{CallError, LoadError};
use super::instance::{Instance, answer_bytes, cut, store, watched};
use super::plugin::{Kind, Plugin};
use crate::limits::{
    ANSWER_BYTES_MAX, BATCH_DEADLINE, CONFIGURE_DEADLINE, EXPLANATION_BYTES_MAX, INPUTS_MAX, OCCURRENCES_MAX,
    PARAMETERS_MAX, WINDOW_S_MAX,
};

pub use wit::Descriptor;

/// A configured rule with its own memory.
pub struct RuleInstance {
    store: Store<Instance>,
    bindings: RulePlugin,
}

impl Plugin {
    /// Makes an instance and configures it with `settings`, a JSON object.
    ///
    /// # Errors
    /// The plugin is no rule, does not start, refuses the settings, or describes itself against the contract.
    pub fn rule(&self, settings: &str) -> Result<(RuleInstance, Descriptor), LoadError> {
        if self.kind != Kind::Rule {
            return Err(LoadError::WrongKind { found: self.kind, expected: Kind::Rule });
        }
        let mut store = store(self.instance_pre.engine(), &self.name, &self.quota);
        let configured = watched(&mut store, "configure", CONFIGURE_DEADLINE, ANSWER_BYTES_MAX, |store| {
            let bindings = RulePluginPre::new(self.instance_pre.clone())?.instantiate(&mut *store)?;
            let answer = bindings.lapwing_plugin_rule().call_configure(&mut *store, settings)?;
            Ok((bindings, answer))
        });
        let (bindings, answer) = configured.map_err(LoadError::Configure)?;
        let refused =
            |reason| LoadError::Configure(CallError::Refused { function: "configure", reason: cut(reason) });
        let descriptor = answer.map_err(refused)?;
        check(&descriptor).map_err(LoadError::Descriptor)?;
        Ok((RuleInstance { store, bindings }, descriptor))
    }
}

impl RuleInstance {
    /// Judges `rows` rows; each of `columns` has as many values. Both lists of the answer are ascending and disjoint.
    ///
    /// # Errors
    /// There was no answer, or one against the contract.
    pub fn evaluate(&mut self, columns: &[&[f64]], rows: usize) -> Result<Verdicts, CallError> {
        const FUNCTION: &str = "evaluate";
        let batch = Batch { rows: rows as u32, columns };
        let rule = self.bindings.lapwing_plugin_rule();
        let answer = watched(&mut self.store, FUNCTION, BATCH_DEADLINE, answer_bytes(rows), |store| {
            rule.call_evaluate(&mut *store, batch)
        })?;
        let verdicts =
            answer.map_err(|reason| CallError::Refused { function: FUNCTION, reason: cut(reason) })?;
        for (name, list) in [("matched", &verdicts.matched), ("unknown", &verdicts.unknown)] {
            let ascending = list.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || list.last().is_some_and(|&last| last as usize >= rows) {
                let reason = format!("{name} is not an ascending list of rows below {rows}");
                return Err(CallError::BadAnswer { function: FUNCTION, reason });
            }
        }
        if !verdicts.unknown.is_empty()
            && verdicts.matched.iter().any(|row| verdicts.unknown.binary_search(row).is_ok())
        {
            let reason = "a row is both matched and unknown".to_owned();
            return Err(CallError::BadAnswer { function: FUNCTION, reason });
        }
        Ok(verdicts)
    }

    /// Puts the verdict on one row into words. Each of `columns` has one value.
    ///
    /// # Errors
    /// There was no answer, or one against the contract.
    pub fn explain(&mut self, columns: &[&[f64]]) -> Result<Explanation, CallError> {
        const FUNCTION: &str = "explain";
        let batch = Batch { rows: 1, columns };
        let rule = self.bindings.lapwing_plugin_rule();
        let answer = watched(&mut self.store, FUNCTION, BATCH_DEADLINE, answer_bytes(1), |store| {
            rule.call_explain(&mut *store, batch)
        })?;
        let mut explanations =
            answer.map_err(|reason| CallError::Refused { function: FUNCTION, reason: cut(reason) })?;
        let bad = |reason: &str| CallError::BadAnswer { function: FUNCTION, reason: reason.to_owned() };
        let mut explanation = match (explanations.pop(), explanations.is_empty()) {
            (Some(explanation), true) => explanation,
            _ => return Err(bad("one row was asked for, and not one explanation came back")),
        };
        if explanation.conditions.iter().any(|condition| condition.input as usize >= columns.len()) {
            return Err(bad("a condition is of an input that was not declared"));
        }
        if explanation.conditions.len() > INPUTS_MAX {
            return Err(bad("there are more conditions than inputs allowed"));
        }
        let end = explanation.summary.floor_char_boundary(EXPLANATION_BYTES_MAX);
        explanation.summary.truncate(end);
        Ok(explanation)
    }
}

/// What the contract asks of a descriptor beyond its types.
fn check(descriptor: &Descriptor) -> Result<(), String> {
    check_inputs(&descriptor.inputs)?;
    if descriptor.parameters.len() > PARAMETERS_MAX {
        return Err(format!(
            "{} parameters, at most {PARAMETERS_MAX} are allowed",
            descriptor.parameters.len()
        ));
    }
    for parameter in &descriptor.parameters {
        check_parameter(parameter)?;
    }
    for input in &descriptor.inputs {
        if let Input::Parameter(name) = input
            && !descriptor.parameters.iter().any(|parameter| parameter.name == *name)
        {
            return Err(format!("input parameter {name:?} is not among the parameters"));
        }
    }
    if !(1..=OCCURRENCES_MAX).contains(&descriptor.min_occurrences) {
        return Err(format!(
            "min-occurrences is {}, from 1 to {OCCURRENCES_MAX} is allowed",
            descriptor.min_occurrences
        ));
    }
    if descriptor.window_s > WINDOW_S_MAX {
        return Err(format!("window-s is {}, at most {WINDOW_S_MAX} is allowed", descriptor.window_s));
    }
    Ok(())
}

pub(super) fn check_inputs(inputs: &[Input]) -> Result<(), String> {
    if inputs.is_empty() || inputs.len() > INPUTS_MAX {
        return Err(format!("{} inputs, from 1 to {INPUTS_MAX} are allowed", inputs.len()));
    }
    Ok(())
}

fn check_parameter(parameter: &Parameter) -> Result<(), String> {
    let Parameter { name, default, min, max, .. } = parameter;
    if min.is_finite() && max.is_finite() && (min..=max).contains(&default) {
        Ok(())
    } else {
        Err(format!("parameter {name:?}: the default {default} is not within {min}..={max}"))
    }
}
