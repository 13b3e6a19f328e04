//! Silences, routes, what is owed, and the block list.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::Input;
use super::{Api, Problem, ProblemDocument};
use crate::access::Principal;
use crate::alerts::{Labels, Matchers, NewSilence};
use crate::outbox::{Filter, Report, StateKind};
use crate::service::{ActionView, BlockChanges, BlockEntry, OwedView, Service};

/// A silence that is asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the body, which the room of alerts reads")]
pub(super) struct SilenceRequest {
    /// Label to condition: `"eu-1"`, `"!=ci"`, `"~eu-.*"`, `"!~test.*"`, `">=high"`.
    #[schema(value_type = Object)]
    matchers: Value,
    /// Who answers for it.
    owner: String,
    /// Why it is.
    comment: Option<String>,
    /// From when on; at once unless given.
    #[schema(format = DateTime)]
    starts: Option<String>,
    /// Until when. Required.
    #[schema(format = DateTime)]
    ends: String,
    /// Says that a silence without matchers is meant.
    everything: Option<bool>,
}

/// Silences.
#[derive(Serialize, ToSchema)]
pub(super) struct Silences {
    /// Those to come, in force, and ended within a day.
    #[schema(value_type = Vec<Object>)]
    silences: Vec<crate::alerts::Silence>,
}

/// Lists silences.
#[utoipa::path(get, path = "/api/v1/silences", tag = "alerting",
    responses((status = 200, description = "All silences", body = Silences)))]
pub(super) async fn silences(State(api): State<Api>) -> Result<Json<Silences>, Problem> {
    Ok(Json(Silences { silences: api.blocking(Service::silences).await? }))
}

/// Makes a silence.
///
/// What it hides is still detected and noted. What was told before it began is told when it is over.
#[utoipa::path(post, path = "/api/v1/silences", tag = "alerting", request_body = SilenceRequest,
    responses(
        (status = 201, description = "The silence", body = Object),
        (status = 400, description = "A field is wrong (`invalid-request`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn add_silence(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    Input(silence): Input<NewSilence>,
) -> Result<Response, Problem> {
    let made = api.blocking(move |service| service.add_silence(silence, &by)).await??;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Ends a silence before its time.
#[utoipa::path(delete, path = "/api/v1/silences/{id}", tag = "alerting",
    params(("id" = Uuid, Path, description = "The silence")),
    responses((status = 200, description = "The silence, ended", body = Object)))]
pub(super) async fn end_silence(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Extension(by): Extension<Principal>,
) -> Result<Json<crate::alerts::Silence>, Problem> {
    Ok(Json(api.blocking(move |service| service.end_silence(id, &by)).await??))
}

/// What a silence would hide.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewRequest {
    /// Label to condition.
    #[schema(value_type = Object)]
    matchers: Matchers,
}

/// The detections that a silence would hide.
#[derive(Serialize, ToSchema)]
pub(super) struct Preview {
    /// How many.
    count: usize,
    /// Which.
    detection_ids: Vec<Uuid>,
}

/// Says what a silence would hide now.
#[utoipa::path(post, path = "/api/v1/silences/preview", tag = "alerting", request_body = PreviewRequest,
    responses((status = 200, description = "The detections that it would hide", body = Preview)))]
pub(super) async fn preview(
    State(api): State<Api>,
    Input(PreviewRequest { matchers }): Input<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    let detection_ids = api.blocking(move |service| service.preview_silence(&matchers)).await?;
    Ok(Json(Preview { count: detection_ids.len(), detection_ids }))
}

/// An alert that might come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteRequest {
    /// Its labels: `rule_id`, `system_id`, `system_type`, `severity`, `detection_type`, `zone`, …
    #[schema(value_type = Object)]
    labels: Labels,
}

/// Says who would be told of an alert with these labels, and why not.
#[utoipa::path(post, path = "/api/v1/routes/test", tag = "alerting", request_body = RouteRequest,
    responses((status = 200, description = "Routes visited and taken, and what would hold it", body = Object)))]
pub(super) async fn route_test(
    State(api): State<Api>,
    Input(RouteRequest { labels }): Input<RouteRequest>,
) -> Result<Json<crate::alerts::RouteTest>, Problem> {
    Ok(Json(api.blocking(move |service| service.route_test(&labels)).await?))
}

/// Actions in force.
#[derive(Serialize, ToSchema)]
pub(super) struct Actions {
    /// By id.
    actions: Vec<ActionView>,
}

/// Lists the actions in force, what stands before each, and how its canaries fare.
#[utoipa::path(get, path = "/api/v1/actions", tag = "actions",
    responses((status = 200, description = "All actions", body = Actions)))]
pub(super) async fn actions(State(api): State<Api>) -> Result<Json<Actions>, Problem> {
    Ok(Json(Actions { actions: api.blocking(Service::actions).await? }))
}

/// Which owed actions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OwedQuery {
    /// Of this action.
    action_id: Option<String>,
    /// Touching this system.
    system_id: Option<String>,
    /// About this detection.
    detection_id: Option<Uuid>,
    /// `waiting`, `under_way`, `awaiting`, `held`, `done`, `dead` or `cancelled`.
    #[param(value_type = Option<String>)]
    state: Option<StateKind>,
    /// Where the page before ended.
    cursor: Option<u64>,
    /// From 1 to 1000; 100 unless said otherwise.
    limit: Option<usize>,
}

/// A page of owed actions.
#[derive(Serialize, ToSchema)]
pub(super) struct OwedPage {
    /// Newest first.
    owed: Vec<OwedView>,
    /// Where the next page begins; null when there is none.
    next_cursor: Option<u64>,
}

/// Lists what is or was owed, the newest first: also the dead letters.
#[utoipa::path(get, path = "/api/v1/owed", tag = "actions", params(OwedQuery),
    responses((status = 200, description = "A page", body = OwedPage)))]
pub(super) async fn owed(
    State(api): State<Api>,
    Query(query): Query<OwedQuery>,
) -> Result<Json<OwedPage>, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::invalid_request(format!("limit is {limit}, from 1 to 1000 is allowed")));
    }
    let filter = Filter {
        action: query.action_id,
        system_id: query.system_id,
        detection_id: query.detection_id,
        state: query.state,
        before: query.cursor,
        ..Filter::default()
    };
    let owed = api.blocking(move |service| service.owed(&filter, limit)).await?;
    let next_cursor = owed.last().map(|last| last.seq).filter(|_| owed.len() == limit);
    Ok(Json(OwedPage { owed, next_cursor }))
}

/// Shows one owed action.
#[utoipa::path(get, path = "/api/v1/owed/{key}", tag = "actions",
    params(("key" = String, Path, description = "Its key, percent-encoded")),
    responses((status = 200, description = "The owed action", body = OwedView)))]
pub(super) async fn one(State(api): State<Api>, Path(key): Path<String>) -> Result<Json<OwedView>, Problem> {
    let asked = key.clone();
    let found = api.blocking(move |service| service.owed_action(&asked)).await?;
    found.map(Json).ok_or_else(|| Problem::unknown("action", key))
}

macro_rules! decisions {
    ($($(#[$doc:meta])* $handler:ident, $path:literal, $method:ident;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "actions",
            params(("key" = String, Path, description = "Its key, percent-encoded")),
            responses(
                (status = 200, description = "The owed action as it stands now", body = OwedView),
                (status = 409, description = "It makes no sense as things stand (`wrong-state`)",
                    body = ProblemDocument, content_type = "application/problem+json"),
            ))]
        pub(super) async fn $handler(
            State(api): State<Api>,
            Path(key): Path<String>,
            Extension(by): Extension<Principal>,
        ) -> Result<Json<OwedView>, Problem> {
            Ok(Json(api.blocking(move |service| service.$method(&key, &by)).await??))
        }
    )*};
}

decisions! {
    /// Lets a held action through.
    approve, "/api/v1/owed/{key}/approve", approve;
    /// Tries a dead letter again.
    replay, "/api/v1/owed/{key}/replay", replay_action;
    /// Takes back what an action did.
    undo, "/api/v1/owed/{key}/undo", undo;
}

/// Why an action is given up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reason {
    /// For those who look later.
    reason: String,
}

/// Gives an action up that has not been done.
#[utoipa::path(post, path = "/api/v1/owed/{key}/cancel", tag = "actions",
    params(("key" = String, Path, description = "Its key, percent-encoded")), request_body = Reason,
    responses((status = 200, description = "The owed action as it stands now", body = OwedView)))]
pub(super) async fn cancel(
    State(api): State<Api>,
    Path(key): Path<String>,
    Extension(by): Extension<Principal>,
    Input(Reason { reason }): Input<Reason>,
) -> Result<Json<OwedView>, Problem> {
    Ok(Json(api.blocking(move |service| service.cancel(&key, &reason, &by)).await??))
}

/// Takes in what the other side says of an action whose report is awaited.
///
/// With the token that the action was called with, as a bearer token.
#[utoipa::path(post, path = "/api/v1/actions/{key}/report", tag = "actions",
    params(("key" = String, Path, description = "Its key, percent-encoded")), request_body = Object,
    responses(
        (status = 200, description = "The owed action as it stands now", body = OwedView),
        (status = 403, description = "The token is another one's (`report-token`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn report(
    State(api): State<Api>,
    Path(key): Path<String>,
    headers: HeaderMap,
    report: Result<Input<Report>, Problem>,
) -> Result<Json<OwedView>, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    // Who has no token learns nothing of what else would be wrong.
    let (named, shown) = (key.clone(), token);
    api.blocking(move |service| service.may_report(&named, &shown)).await??;
    let Input(report) = report?;
    Ok(Json(api.blocking(move |service| service.report(&key, report)).await??))
}

/// What is blocked.
#[derive(Serialize, ToSchema)]
pub(super) struct Blocked {
    /// By subject.
    entries: Vec<BlockEntry>,
    /// What to ask `/api/v1/blocklist/changes` after.
    after: u64,
}

/// Shows what firewalls and proxies are to keep out.
///
/// With `Accept: text/plain` a subject a line.
#[utoipa::path(get, path = "/api/v1/blocklist", tag = "actions",
    responses((status = 200, description = "The whole list", body = Blocked)))]
pub(super) async fn blocklist(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    let (entries, after) = api.blocking(Service::blocklist).await?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.starts_with("text/plain") {
        let lines: String = entries.iter().map(|entry| format!("{}\n", entry.subject)).collect();
        return Ok(lines.into_response());
    }
    Ok(Json(Blocked { entries, after }).into_response())
}

/// After which change.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesQuery {
    /// `after` of the answer before; 0: from the beginning.
    after: u64,
}

/// Shows how the block list has changed since.
#[utoipa::path(get, path = "/api/v1/blocklist/changes", tag = "actions", params(ChangesQuery),
    responses((status = 200, description = "The changes", body = BlockChanges)))]
pub(super) async fn blocklist_changes(
    State(api): State<Api>,
    Query(ChangesQuery { after }): Query<ChangesQuery>,
) -> Result<Json<BlockChanges>, Problem> {
    Ok(Json(api.blocking(move |service| service.blocklist_changes(after)).await?))
}

/// Takes an entry out of the block list.
#[utoipa::path(delete, path = "/api/v1/blocklist/{subject}", tag = "actions",
    params(("subject" = String, Path, description = "The subject, percent-encoded")),
    responses((status = 204, description = "It is out")))]
pub(super) async fn unblock(
    State(api): State<Api>,
    Path(subject): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    api.blocking(move |service| service.unblock(&subject, &by)).await??;
    Ok(StatusCode::NO_CONTENT)
}
