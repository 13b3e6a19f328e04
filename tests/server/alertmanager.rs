//! Alerts in a real Alertmanager, where there is one (Debian: `prometheus-alertmanager`).

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::server::{Server, exhausted, sample};

const CONFIG: &str = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";

struct Alertmanager {
    child: Child,
    url: String,
}

impl Alertmanager {
    fn start(bench: &crate::harness::Bench) -> Self {
        bench.write("alertmanager.yml", CONFIG);
        // A port that was free a moment ago; Alertmanager cannot be asked which one it took.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", bench.path("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", bench.path("alertmanager").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
#[ignore = "needs prometheus-alertmanager; `cargo xtask test` runs it where it is installed"]
fn alertmanager_shows_the_alert_and_its_end() {
    let bench = crate::harness::Bench::new();
    let manager = Alertmanager::start(&bench);
    let server = Server::with(&format!(
        r#"
[[actions]]
action_id = "manager"
plugin = "send_alert"
settings = {{ kind = "alertmanager", url = "{url}" }}
grants = {{ hosts = ["{url}"] }}
delivery = {{ backoff_first_s = 0.1, backoff_max_s = 0.2, breaker_failures = 1000 }}

[alerts]
group_wait_s = 0.0
[alerts.route]
receivers = ["manager"]
group_by = ["rule_id", "system_id"]
"#,
        url = manager.url
    ));
    server.take(&[exhausted("db-1", 0), exhausted("db-1", 1)]);
    let alerts = || -> Option<Value> {
        let mut answer = server.agent.get(format!("{}/api/v2/alerts", manager.url)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    };
    let alert = server.until("an alert", || alerts()?.as_array()?.first().cloned());
    assert_eq!(alert["labels"]["alertname"], "resource_exhaustion", "{alert}");
    assert_eq!(alert["labels"]["system_id"], "db-1");
    assert_eq!(alert["status"]["state"], "active");
    server.take(&[sample("db-1", 100)]);
    server.until("its end", || alerts()?.as_array()?.is_empty().then_some(()));
}
