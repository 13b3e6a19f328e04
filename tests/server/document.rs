//! The document of the API, for machines and for people.

use std::collections::BTreeSet;

use lapwing::api::ROUTES;
use serde_json::Value;

use crate::harness::workspace;
use crate::server::Server;

#[test]
fn the_document_names_every_route_and_nothing_else() {
    let server = Server::new();
    let answer = server.ask("GET", "/openapi.json").anonymous().send();
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    let named: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
        })
        .collect();
    let routes = ROUTES.iter().map(|route| (route.path.to_owned(), route.method.to_owned())).collect();
    assert_eq!(named, routes);
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    let document: Value = serde_json::to_value(lapwing::api::document()).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 30);
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn the_page_is_whole_in_itself() {
    let server = Server::new();
    let page = server.ask("GET", "/docs").anonymous().send();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.starts_with("<!doctype html>") || page.text.starts_with("<!DOCTYPE html>"));
    for route in ROUTES {
        assert!(page.text.contains(route.path), "{} is missing", route.path);
    }
    for outside in ["src=\"http", "href=\"http", "@import"] {
        assert!(!page.text.contains(outside), "{outside}");
    }
}

/// `UPDATE=1 cargo test -p lapwing --test server the_document_under_docs` writes it.
#[test]
fn the_document_under_docs_is_the_one_that_is_served() {
    let document = lapwing::api::document().to_pretty_json().unwrap() + "\n";
    let file = workspace().join("docs/openapi.json");
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&file, &document).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == document, "docs/openapi.json is not up to date; UPDATE=1 writes it anew");
    let server = Server::new();
    let served = server.ask("GET", "/openapi.json").send().json();
    assert_eq!(served, serde_json::from_str::<Value>(&document).unwrap());
}
