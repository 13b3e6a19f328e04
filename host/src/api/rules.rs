//! Rules: what they are, and changing them while they run.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::Input;
use super::{Api, Problem, ProblemDocument};
use crate::access::Principal;
use crate::model::Severity;
use crate::service::RuleView;
use crate::service::Service;

/// What may be said about a rule: the keys of `[[rules]]` in the configuration. What is left out stays as it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the body, which the service reads")]
pub(super) struct RuleChange {
    /// Whether it is in force.
    enabled: Option<bool>,
    /// The rule's main parameter.
    threshold: Option<f64>,
    /// Parameters by name.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Map<String, Value>>,
    /// How bad a match is.
    severity: Option<Severity>,
    /// The rule's window in seconds.
    window_size: Option<u32>,
    /// Matches within the window that open a detection.
    min_occurrences: Option<u32>,
    /// Actions owed when a detection opens.
    actions: Option<Vec<String>>,
    /// The types it applies to.
    system_types: Option<Vec<String>>,
    /// The systems it applies to.
    system_ids: Option<Vec<String>>,
    /// The plugin's own settings.
    #[schema(value_type = Option<Object>)]
    settings: Option<Map<String, Value>>,
    /// Conditions on metrics, instead of a plugin.
    #[schema(value_type = Option<Object>)]
    conditions: Option<Map<String, Value>>,
    /// Whether all conditions must hold, or any.
    r#match: Option<String>,
    /// Parameters of chosen types or systems.
    #[schema(value_type = Option<Vec<Object>>)]
    overrides: Option<Vec<Value>>,
    /// For people.
    name: Option<String>,
    /// For people.
    description: Option<String>,
    /// Who judges; only with `PUT`.
    plugin: Option<String>,
}

/// Every rule.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rules {
    /// By ascending id.
    rules: Vec<RuleView>,
}

/// Lists all rules.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules",
    responses((status = 200, description = "All rules", body = Rules)))]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Rules>, Problem> {
    let rules = api.blocking(Service::rules).await?;
    Ok(Json(Rules { rules }))
}

/// Shows one rule.
#[utoipa::path(get, path = "/api/v1/rules/{rule_id}", tag = "rules",
    params(("rule_id" = String, Path, description = "The rule's id")),
    responses((status = 200, description = "The rule", body = RuleView)))]
pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<RuleView>, Problem> {
    let asked = id.clone();
    let found = api.blocking(move |service| service.rule(&asked)).await?;
    found.map(Json).ok_or_else(|| Problem::unknown("rule", id))
}

/// Changes a rule, between two batches.
///
/// What is left out stays as it is. Refused as a whole, with the key named, if any of it is wrong.
#[utoipa::path(patch, path = "/api/v1/rules/{rule_id}", tag = "rules",
    params(("rule_id" = String, Path, description = "The rule's id")),
    request_body(content = RuleChange, example = json!({"threshold": 85.0, "severity": "high"})),
    responses(
        (status = 200, description = "The rule as it is now", body = RuleView),
        (status = 400, description = "A key is wrong (`invalid-rule`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(by): Extension<Principal>,
    Input(body): Input<Map<String, Value>>,
) -> Result<Json<RuleView>, Problem> {
    apply(&api, id, by, body, false).await
}

/// Creates or replaces a rule.
#[utoipa::path(put, path = "/api/v1/rules/{rule_id}", tag = "rules",
    params(("rule_id" = String, Path, description = "The rule's id")),
    request_body(content = RuleChange, example = json!({"plugin": "cpu-high", "threshold": 85.0})),
    responses(
        (status = 200, description = "The rule as it is now", body = RuleView),
        (status = 400, description = "A key is wrong (`invalid-rule`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn replace(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(by): Extension<Principal>,
    Input(body): Input<Map<String, Value>>,
) -> Result<Json<RuleView>, Problem> {
    apply(&api, id, by, body, true).await
}

async fn apply(
    api: &Api,
    id: String,
    by: Principal,
    body: Map<String, Value>,
    replace: bool,
) -> Result<Json<RuleView>, Problem> {
    let changed = move |service: &Service| service.change_rule(&id, Value::Object(body), replace, &by);
    Ok(Json(api.blocking(changed).await??))
}

/// Drops what the API said about a rule.
///
/// A rule of the bundle or the configuration falls back to that; one made by the API is gone.
#[utoipa::path(delete, path = "/api/v1/rules/{rule_id}", tag = "rules",
    params(("rule_id" = String, Path, description = "The rule's id")),
    responses(
        (status = 200, description = "The rule that it fell back to", body = RuleView),
        (status = 204, description = "The rule is gone"),
    ))]
pub(super) async fn drop_change(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Response, Problem> {
    let left = api.blocking(move |service| service.drop_rule_change(&id, &by)).await??;
    Ok(left.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |rule| Json(rule).into_response()))
}

/// Lifts a rule's quarantine by hand.
#[utoipa::path(post, path = "/api/v1/rules/{rule_id}/release", tag = "rules",
    params(("rule_id" = String, Path, description = "The rule's id")),
    responses((status = 200, description = "The rule as it is now", body = RuleView)))]
pub(super) async fn release(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<RuleView>, Problem> {
    Ok(Json(api.blocking(move |service| service.release_rule(&id, &by)).await??))
}
