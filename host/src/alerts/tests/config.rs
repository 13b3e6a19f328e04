use super::{compile, receivers};
use crate::alerts::{AlertsConfig, LevelConfig, Plan, RouteConfig};

const FULL: &str = r#"
group_wait_s = 3.0
group_interval_s = 300.0
repeat_interval_s = 14400.0
flap_half_life_s = 900.0
flap_high = 5.0
flap_low = 2.0
depends_on = "depends_on"

[route]
receivers = ["ops"]
group_by = ["rule_id", "zone"]
escalation = "standard"
[[route.routes]]
name = "database"
match = { system_type = "db", zone = "~eu-.*", severity = ">=high", team = "!=ci" }
receivers = ["db-team"]
mute = ["weekends"]

[[inhibit]]
source = { detection_type = "disconnection", severity = ">=high" }
target = { severity = "<high" }
equal = ["system_id"]

[[maintenance]]
name = "weekends"
match = { zone = "eu-1" }
owner = "alice"
days = ["sat", "sun"]
start = "22:00"
duration_s = 14400
timezone = "Europe/Berlin"
until = "2027-01-01T00:00:00Z"

[[escalations]]
name = "standard"
[[escalations.levels]]
after_s = 900
min_severity = "low"
receivers = ["lead"]
"#;

#[test]
fn everything_that_can_be_written_is_read() {
    compile(FULL).unwrap();
    compile("").unwrap();
    assert_eq!(toml::from_str::<AlertsConfig>("").unwrap(), AlertsConfig::default());
    for unknown in ["group_wait = 3", "[route]\nreciever = []", "[[escalations]]\nname = \"x\"\nlevel = []"] {
        assert!(toml::from_str::<AlertsConfig>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn every_problem_is_said_with_its_place() {
    for (from, to, expected) in [
        (r#"["ops"]"#, r#"["opps"]"#, "route root: there is no receiver \"opps\"; there is boss, db-team"),
        (r#"["db-team"]"#, r#"["x"]"#, "route root/database: there is no receiver \"x\""),
        (
            "escalation = \"standard\"",
            "escalation = \"x\"",
            "route root: there is no escalation \"x\"; there is standard",
        ),
        (
            r#"mute = ["weekends"]"#,
            r#"mute = ["x"]"#,
            "route root/database: mute names no maintenance window: \"x\"",
        ),
        ("~eu-.*", "~eu-(", "route root/database: match: zone: the regular expression"),
        (
            "Europe/Berlin",
            "Europe/Bonn",
            "alerts.maintenance \"weekends\": timezone \"Europe/Bonn\" is not known",
        ),
        (r#""zone"]"#, r#"""]"#, "route root: group_by has an empty label"),
        ("group_wait_s = 3.0", "group_wait_s = 601", "alerts: group_wait_s is 601, expected 0 to 600"),
        ("group_wait_s = 3.0", "group_wait_s = nan", "alerts: group_wait_s is NaN"),
        ("group_interval_s = 300.0", "group_interval_s = 0", "alerts: group_interval_s is 0"),
        ("repeat_interval_s = 14400.0", "repeat_interval_s = 1", "alerts: repeat_interval_s is 1"),
        ("flap_low = 2.0", "flap_low = 5.0", "alerts: flap_low is 5, expected less than flap_high"),
        ("flap_half_life_s = 900.0", "flap_half_life_s = 0", "alerts: flap_half_life_s is 0"),
        ("name = \"database\"", "name = \"a/b\"", "route root: has a route named \"a/b\""),
        ("days = [\"sat\", \"sun\"]", "", "alerts.maintenance \"weekends\": expected either days or dates"),
        ("[\"sat\", \"sun\"]", "[\"Sat\"]", "days has \"Sat\", expected mon"),
        ("days = [\"sat\", \"sun\"]", "dates = [\"24.12.\"]", "dates has \"24.12.\""),
        ("22:00", "25:00", "start is \"25:00\", expected a time"),
        ("duration_s = 14400", "duration_s = 1", "duration_s is 1, expected 60 to 604800"),
        ("owner = \"alice\"", "owner = \" \"", "alerts.maintenance \"weekends\": owner is empty"),
        ("after_s = 900", "after_s = 0", "alerts.escalations \"standard\" level 1: after_s is 0"),
        (r#"["lead"]"#, "[]", "alerts.escalations \"standard\" level 1: receivers is empty"),
        (r#"["lead"]"#, r#"["x"]"#, "level 1: there is no receiver \"x\""),
        (r#"equal = ["system_id"]"#, r#"equal = [""]"#, "alerts.inhibit rule 0: equal has an empty label"),
        (
            "source = { detection_type = \"disconnection\", severity = \">=high\" }",
            "source = {}",
            "rule 0: source is empty",
        ),
        (
            "[[escalations]]",
            "[[escalations]]\nname = \"standard\"\nlevels = []\n[[escalations]]",
            "\"standard\": there are two of this name",
        ),
    ] {
        assert!(FULL.contains(from), "{from}");
        let problems = compile(&FULL.replacen(from, to, 1)).unwrap_err().join("\n");
        assert!(problems.contains(expected), "{to}: {problems}");
    }
}

#[test]
fn siblings_have_names_of_their_own_and_the_root_none() {
    let twice = "[[route.routes]]\nname = \"a\"\n[[route.routes]]\nname = \"a\"";
    assert_eq!(compile(twice).unwrap_err(), ["route root/a: there are two of this name"]);
    let root = "[route]\nname = \"x\"";
    assert_eq!(
        compile(root).unwrap_err(),
        ["route root: takes everything: expected no name, no match and no continue"]
    );
}

#[test]
fn levels_ascend() {
    let mut config: AlertsConfig = toml::from_str(FULL).unwrap();
    let level: LevelConfig = config.escalations[0].levels[0].clone();
    config.escalations[0].levels.push(level);
    let problems = Plan::compile(&config, &receivers()).unwrap_err();
    assert_eq!(
        problems,
        [
            "alerts.escalations \"standard\" level 2: after_s is 900, expected more than the 900 of the level before"
        ]
    );
}

#[test]
fn there_are_limits() {
    let with = |route: RouteConfig| {
        Plan::compile(&AlertsConfig { route: Some(route), ..AlertsConfig::default() }, &receivers())
    };
    let named = |number: usize, routes: Vec<RouteConfig>| RouteConfig {
        name: format!("r{number}"),
        routes,
        ..RouteConfig::default()
    };
    let root = |routes: Vec<RouteConfig>| RouteConfig { routes, ..RouteConfig::default() };
    let wide = |routes: usize| root((1..routes).map(|number| named(number, Vec::new())).collect());
    with(wide(1000)).unwrap();
    assert_eq!(with(wide(1001)).unwrap_err(), ["alerts.route: 1001 routes, at most 1000 are allowed"]);
    let deep = |depth: usize| root((1..depth).fold(Vec::new(), |routes, number| vec![named(number, routes)]));
    with(deep(16)).unwrap();
    assert!(with(deep(17)).unwrap_err()[0].contains("has routes at depth 17, at most 16"));
    let mut config: AlertsConfig = toml::from_str(FULL).unwrap();
    config.inhibit = vec![config.inhibit[0].clone(); 1001];
    assert!(Plan::compile(&config, &receivers()).unwrap_err()[0].contains("1001 rules, at most 1000"));
}
