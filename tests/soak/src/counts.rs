//! The proof of counting: every accepted row is judged by every rule, once.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::client::Api;
use crate::metrics;
use crate::server::MetricNames;

/// How often the counts are read while they settle.
const EVERY: Duration = Duration::from_millis(250);

/// Where the counts stood before the load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Rows judged, by rule.
    pub(crate) rows: Vec<(String, u64)>,
    /// Rows of silence judged, if there is such a metric.
    pub(crate) silence: Option<u64>,
    /// Rows accepted, if there is such a metric.
    pub(crate) accepted: Option<u64>,
}

/// Reads the counts of every enabled rule that applies to all systems and is not in quarantine.
///
/// # Errors
/// The API does not answer, or a rule has no `cost.rows`.
pub(crate) fn read(api: &Api, names: &MetricNames) -> Result<Counts> {
    let figures = api.metrics()?;
    let whole = |value: f64| value.round() as u64;
    let rows = api
        .rules()?
        .iter()
        .filter(|rule| applies_to_all(rule) && names.skip.is_none_or(|skip| !rule_id(rule).starts_with(skip)))
        .map(|rule| Ok((rule_id(rule).to_owned(), cost(rule, "rows")?)))
        .collect::<Result<_>>()?;
    Ok(Counts {
        rows,
        silence: metrics::sum(&figures, names.silence.as_deref(), &["silence", "rows"]).map(whole),
        accepted: metrics::sum(&figures, names.accepted.as_deref(), &["accepted"]).map(whole),
    })
}

/// Waits until every rule has judged every accepted row (and the rows of silence), and says so, or what is
/// wrong.
///
/// Rows of silence come in while the counts are read. So they are read before and after the rules, and a
/// rule's count must lie between: `accepted + silence before <= judged <= accepted + silence after`.
///
/// # Errors
/// The API does not answer. Counts that do not agree are the inner error.
pub(crate) fn prove(
    api: &Api,
    names: &MetricNames,
    before: &Counts,
    accepted: u64,
    patience: Duration,
) -> Result<Result<String, String>> {
    let started = Instant::now();
    loop {
        let counts = read(api, names)?;
        let after = metrics::sum(&api.metrics()?, names.silence.as_deref(), &["silence", "rows"]);
        let verdict = compare(before, &counts, after.map(|value| value.round() as u64), accepted);
        if verdict.is_ok() || started.elapsed() > patience {
            return Ok(verdict);
        }
        sleep(EVERY);
    }
}

/// The comparison itself. `silence_after` was read after `now`.
fn compare(
    before: &Counts,
    now: &Counts,
    silence_after: Option<u64>,
    accepted: u64,
) -> Result<String, String> {
    let mut wrong = Vec::new();
    let silent_before = before.silence.unwrap_or(0);
    let least = accepted + now.silence.unwrap_or(silent_before) - silent_before;
    let most = silence_after.map(|silence| accepted + silence - silent_before);
    for (rule, rows) in &now.rows {
        let earlier = before.rows.iter().find(|(known, _)| known == rule).map_or(0, |(_, rows)| *rows);
        let judged = rows.saturating_sub(earlier);
        if judged < least {
            wrong.push(format!("{rule} judged {judged} rows, {} too few", least - judged));
        } else if let Some(most) = most.filter(|&most| judged > most) {
            wrong.push(format!("{rule} judged {judged} rows, {} too many", judged - most));
        }
    }
    let counted = now.accepted.zip(before.accepted.or(Some(0))).map(|(now, before)| now - before);
    if let Some(counted) = counted.filter(|&counted| counted != accepted) {
        wrong.push(format!("the server counts {counted} accepted rows, its answers add up to {accepted}"));
    }
    if now.rows.is_empty() {
        wrong.push("no rule applies to all systems".to_owned());
    }
    let silence = match most {
        Some(most) => format!("{} rows of silence", most - accepted),
        None => "rows of silence, which no metric counts (see --silence-metric)".to_owned(),
    };
    if !wrong.is_empty() {
        return Err(format!("of {accepted} accepted rows and {silence}: {}", wrong.join("; ")));
    }
    let also = if counted.is_some() { ", as the server counts them," } else { "" };
    Ok(format!("{} rules judged {accepted} accepted rows{also} and {silence}", now.rows.len()))
}

/// A rule's name.
pub(crate) fn rule_id(rule: &Value) -> &str {
    rule["rule_id"].as_str().unwrap_or("(a rule without rule_id)")
}

/// One of a rule's costs.
///
/// # Errors
/// It has no such cost.
pub(crate) fn cost(rule: &Value, name: &str) -> Result<u64> {
    let cost = &rule["cost"][name];
    cost.as_u64().with_context(|| format!("rule {} has no number as cost.{name}: {cost}", rule_id(rule)))
}

fn applies_to_all(rule: &Value) -> bool {
    let none = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
    rule["enabled"] != false
        && rule["quarantine"].is_null()
        && none(&rule["system_types"])
        && none(&rule["system_ids"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rows: &[(&str, u64)], silence: Option<u64>, accepted: Option<u64>) -> Counts {
        let rows = rows.iter().map(|&(rule, rows)| (rule.to_owned(), rows)).collect();
        Counts { rows, silence, accepted }
    }

    #[test]
    fn rows_lost_and_rows_judged_twice_are_told_by_rule() {
        let before = counts(&[("a", 5), ("b", 5)], Some(5), Some(0));
        let now = counts(&[("a", 112), ("b", 112)], Some(10), Some(100));
        assert!(compare(&before, &now, Some(12), 100).is_ok());
        let now = counts(&[("a", 109), ("b", 113)], Some(10), Some(101));
        let found = compare(&before, &now, Some(12), 100).unwrap_err();
        assert!(found.contains("a judged 104 rows, 1 too few"), "{found}");
        assert!(found.contains("b judged 108 rows, 1 too many"), "{found}");
        assert!(found.contains("the server counts 101 accepted rows"), "{found}");
    }

    #[test]
    fn without_a_metric_of_silence_only_too_few_is_wrong() {
        let before = Counts::default();
        assert!(compare(&before, &counts(&[("a", 107)], None, None), None, 100).is_ok());
        assert!(compare(&before, &counts(&[("a", 99)], None, None), None, 100).is_err());
    }
}
