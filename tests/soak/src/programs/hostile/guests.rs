//! The ways to misbehave, and how each must have ended.

use std::collections::HashMap;

use serde_json::Value;

use super::PLUGIN;
use crate::client::Event;
use crate::counts::rule_id;
use crate::metrics::Figure;

/// A rule that misbehaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    /// Its name.
    pub(super) rule: &'static str,
    /// What its settings ask for.
    pub(super) behaviour: &'static str,
    /// What the host makes of it.
    pub(super) containment: Containment,
}

/// What the host makes of a rule that misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Containment {
    /// It is never put in force.
    Refused,
    /// It is taken out, and an event says so.
    Quarantined,
    /// It stays; the row that it cannot bear is a dead letter.
    DeadLetter,
    /// It stays, and nobody is the worse for it.
    Endured,
}

const fn guest(rule: &'static str, behaviour: &'static str, containment: Containment) -> Guest {
    Guest { rule, behaviour, containment }
}

/// Ten ways to misbehave, some in two forms. The table bomb is a component of its own.
pub(super) const GUESTS: [Guest; 13] = [
    guest("hostile_slow_start", "slow_in_configure", Containment::Refused),
    guest("hostile_no_start", "loop_in_configure", Containment::Refused),
    guest("hostile_loop", "loop", Containment::Quarantined),
    guest("hostile_memory_bomb", "memory_bomb", Containment::Quarantined),
    guest("hostile_table_bomb", "", Containment::Quarantined),
    guest("hostile_stack_overflow", "stack_overflow", Containment::Quarantined),
    guest("hostile_panic_always", "panic_always", Containment::Quarantined),
    guest("hostile_panic_on_thirteen", "panic_on_thirteen", Containment::DeadLetter),
    guest("hostile_log_flood", "log_flood", Containment::Endured),
    guest("hostile_giant_list", "giant_list", Containment::Quarantined),
    guest("hostile_giant_text", "giant_text", Containment::Quarantined),
    guest("hostile_rows_out_of_range", "rows_out_of_range", Containment::Quarantined),
    guest("hostile_refuse", "refuse", Containment::Quarantined),
];

/// What was seen of the rules over time. A quarantine ends by itself after a while, so one look is not
/// enough.
#[derive(Debug, Default)]
pub(super) struct Watch {
    reasons: HashMap<String, String>,
    failures: HashMap<String, u64>,
    rows: HashMap<String, u64>,
}

impl Watch {
    /// Looks at the rules as the API shows them.
    pub(super) fn look(&mut self, rules: &[Value]) {
        for rule in rules {
            let id = rule_id(rule).to_owned();
            let cost = |name: &str| rule["cost"][name].as_u64().unwrap_or(0);
            let most = |counts: &mut HashMap<String, u64>, count: u64| {
                let known = counts.entry(id.clone()).or_default();
                *known = count.max(*known);
            };
            most(&mut self.failures, cost("failures"));
            most(&mut self.rows, cost("rows"));
            if !rule["quarantine"].is_null() {
                let reason = rule["quarantine"]["reason"].as_str().unwrap_or_default();
                self.reasons.insert(id, reason.to_owned());
            }
        }
    }

    /// Whether a rule ended as it must have, by every account.
    pub(super) fn verdict(
        &self,
        guest: &Guest,
        events: &[Event],
        dead_letters: &[Value],
        figures: &[Figure],
    ) -> Result<String, String> {
        let failures = self.failures.get(guest.rule).copied().unwrap_or(0);
        let rows = self.rows.get(guest.rule).copied().unwrap_or(0);
        let reason = self.reasons.get(guest.rule);
        if rows == 0 && reason.is_none() {
            return Err("GET /api/v1/rules shows no row judged by it, and no quarantine".to_owned());
        }
        let of_rule = |letter: &&Value| letter["rule_id"] == guest.rule;
        let letters = dead_letters.iter().filter(of_rule).count();
        match guest.containment {
            Containment::Endured | Containment::Refused => match reason {
                Some(reason) => Ok(format!("quarantined although it answers: {reason}")),
                None if failures > 0 => Err(format!("{failures} failures of a rule that answers")),
                None => Ok(format!("{rows} rows judged, no failure")),
            },
            Containment::DeadLetter if letters == 0 => {
                Err(format!("{failures} failures, and no dead letter names it"))
            }
            Containment::DeadLetter => named(guest, figures)
                .map(|()| format!("{failures} failures, {letters} dead letters of {rows} rows")),
            Containment::Quarantined => {
                let Some(reason) = reason else {
                    return Err(format!("{failures} failures in {rows} rows, and no quarantine"));
                };
                if reason.is_empty() {
                    return Err("in quarantine without a reason".to_owned());
                }
                let told = events.iter().any(|event| {
                    let data = event.data.to_string();
                    event.kind == "plugin_quarantined"
                        && (data.contains(guest.rule) || data.contains(&format!("\"{PLUGIN}\"")))
                });
                if !told {
                    return Err(format!(
                        "in quarantine ({reason}), and no event plugin_quarantined names it"
                    ));
                }
                named(guest, figures).map(|()| format!("quarantined after {failures} failures: {reason}"))
            }
        }
    }

    /// Whether a rule that does not misbehave was put in quarantine.
    pub(super) fn others(&self) -> Result<String, String> {
        let others = self.reasons.iter().filter(|(rule, _)| !rule.starts_with(PLUGIN));
        let wrong: Vec<String> = others.map(|(rule, reason)| format!("{rule}: {reason}")).collect();
        if wrong.is_empty() { Ok("none".to_owned()) } else { Err(wrong.join("; ")) }
    }
}

/// Whether a metric says that something is wrong with this rule.
fn named(guest: &Guest, figures: &[Figure]) -> Result<(), String> {
    let label = format!("\"{}\"", guest.rule);
    match figures.iter().any(|figure| figure.series.contains(&label) && figure.value > 0.0) {
        true => Ok(()),
        false => Err(format!("no metric has a label {label}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_bomb_is_a_component() {
        let bomb = wat::parse_str(include_str!("table-bomb.wat")).unwrap();
        assert_eq!(bomb[..8], *b"\0asm\x0d\0\x01\0");
    }

    #[test]
    fn a_quarantine_must_be_told_everywhere() {
        let bomb = GUESTS.iter().find(|guest| guest.rule == "hostile_memory_bomb").unwrap();
        let cost = json!({ "rows": 9, "failures": 3 });
        let view = |quarantine: Value| {
            let rule_id = bomb.rule;
            json!([{ "rule_id": rule_id, "quarantine": quarantine, "cost": cost.clone() }])
        };
        let mut watch = Watch::default();
        watch.look(view(Value::Null).as_array().unwrap());
        let event = Event { kind: "plugin_quarantined".to_owned(), data: json!({ "rule_id": bomb.rule }) };
        let figures = crate::metrics::parse("failures_total{rule=\"hostile_memory_bomb\"} 3");
        let found = watch.verdict(bomb, std::slice::from_ref(&event), &[], &figures).unwrap_err();
        assert_eq!(found, "3 failures in 9 rows, and no quarantine");
        watch.look(view(json!({ "reason": "out of memory" })).as_array().unwrap());
        watch.look(view(Value::Null).as_array().unwrap());
        assert!(watch.verdict(bomb, &[], &[], &figures).unwrap_err().contains("no event"));
        assert!(
            watch.verdict(bomb, std::slice::from_ref(&event), &[], &[]).unwrap_err().contains("no metric")
        );
        let found = watch.verdict(bomb, &[event], &[], &figures).unwrap();
        assert_eq!(found, "quarantined after 3 failures: out of memory");
    }
}
