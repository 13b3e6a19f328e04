//! Raises a detection to the next level, and names who hears of it from then on.

use lapwing_sdk::action::{Action, Failure, Host, Kind, Outcome, Request};
use serde::Deserialize;

/// The highest level that the settings may name an audience for.
const LEVELS_MAX: usize = 32;

/// The action. Its fields are the plugin's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalate {
    /// Names of actions that send, for level 1, level 2 and so on.
    #[serde(default)]
    audience_by_level: Vec<Vec<String>>,
}

impl Action for Escalate {
    type Settings = Self;
    const UNDOES: bool = false;

    fn configure(settings: Self) -> Result<Self, String> {
        let levels = settings.audience_by_level.len();
        if levels > LEVELS_MAX {
            return Err(format!("audience_by_level has {levels} levels, at most {LEVELS_MAX} are allowed"));
        }
        for (level, audience) in (1..).zip(&settings.audience_by_level) {
            for (position, name) in audience.iter().enumerate() {
                if name.is_empty() {
                    return Err(format!(
                        "audience_by_level: level {level} has an empty name; each is the name of an action"
                    ));
                }
                if audience[..position].contains(name) {
                    return Err(format!("audience_by_level: level {level} names `{name}` twice"));
                }
            }
        }
        Ok(settings)
    }

    fn describe(&self) -> (&str, &str) {
        ("Escalate", "Raises a detection to the next level and tells a larger audience")
    }

    fn run(&self, request: &Request, _: &dyn Host) -> Result<Outcome, Failure> {
        let occasion = &request.occasion;
        if matches!(occasion.kind, Kind::Canary | Kind::Resolved) {
            return Ok(Outcome::new("nothing was done: there is nothing to escalate"));
        }
        let level = occasion.level.max(1);
        // A level that was passed over hears of it too.
        let configured = self.audience_by_level.iter().take(level as usize).flatten();
        let mut audience: Vec<String> = Vec::new();
        for name in occasion.audience.iter().chain(configured) {
            if !audience.contains(name) {
                audience.push(name.clone());
            }
        }
        let told = if audience.is_empty() { "nobody more".to_owned() } else { audience.join(", ") };
        Ok(Outcome::new(format!("raised to level {level}: {told} will be told")).escalate(level, audience))
    }
}

lapwing_sdk::export_action!(Escalate);

#[cfg(test)]
mod tests {
    use lapwing_sdk::action::Effect;
    use lapwing_sdk::testing::FakeHost;
    use serde_json::json;

    use super::*;

    fn escalated(kind: &str, level: u32, audience: &[&str]) -> Option<(u32, Vec<String>)> {
        let settings = json!({ "audience_by_level": [["lead"], ["manager", "lead"]] });
        let action = Escalate::configure(serde_json::from_value(settings).unwrap()).unwrap();
        let mut request = FakeHost::request(kind);
        request.occasion.level = level;
        request.occasion.audience = audience.iter().map(|&name| name.to_owned()).collect();
        let outcome = action.run(&request, &FakeHost::new()).unwrap();
        request.attempt = 2;
        let again = action.run(&request, &FakeHost::new()).unwrap();
        assert_eq!(format!("{outcome:?}"), format!("{again:?}"), "every try gives the same");
        match &outcome.effects[..] {
            [] => None,
            [Effect::Escalate(escalation)] => Some((escalation.level, escalation.audience.clone())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_audience_is_that_of_the_occasion_and_of_the_levels_so_far() {
        for (kind, level, audience, expected) in [
            ("act", 0, &[][..], (1, &["lead"][..])),
            ("escalation", 1, &["ops"], (1, &["ops", "lead"])),
            ("escalation", 2, &["lead"], (2, &["lead", "manager"])),
            ("escalation", 7, &[], (7, &["lead", "manager"])),
        ] {
            let expected = expected.1.iter().map(|&name| name.to_owned()).collect();
            let level_expected = level.max(1);
            assert_eq!(escalated(kind, level, audience), Some((level_expected, expected)), "{kind} {level}");
        }
    }

    #[test]
    fn there_is_nothing_to_escalate_in_a_canary_or_an_end() {
        assert_eq!(escalated("canary", 1, &["ops"]), None);
        assert_eq!(escalated("resolved", 1, &["ops"]), None);
    }

    #[test]
    fn it_works_without_settings_and_refuses_wrong_ones() {
        let action: Escalate = serde_json::from_str("{}").unwrap();
        let outcome =
            Escalate::configure(action).unwrap().run(&FakeHost::request("act"), &FakeHost::new()).unwrap();
        assert_eq!(outcome.summary, "raised to level 1: nobody more will be told");
        for (levels, named) in [
            (json!([["a"], [""]]), "level 2 has an empty name"),
            (json!([["a", "a"]]), "names `a` twice"),
            (json!(vec![["a"]; 33]), "33 levels"),
        ] {
            let settings = serde_json::from_value(json!({ "audience_by_level": levels })).unwrap();
            assert!(Escalate::configure(settings).err().unwrap().contains(named), "{named}");
        }
    }
}
