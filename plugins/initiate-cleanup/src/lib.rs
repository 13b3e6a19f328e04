//! Asks the operator's automation for the runbook that frees what a system runs out of.

use lapwing_sdk::action::{Action, Failure, Host, Outcome, Request, Runbook, RunbookSettings};

/// The action.
pub struct InitiateCleanup(Runbook);

impl Action for InitiateCleanup {
    type Settings = RunbookSettings;
    const UNDOES: bool = true;

    fn configure(settings: RunbookSettings) -> Result<Self, String> {
        Runbook::new("cleanup", settings).map(Self)
    }

    fn describe(&self) -> (&str, &str) {
        ("Initiate cleanup", "Asks the operator's automation to free what a system runs out of")
    }

    fn run(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        self.0.run(request, host)
    }

    fn undo(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        self.0.undo(request, host)
    }
}

lapwing_sdk::export_action!(InitiateCleanup);

#[cfg(test)]
mod tests {
    use lapwing_sdk::testing::FakeHost;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_starts_its_runbook_and_takes_it_back() {
        let settings =
            json!({ "endpoints": { "default": "https://automation.example" }, "secret": "runbooks" });
        let action = InitiateCleanup::configure(serde_json::from_value(settings).unwrap()).unwrap();
        let (host, request) = (FakeHost::new().secret("runbooks", "s"), FakeHost::request("act"));
        assert_eq!(action.run(&request, &host).unwrap().effects.len(), 1, "a report is awaited");
        action.undo(&request, &host).unwrap();
        let sent = host.requests();
        assert_eq!([&sent[0].method, &sent[1].method], ["POST", "DELETE"]);
        for request in &sent {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body["runbook"], "cleanup");
        }
    }
}
