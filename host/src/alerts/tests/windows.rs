use proptest::prelude::*;

use super::compile;
use crate::alerts::plan::Plan;
use crate::time::Millis;

fn plan(when: &str) -> Plan {
    let text = format!("[[maintenance]]\nname = \"w\"\nowner = \"a\"\nmatch = {{}}\n{when}");
    compile(&text).unwrap()
}

fn time(text: &str) -> Millis {
    Millis::parse(text).unwrap()
}

#[test]
fn windows_follow_the_clocks_of_their_place() {
    let weekends =
        "days = [\"sat\", \"sun\"]\nstart = \"22:00\"\nduration_s = 14400\ntimezone = \"Europe/Berlin\"";
    let spring = "days = [\"sun\"]\nstart = \"02:30\"\nduration_s = 3600\ntimezone = \"Europe/Berlin\"";
    let dates = "dates = [\"2026-12-24\", \"2026-12-31\"]\nstart = \"18:00\"\nduration_s = 3600";
    let once = "days = [\"mon\"]\nstart = \"00:00\"\nduration_s = 7200\nuntil = \"2026-01-05T01:00:00Z\"";
    let long = "days = [\"mon\", \"tue\"]\nstart = \"00:00\"\nduration_s = 172800";
    for (when, now, active, edge) in [
        (weekends, "2026-01-10T20:59:59Z", false, Some("2026-01-10T21:00:00Z")),
        (weekends, "2026-01-10T21:00:00Z", true, Some("2026-01-11T01:00:00Z")),
        (weekends, "2026-01-11T01:00:00Z", false, Some("2026-01-11T21:00:00Z")),
        (weekends, "2026-01-12T00:59:59Z", true, Some("2026-01-12T01:00:00Z")),
        (weekends, "2026-01-12T01:00:00Z", false, Some("2026-01-17T21:00:00Z")),
        // In summer 22:00 is an hour earlier, also across the night in which the clocks change.
        (weekends, "2026-03-28T21:00:00Z", true, Some("2026-03-29T01:00:00Z")),
        (weekends, "2026-03-29T01:00:00Z", false, Some("2026-03-29T20:00:00Z")),
        (weekends, "2026-10-25T20:30:00Z", false, Some("2026-10-25T21:00:00Z")),
        // 02:30 does not exist on this day: it is taken as 03:30, which is 01:30 UTC.
        (spring, "2026-03-29T00:59:00Z", false, Some("2026-03-29T01:30:00Z")),
        // And comes twice on this one: the first counts.
        (spring, "2026-10-25T00:30:00Z", true, Some("2026-10-25T01:30:00Z")),
        (spring, "2026-10-25T01:30:00Z", false, Some("2026-11-01T01:30:00Z")),
        (dates, "2026-12-24T18:00:00Z", true, Some("2026-12-24T19:00:00Z")),
        (dates, "2026-12-24T19:00:00Z", false, Some("2026-12-31T18:00:00Z")),
        (dates, "2026-12-31T19:00:00Z", false, None),
        (once, "2026-01-05T00:30:00Z", true, Some("2026-01-05T01:00:00Z")),
        (once, "2026-01-05T01:00:00Z", false, None),
        (long, "2026-01-05T12:00:00Z", true, Some("2026-01-08T00:00:00Z")),
        (long, "2026-01-06T12:00:00Z", true, Some("2026-01-08T00:00:00Z")),
        (long, "2026-01-08T00:00:00Z", false, Some("2026-01-12T00:00:00Z")),
    ] {
        let standing = plan(when).windows[0].at(time(now));
        assert_eq!((standing.active, standing.edge), (active, edge.map(time)), "{when} at {now}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Between now and the edge nothing changes, and at the edge it does or is looked at again.
    #[test]
    fn an_edge_is_where_it_stands_otherwise(
        day in 0_usize..7,
        hour in 0_u32..24,
        hours in 1_u32..60,
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York", "Australia/Lord_Howe"]),
        start in 1_293_000_000_000_i64..1_800_000_000_000,
    ) {
        let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][day];
        let plan = plan(&format!(
            "days = [\"{day}\"]\nstart = \"{hour:02}:00\"\nduration_s = {}\ntimezone = \"{zone}\"", hours * 3600
        ));
        let window = &plan.windows[0];
        let mut now = Millis(start);
        for _ in 0..20 {
            let standing = window.at(now);
            let edge = standing.edge.unwrap();
            prop_assert!(edge > now && edge.seconds_since(now) < 15.0 * 86_400.0);
            for share in [0.3, 0.6, 0.999] {
                let between = Millis(now.0 + ((edge.0 - now.0) as f64 * share) as i64);
                prop_assert_eq!(window.at(between), standing);
            }
            prop_assert_ne!(window.at(edge).active, standing.active);
            now = edge;
        }
    }
}
