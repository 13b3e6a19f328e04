//! Components that are none, are of another world, or misbehave: refused or stopped by name, and the others go on.

use serde_json::{Value, json};

use crate::harness::{Bench, Ran, example, healthy, hostile, ndjson, with, workspace};

/// The default rules' trouble that every run must still find.
fn samples() -> Vec<Value> {
    (0..60)
        .map(|n| {
            let sample = with(healthy("a", f64::from(n)), json!({ "custom_metrics": { "value": n } }));
            if (20..30).contains(&n) { with(sample, json!({ "memory_usage_percent": 95.0 })) } else { sample }
        })
        .collect()
}

/// Replays with an added component and, for the hostile rule, a configured behaviour.
fn run(file: &str, component: &[u8], behaviour: Option<&str>) -> Ran {
    let bench = Bench::new();
    bench.write("samples.ndjson", ndjson(&samples()));
    bench.write(file, component);
    let mut arguments = vec!["replay", "samples.ndjson", "--plugin", file];
    if let Some(behaviour) = behaviour {
        let rule =
            format!("[[rules]]\nrule_id = \"hostile\"\nsettings = {{ behaviour = \"{behaviour}\" }}\n");
        bench.write("lapwing.toml", rule);
        arguments.extend(["--config", "lapwing.toml"]);
    }
    let ran = bench.run(&arguments);
    let exhausted = ran.events().iter().filter(|event| event["rule_id"] == "resource_exhaustion").count();
    assert_eq!(exhausted, 2, "the others go on: {}", ran.stderr);
    ran
}

fn refused(file: &str, component: &[u8], behaviour: Option<&str>) -> String {
    let ran = run(file, component, behaviour);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("lapwing: refused: "));
    line.unwrap_or_else(|| panic!("nothing refused in {}", ran.stderr)).to_owned()
}

#[test]
fn a_behaving_component_joins_in() {
    let ran = run("hostile.wasm", hostile(), None);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.events().iter().any(|event| event["rule_id"] == "hostile"));
}

#[test]
fn the_example_of_the_page_on_writing_rules_does_what_it_says() {
    let bench = Bench::new();
    bench.write("certificate_expiry.wasm", example());
    let samples = workspace().join("examples/certificate-expiry/samples.ndjson");
    let ran = bench.run(&["replay", samples.to_str().unwrap(), "--plugin", "certificate_expiry.wasm"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.events()[0]["rule_id"], "certificate_expiry");
    assert_eq!(ran.events()[0]["evidence"]["parameters"]["threshold"], 14.0);
    let inspected =
        bench.run(&["plugins", "inspect", "certificate_expiry", "--plugin", "certificate_expiry.wasm"]);
    assert!(inspected.stdout.contains("threshold = 14 (0 to 365)"), "{}", inspected.stderr);
}

#[test]
fn what_is_no_component_of_ours_is_refused_by_name() {
    let text = refused("notes.wasm", b"# not wasm", None);
    assert!(text.starts_with("plugin notes: is not a WebAssembly component"), "{text}");

    let module = refused("core.wasm", &wat::parse_str("(module)").unwrap(), None);
    assert!(module.starts_with("plugin core: is not a WebAssembly component"), "{module}");
    assert!(module.contains("`wasm-tools component new`"), "{module}");

    let empty = refused("empty.wasm", &wat::parse_str("(component)").unwrap(), None);
    assert_eq!(empty, "plugin empty: exports no interface of lapwing:plugin: it exports nothing");

    let other = r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#;
    let other = refused("other.wasm", &wat::parse_str(other).unwrap(), None);
    assert_eq!(other, "plugin other: exports no interface of lapwing:plugin: it exports wasi:cli/run@0.2.0");

    let hollow = r#"(component (instance $i) (export "lapwing:plugin/rule@0.1.0" (instance $i)))"#;
    let hollow = refused("hollow.wasm", &wat::parse_str(hollow).unwrap(), None);
    assert!(hollow.starts_with("plugin hollow: does not fit the world of its kind"), "{hollow}");
}

#[test]
fn an_unknown_contract_is_refused_by_its_version() {
    let future = r#"(component (instance $i) (export "lapwing:plugin/rule@9.9.9" (instance $i)))"#;
    let message = refused("future.wasm", &wat::parse_str(future).unwrap(), None);
    let expected = "is written against lapwing:plugin/rule@9.9.9; this host speaks lapwing:plugin 0.1.0";
    assert_eq!(message, format!("plugin future: {expected}"));
}

#[test]
fn an_import_that_is_not_granted_is_refused_by_its_name() {
    let greedy = r#"(component
        (import "wasi:filesystem/types@0.2.0" (instance))
        (instance $i)
        (export "lapwing:plugin/rule@0.1.0" (instance $i)))"#;
    let message = refused("greedy.wasm", &wat::parse_str(greedy).unwrap(), None);
    assert_eq!(message, "plugin greedy: imports wasi:filesystem/types@0.2.0, which is not granted");
}

#[test]
fn misbehaving_while_configured_is_refused_with_the_reason() {
    let panics = refused("hostile.wasm", hostile(), Some("panic_in_configure"));
    assert!(panics.contains("rule hostile: cannot use plugin hostile"), "{panics}");
    assert!(panics.contains("I do not want to be configured"), "{panics}");

    let loops = refused("hostile.wasm", hostile(), Some("loop_in_configure"));
    assert!(loops.contains("configure did not end within 2s"), "{loops}");

    let greedy = refused("hostile.wasm", hostile(), Some("endless_window"));
    assert!(greedy.contains("reaches 1000000 samples back, 1000 are kept"), "{greedy}");
}

#[test]
fn a_poison_row_is_found_and_the_rest_is_judged() {
    let ran = run("hostile.wasm", hostile(), Some("panic_on_thirteen"));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("still in force; 1 rows not judged"), "{}", ran.stderr);
    assert!(ran.stderr.contains("thirteen"), "{}", ran.stderr);
    assert!(ran.events().iter().any(|event| event["rule_id"] == "hostile"), "the other rows were judged");
}

#[test]
fn a_rule_that_keeps_failing_is_taken_out_of_the_run() {
    for (behaviour, reason) in [
        ("panic_always", "always"),
        ("loop", "did not end within"),
        ("memory_bomb", "evaluate"),
        ("stack_overflow", "evaluate trapped"),
        ("rows_out_of_range", "not an ascending list of rows below"),
        ("refuse", "I would rather not"),
    ] {
        let ran = run("hostile.wasm", hostile(), Some(behaviour));
        assert_eq!(ran.code, 4, "{behaviour}: {}", ran.stderr);
        let told = ran.stderr.lines().find(|line| line.contains("taken out of the run; 60 rows not judged"));
        assert!(told.is_some_and(|line| line.contains(reason)), "{behaviour}: {}", ran.stderr);
    }
}

#[test]
fn a_flood_of_log_lines_is_cut_and_counted() {
    let ran = run("hostile.wasm", hostile(), Some("log_flood"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("logs more lines than it may"), "{}", ran.stderr);
    assert!(ran.stderr.len() < 20_000, "{} bytes of log", ran.stderr.len());
}
