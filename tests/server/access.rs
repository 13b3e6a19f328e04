//! Who may do what, and what nobody gets to see.

use lapwing::access::{Right, Role};
use lapwing::api::{Door, ROUTES};
use serde_json::{Value, json};

use crate::server::{Server, sample};

/// A path of this route: nothing of these names is there.
fn path(route: &str) -> String {
    let named = [
        ("{id}", "nobody"),
        ("{rule_id}", "nobody"),
        ("{name}", "nobody"),
        ("{version}", "1"),
        ("{key}", "nothing"),
        ("{subject}", "nobody"),
    ];
    named.iter().fold(route.to_owned(), |path, (parameter, value)| path.replace(parameter, value))
}

#[test]
fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let server = Server::new();
    let roles: Vec<(Role, String)> =
        Role::ALL.into_iter().map(|role| (role, server.token(role.as_str()))).collect();
    for route in ROUTES {
        let ask = || server.ask(&route.method.to_uppercase(), &path(route.path));
        let what = format!("{} {}", route.method, route.path);
        let anonymous = if route.path.ends_with("/events") { None } else { Some(ask().anonymous().send()) };
        if route.door == Door::Reports {
            anonymous.unwrap().problem(403, "report-token");
            ask().send().problem(403, "report-token");
            continue;
        }
        let Door::Needs(right) = route.door else {
            assert_eq!(anonymous.unwrap().status, 200, "{what}");
            continue;
        };
        let refused = ask().anonymous().send();
        refused.problem(401, "unauthorized");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{what}");
        let wrong = ask().token("lw_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").send();
        wrong.problem(401, "unauthorized");
        assert!(wrong.header("www-authenticate").contains("invalid_token"), "{what}");
        for (role, token) in &roles {
            let ask = ask().token(token);
            if role.may(right) {
                if route.path.ends_with("/events") {
                    drop(ask.listen());
                } else {
                    let status = ask.send().status;
                    assert!(![401, 403].contains(&status), "{role} {what}: {status}");
                }
            } else {
                ask.send().problem(403, "forbidden");
            }
        }
    }
}

#[test]
fn the_table_of_rights_is_the_one_of_the_specification() {
    let may = |role: Role| Right::ALL.into_iter().filter(|&right| role.may(right)).collect::<Vec<_>>();
    assert_eq!(may(Role::Ingest), [Right::Ingest]);
    assert_eq!(may(Role::Viewer), [Right::Read]);
    assert_eq!(may(Role::Operator), [Right::Ingest, Right::Read, Right::Operate]);
    assert_eq!(may(Role::Admin), Right::ALL);
    let open: Vec<&str> =
        ROUTES.iter().filter(|route| route.door == Door::Open).map(|route| route.path).collect();
    assert_eq!(open, ["/healthz", "/readyz", "/openapi.json", "/docs"]);
}

#[test]
fn a_revoked_token_is_no_longer_good_and_stays_so() {
    let mut server = Server::new();
    let made = server.post("/api/v1/tokens", &json!({ "name": "probe", "role": "viewer" }));
    assert_eq!(made.status, 201);
    let made = made.ok();
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let ask = |server: &Server| server.ask("GET", "/api/v1/summary").token(token).send();
    ask(&server).ok();
    let revoked = server.ask("DELETE", &format!("/api/v1/tokens/{id}")).send().ok();
    assert!(revoked["revoked_at"].is_string());
    ask(&server).problem(401, "unauthorized");
    server.kill();
    server.start();
    ask(&server).problem(401, "unauthorized");
    server.ask("DELETE", "/api/v1/tokens/nobody").send().problem(404, "unknown-token");
}

#[test]
fn an_expired_token_is_no_longer_good() {
    let server = Server::new();
    let made =
        server.post("/api/v1/tokens", &json!({ "name": "brief", "role": "viewer", "expires_in_s": 1 }));
    let token = made.ok()["token"].as_str().unwrap().to_owned();
    let refused = server.until("it has expired", || {
        Some(server.ask("GET", "/api/v1/summary").token(&token).send()).filter(|answer| answer.status != 200)
    });
    let problem = refused.problem(401, "unauthorized");
    assert!(problem["detail"].as_str().unwrap().contains("expired"), "{problem}");
}

#[test]
fn a_token_that_makes_no_sense_is_refused() {
    let server = Server::new();
    for body in [
        json!({ "name": "a", "role": "king" }),
        json!({ "name": "", "role": "viewer" }),
        json!({ "name": "a", "role": "viewer", "expires_in_s": 0 }),
        json!({ "name": "a" }),
        json!({ "name": "a", "role": "viewer", "more": 1 }),
    ] {
        server.post("/api/v1/tokens", &body).problem(400, "invalid-request");
    }
    assert_eq!(server.get("/api/v1/tokens")["tokens"].as_array().unwrap().len(), 1);
}

#[test]
fn the_first_token_is_given_out_once() {
    use std::os::unix::fs::PermissionsExt;
    let mut server = Server::prepared("");
    server.variable("LAPWING_ADMIN_TOKEN_FILE", "");
    server.start();
    let shown = "lapwing: admin token (shown once): ";
    let token = server.log().lines().find_map(|line| line.strip_prefix(shown)).unwrap().to_owned();
    assert!(token.starts_with("lw_"), "{token}");
    server.ask("GET", "/api/v1/tokens").token(&token).send().ok();
    server.restart();
    assert_eq!(server.log().matches(shown).count(), 1);
    server.ask("GET", "/api/v1/tokens").token(&token).send().ok();
    let other = Server::new();
    let file = other.bench.path("admin.token");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!other.log().contains("lw_"), "{}", other.log());
}

#[test]
fn a_first_start_that_cannot_hand_the_token_over_can_be_repeated() {
    let mut server = Server::prepared("");
    server.variable("LAPWING_ADMIN_TOKEN_FILE", "no/such/folder/admin.token");
    let (code, said) = server.try_start().unwrap_err();
    assert_eq!(code, 1);
    assert!(said.contains("admin token cannot be written"), "{said}");
    server.variable("LAPWING_ADMIN_TOKEN_FILE", "admin.token");
    server.start();
    assert!(!server.admin.is_empty(), "nobody can administer this server");
    server.get("/api/v1/tokens");
}

#[test]
fn secrets_are_in_no_log_no_answer_and_no_store() {
    let mut server = Server::prepared("");
    server.variable("LAPWING_LOG", "trace");
    server.start();
    let viewer = server.token("viewer");
    server.ask("GET", "/api/v1/summary").token(&viewer).send().ok();
    server.ask("GET", "/api/v1/tokens").token(&viewer).send().problem(403, "forbidden");
    server.take(&[sample("a", 0)]);
    let answers: Vec<Value> =
        ["/api/v1/tokens", "/api/v1/audit"].iter().map(|path| server.get(path)).collect();
    let events = server.bench.path("events.ndjson");
    assert_eq!(server.stop(), 0);
    std::fs::write(&events, server.bench.run(&["store", "--data-dir", "data", "export", "audit"]).stdout)
        .unwrap();
    let told = format!("{}{}{}", server.log(), json!(answers), server.bench.read("events.ndjson"));
    let kept = files(&server.data());
    for secret in [&server.admin, &viewer] {
        assert!(secret.len() > 20);
        assert!(!told.contains(secret.as_str()), "a secret is told");
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "a secret is kept");
    }
    assert!(!told.contains("\"hash\""), "nor what it is checked against");
}

/// The bytes of all files in a directory.
fn files(directory: &std::path::Path) -> Vec<u8> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { std::fs::read(path).unwrap() }).collect()
}

#[test]
fn who_asks_too_often_is_told_to_wait() {
    let server = Server::with("[server]\nrequests_per_s = 5\n");
    let viewer = server.token("viewer");
    let refused = server.until("the limit", || {
        Some(server.ask("GET", "/api/v1/summary").token(&viewer).send()).filter(|answer| answer.status != 200)
    });
    refused.problem(429, "rate-limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    server.ask("GET", "/healthz").anonymous().send().ok();
}

#[test]
fn answers_say_how_browsers_must_treat_them() {
    let server = Server::new();
    let answer = server.ask("GET", "/api/v1/summary").send();
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(header), value);
    }
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
}
