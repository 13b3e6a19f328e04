use super::{Stage, id, labels, silence};
use crate::alerts::{InhibitedBy, Visit};

#[test]
fn a_test_says_what_would_become_of_an_alert() {
    let mut stage = Stage::new(
        r#"
        [route]
        receivers = ["ops"]
        group_by = ["zone"]
        escalation = "standard"
        [[route.routes]]
        name = "db"
        match = { system_type = "db" }
        [[route.routes]]
        name = "eu"
        match = { zone = "~eu-.*" }
        receivers = ["mail"]
        mute = ["always"]
        [[inhibit]]
        source = { severity = "critical" }
        target = { severity = "<critical" }
        [[maintenance]]
        name = "always"
        match = {}
        owner = "alice"
        days = ["mon"]
        start = "00:00"
        duration_s = 86400
        [[escalations]]
        name = "standard"
        levels = [{ after_s = 900, receivers = ["lead"] }]
        "#,
    );
    stage.silence(100, &silence("zone=~.*1", 0.0, 60.0));
    stage.open(1, "severity=critical system_id=core");
    let test =
        stage.steady.route_test(&labels("zone=eu-1 severity=low system_id=x depends_on=core"), stage.now);
    let visit =
        |route: &str, failed: Option<&str>| Visit { route: route.into(), failed: failed.map(str::to_owned) };
    assert_eq!(
        test.visited,
        [visit("root", None), visit("root/db", Some("system_type = \"db\"")), visit("root/eu", None)]
    );
    assert_eq!(test.taken.len(), 1);
    let taken = &test.taken[0];
    assert_eq!((taken.route.as_str(), taken.receivers.as_slice()), ("root/eu", &["mail".to_owned()][..]));
    assert_eq!((taken.escalation.as_deref(), taken.muted.as_deref()), (Some("standard"), Some("always")));
    assert_eq!(taken.group, labels("zone=eu-1"));
    assert_eq!(test.maintenance, ["always"]);
    assert_eq!(test.silences, [id(100)]);
    assert_eq!(test.inhibited, [InhibitedBy { rule: 0, by: id(1) }]);
    assert_eq!(test.depends_on, Some(id(1)));
    assert!(serde_json::to_string(&test).unwrap().contains("\"failed\":\"system_type"));
}
