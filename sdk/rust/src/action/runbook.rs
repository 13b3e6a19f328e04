//! Runbooks: what an operator's own automation does to a system, asked for by a signed request.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{Detection, Failure, Host, HttpRequest, Outcome, Request, endpoint, signed};

/// The longest time that a runbook may take to report, in seconds: a week.
const REPORT_WITHIN_S_MAX: u32 = 604_800;

/// The settings of an action that starts a runbook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunbookSettings {
    /// Where to ask.
    #[serde(default)]
    endpoints: Endpoints,
    /// The name of the secret that requests are signed with.
    secret: Option<String>,
    /// How long the runbook may take to report, in seconds; 0: its answer is the end.
    #[serde(default = "ten_minutes")]
    report_within_s: u32,
}

fn ten_minutes() -> u32 {
    600
}

/// The endpoints of a runbook. The most particular one counts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    default: Option<String>,
    #[serde(default)]
    by_type: BTreeMap<String, String>,
    #[serde(default)]
    by_system: BTreeMap<String, String>,
}

impl Endpoints {
    fn of(&self, detection: &Detection) -> Option<&str> {
        let by_type = || self.by_type.get(&detection.system_type);
        let found = self.by_system.get(&detection.system_id).or_else(by_type).or(self.default.as_ref());
        found.map(String::as_str)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(url) = &self.default {
            endpoint("endpoints.default", url)?;
        }
        for (place, endpoints) in [("by_type", &self.by_type), ("by_system", &self.by_system)] {
            for (name, url) in endpoints {
                endpoint(&format!("endpoints.{place}.{name}"), url)?;
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.default.is_none() && self.by_type.is_empty() && self.by_system.is_empty()
    }
}

/// A runbook that can be started and taken back.
#[derive(Debug)]
pub struct Runbook {
    name: &'static str,
    endpoints: Endpoints,
    secret: String,
    report_within_s: u32,
}

impl Runbook {
    /// The runbook of this name, such as `recovery`.
    ///
    /// # Errors
    /// A sentence that names the setting which makes no sense.
    pub fn new(name: &'static str, settings: RunbookSettings) -> Result<Self, String> {
        let RunbookSettings { endpoints, secret, report_within_s } = settings;
        endpoints.check()?;
        crate::features::within("report_within_s", report_within_s, 0..=REPORT_WITHIN_S_MAX)?;
        match secret {
            Some(secret) if !secret.is_empty() => Ok(Self { name, endpoints, secret, report_within_s }),
            None if endpoints.is_empty() => {
                Ok(Self { name, endpoints, secret: String::new(), report_within_s })
            }
            _ => {
                Err("secret is missing; it is the name of the secret that requests are signed with"
                    .to_owned())
            }
        }
    }

    /// Asks the system's endpoint to start the runbook.
    ///
    /// # Errors
    /// The endpoint did not take the request.
    pub fn run(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let detection = match request.occasion.acted_on() {
            Ok(detection) => detection,
            Err(outcome) => return Ok(outcome),
        };
        let (name, system) = (self.name, &detection.system_id);
        let Some(url) = self.endpoints.of(detection) else {
            return Ok(Outcome::new(format!("no {name} endpoint is set up for {system}; nothing was done")));
        };
        let report = request.occasion.report.as_ref().filter(|_| self.report_within_s > 0);
        let body = json!({
            "runbook": name,
            "idempotency_key": request.key,
            "system_id": system,
            "system_type": detection.system_type,
            "detection": detection,
            "report": report,
        });
        host.http(&signed(HttpRequest::post(url).json(&body), request, &self.secret, host)?)?.settled()?;
        if report.is_some() {
            let within_s = self.report_within_s;
            let summary = format!("asked for the {name} of {system}; its report is due within {within_s} s");
            return Ok(Outcome::new(summary).await_report(within_s));
        }
        let why = if self.report_within_s > 0 { " (there is no address to report to)" } else { "" };
        Ok(Outcome::new(format!("asked for the {name} of {system}, which was accepted{why}")))
    }

    /// Asks the same endpoint to take back what it did for this key. That it knows nothing of the key (404, 410) is as
    /// good.
    ///
    /// # Errors
    /// The endpoint did not take the request.
    pub fn undo(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let detection = match request.occasion.acted_on() {
            Ok(detection) => detection,
            Err(outcome) => return Ok(outcome),
        };
        let (name, system) = (self.name, &detection.system_id);
        let Some(url) = self.endpoints.of(detection) else {
            return Ok(Outcome::new(format!(
                "no {name} endpoint is set up for {system}; nothing to take back"
            )));
        };
        // The key is in the body because the signature covers the body: else one could be sent on for another key.
        let body = json!({ "runbook": name, "idempotency_key": request.key, "system_id": system });
        let answer =
            host.http(&signed(HttpRequest::delete(url).json(&body), request, &self.secret, host)?)?;
        if matches!(answer.status, 404 | 410) {
            return Ok(Outcome::new(format!(
                "the {name} of {system} was not under way; nothing to take back"
            )));
        }
        answer.settled()?;
        Ok(Outcome::new(format!("asked to take back the {name} of {system}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::action::Effect;
    use crate::testing::FakeHost;

    fn runbook(settings: Value) -> Result<Runbook, String> {
        let settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        Runbook::new("recovery", settings)
    }

    fn everywhere() -> Value {
        json!({ "endpoints": {
            "default": "https://any.example/r",
            "by_type": { "db": "https://type.example/r" },
            "by_system": { "db-1": "https://one.example/r" },
        }, "secret": "runbooks" })
    }

    #[test]
    fn the_most_particular_endpoint_is_asked() {
        let host = FakeHost::new().secret("runbooks", "s");
        let runbook = runbook(everywhere()).unwrap();
        for (system_id, system_type) in [("db-1", "db"), ("db-2", "db"), ("web-1", "web")] {
            let mut request = FakeHost::request("act");
            request.occasion.detections[0].system_id = system_id.to_owned();
            request.occasion.detections[0].system_type = system_type.to_owned();
            runbook.run(&request, &host).unwrap();
        }
        let urls: Vec<String> = host.requests().into_iter().map(|request| request.url).collect();
        assert_eq!(urls, ["https://one.example/r", "https://type.example/r", "https://any.example/r"]);
    }

    #[test]
    fn the_request_is_signed_and_whole() {
        let host = FakeHost::new().secret("runbooks", "s");
        let outcome = runbook(everywhere()).unwrap().run(&FakeHost::request("act"), &host).unwrap();
        assert!(matches!(outcome.effects[..], [Effect::AwaitReport(600)]));

        let sent = &host.requests()[0];
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!((sent.method.as_str(), &body["runbook"]), ("POST", &json!("recovery")));
        assert_eq!(body["system_id"], "db-1");
        assert_eq!(body["detection"]["rule_id"], "system_disconnection");
        assert_eq!(body["report"]["token"], "report-token");
        let message = [b"1700000000.", &sent.body[..]].concat();
        let expected = format!("v1={}", host.sign("runbooks", &message).unwrap());
        assert_eq!(FakeHost::header(sent, "X-Lapwing-Signature"), Some(expected.as_str()));
        assert_eq!(FakeHost::header(sent, "X-Lapwing-Timestamp"), Some("1700000000"));
        assert_eq!(FakeHost::header(sent, "Idempotency-Key"), Some("key-1"));
    }

    #[test]
    fn without_a_report_the_answer_is_the_end() {
        let host = FakeHost::new().secret("runbooks", "s");
        let mut settings = everywhere();
        settings["report_within_s"] = json!(0);
        let outcome = runbook(settings).unwrap().run(&FakeHost::request("act"), &host).unwrap();
        assert!(outcome.effects.is_empty());
        let body: Value = serde_json::from_slice(&host.requests()[0].body).unwrap();
        assert_eq!(body["report"], Value::Null, "a token that is of no use is not handed out");

        let mut request = FakeHost::request("act");
        request.occasion.report = None;
        let outcome = runbook(everywhere()).unwrap().run(&request, &host).unwrap();
        assert!(outcome.effects.is_empty() && outcome.summary.contains("no address to report to"));
    }

    #[test]
    fn nothing_leaves_without_an_endpoint_or_a_detection_to_act_on() {
        let host = FakeHost::new();
        let idle = runbook(json!({})).unwrap();
        let outcome = idle.run(&FakeHost::request("act"), &host).unwrap();
        assert_eq!(outcome.summary, "no recovery endpoint is set up for db-1; nothing was done");
        assert!(idle.undo(&FakeHost::request("act"), &host).unwrap().effects.is_empty());
        let runbook = runbook(everywhere()).unwrap();
        for kind in ["page", "resolved", "canary", "escalation"] {
            assert!(runbook.run(&FakeHost::request(kind), &host).unwrap().effects.is_empty());
        }
        let mut empty = FakeHost::request("act");
        empty.occasion.detections.clear();
        assert!(runbook.run(&empty, &host).unwrap().effects.is_empty());
        assert!(host.requests().is_empty());
    }

    #[test]
    fn taking_back_asks_the_same_endpoint_with_the_key() {
        let host = FakeHost::new().secret("runbooks", "s").answer(204, "").answer(404, "").answer(503, "");
        let (runbook, request) = (runbook(everywhere()).unwrap(), FakeHost::request("act"));
        assert_eq!(runbook.undo(&request, &host).unwrap().summary, "asked to take back the recovery of db-1");
        assert!(runbook.undo(&request, &host).unwrap().summary.contains("nothing to take back"));
        assert!(runbook.undo(&request, &host).unwrap_err().retry);
        let sent = &host.requests()[0];
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("DELETE", "https://one.example/r"));
        assert!(String::from_utf8_lossy(&sent.body).contains("key-1"));
    }

    #[test]
    fn a_missing_secret_is_permanent_and_a_busy_endpoint_is_not() {
        let (runbook, request) = (runbook(everywhere()).unwrap(), FakeHost::request("act"));
        assert!(!runbook.run(&request, &FakeHost::new()).unwrap_err().retry);
        let host = FakeHost::new().secret("runbooks", "s").answer_with(429, &[("Retry-After", "7")], "");
        assert_eq!(runbook.run(&request, &host).unwrap_err().after_s, Some(7.0));
    }

    #[test]
    fn settings_are_refused_by_name() {
        for (settings, named) in [
            (json!({ "endpoints": { "default": "https://a.example" } }), "secret"),
            (json!({ "endpoints": { "default": "a.example" }, "secret": "s" }), "endpoints.default"),
            (json!({ "endpoints": { "by_type": { "db": "" } }, "secret": "s" }), "endpoints.by_type.db"),
            (json!({ "endpoints": { "by_zone": {} } }), "by_zone"),
            (json!({ "report_within_s": 604_801 }), "report_within_s"),
            (json!({ "secrets": "s" }), "secrets"),
        ] {
            assert!(runbook(settings).unwrap_err().contains(named), "{named}");
        }
    }
}
