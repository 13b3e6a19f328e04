//! The OpenAPI document: what handlers and types say of themselves, and what the table of routes says of them all.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Content, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::openapi::{extensions::ExtensionsBuilder, path::Operation, path::PathItem};
use utoipa::{OpenApi as _, ToSchema};

use super::problem::PROBLEM_JSON;
use super::routes::{Described, ROUTES};
use super::{Door, ProblemDocument};
use crate::access::Right;
use crate::model::{DetectionType, Severity, Status};

const SCHEME: &str = "bearer";

/// The groups, in the order in which they are shown.
const TAGS: [(&str, &str); 9] = [
    ("samples", "Handing samples in."),
    ("reading", "Systems, detections and what happens."),
    ("detections", "What people do with detections, and verdicts executed again."),
    ("alerting", "Who is told, and who is not."),
    ("actions", "What is done about detections, and the block list."),
    ("rules", "Rules: what they are, and changing them while they run."),
    ("plugins", "Plugins: pushing, shadowing, promoting and rolling back."),
    ("administration", "Tokens, the audit log, the configuration and backups."),
    ("health", "The server itself."),
];

/// The document of the API.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = Described::openapi();
    document.info = InfoBuilder::new()
        .title("Lapwing")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Takes health samples of a fleet in, judges them with WebAssembly components and tells what it detects. \
             Failures are problem documents (RFC 9457).",
        ))
        .build();
    let tag = |(name, description)| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(TAGS.map(tag).into());
    let components = document.components.get_or_insert_default();
    // Named by parameters and by what is added below, where no handler brings them in.
    components.schemas.extend([
        named::<ProblemDocument>(),
        named::<DetectionType>(),
        named::<Severity>(),
        named::<Status>(),
    ]);
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token, lw_…")).build();
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(scheme).into());
    for route in ROUTES {
        let item = document.paths.paths.get_mut(route.path);
        if let Some(operation) = item.and_then(|item| operation(item, route.method)) {
            describe(operation, route.door, route.path.contains('{'));
        }
    }
    document
}

fn named<T: ToSchema>() -> (String, RefOr<Schema>) {
    (T::name().into_owned(), T::schema())
}

/// Adds what holds for every operation behind such a door.
fn describe(operation: &mut Operation, door: Door, names_something: bool) {
    // Unique over all groups, as generators of clients need it.
    if let (Some(tag), Some(id)) = (operation.tags.iter().flatten().next(), &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
    if door == Door::Reports {
        let token = SecurityRequirement::new(SCHEME, Vec::<String>::new());
        operation.security = Some(vec![token]);
        return;
    }
    let Door::Needs(right) = door else {
        operation.security = Some(Vec::new());
        return;
    };
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    let roles = roles(right);
    operation.extensions = Some(ExtensionsBuilder::new().add("x-roles", roles).build());
    let mut failures = vec![
        ("401", "No token, or one that is not good (`unauthorized`)".to_owned()),
        ("403", format!("Not allowed (`forbidden`): asks for one of the roles {}", roles.join(", "))),
        ("429", "Asked too often (`rate-limited`)".to_owned()),
        ("503", "Cannot be done now; `Retry-After` says when to come again".to_owned()),
    ];
    if operation.parameters.is_some() || operation.request_body.is_some() {
        failures.push(("400", "It cannot be understood (`invalid-request`)".to_owned()));
    }
    if names_something {
        failures.push(("404", "There is no such thing (`unknown-…`)".to_owned()));
    }
    for (status, description) in failures {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
            let body = Content::new(Some(Ref::from_schema_name(ProblemDocument::name())));
            ResponseBuilder::new().description(description).content(PROBLEM_JSON, body).build().into()
        });
    }
}

fn roles(right: Right) -> &'static [&'static str] {
    match right {
        Right::Ingest => &["ingest", "operator", "admin"],
        Right::Read => &["viewer", "operator", "admin"],
        Right::Operate => &["operator", "admin"],
        Right::Administer => &["admin"],
    }
}

fn operation<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "get" => item.get.as_mut(),
        "put" => item.put.as_mut(),
        "post" => item.post.as_mut(),
        "patch" => item.patch.as_mut(),
        "delete" => item.delete.as_mut(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn pairs(document: &Value) -> BTreeSet<(String, String)> {
        let paths = document["paths"].as_object().unwrap();
        let methods = |(path, item): (&String, &Value)| {
            let item = item.as_object().unwrap();
            item.keys().map(|method| (path.clone(), method.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(methods).collect()
    }

    #[test]
    fn the_document_and_the_table_name_the_same_routes() {
        let document = serde_json::to_value(document()).unwrap();
        let table: BTreeSet<_> =
            ROUTES.iter().map(|route| (route.path.to_owned(), route.method.to_owned())).collect();
        assert_eq!(pairs(&document), table);
        assert_eq!(table.len(), ROUTES.len(), "a route is in the table twice");
    }

    #[test]
    fn every_operation_says_what_it_is_and_who_may() {
        let document = serde_json::to_value(document()).unwrap();
        let mut ids = BTreeSet::new();
        let tags: Vec<_> = TAGS.iter().map(|(name, _)| *name).collect();
        for route in ROUTES {
            let operation = &document["paths"][route.path][route.method];
            let place = format!("{} {}", route.method, route.path);
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
            assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{place}");
            assert!(ids.insert(operation["operationId"].to_string()), "{place}");
            let open = operation["security"].as_array().unwrap().is_empty();
            assert_eq!(open, route.door == Door::Open, "{place}");
            let of_a_role = matches!(route.door, Door::Needs(_));
            assert_eq!(of_a_role, operation.get("x-roles").is_some(), "{place}");
        }
        let open: Vec<_> = ROUTES.iter().filter(|route| route.door == Door::Open).map(|r| r.path).collect();
        assert_eq!(open, ["/healthz", "/readyz", "/openapi.json", "/docs"]);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_parameter_is_where_it_is_said() {
        let document = serde_json::to_value(document()).unwrap();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        for route in ROUTES {
            let operation = &document["paths"][route.path][route.method];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == "path").collect();
            assert_eq!(in_path.len(), route.path.matches('{').count(), "{} {parameters:?}", route.path);
            for parameter in in_path {
                let name = parameter["name"].as_str().unwrap();
                assert!(route.path.contains(&format!("{{{name}}}")), "{} {name}", route.path);
            }
        }
    }
}
