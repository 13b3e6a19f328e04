//! What people do with detections.

use axum::Extension;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::Input;
use super::{Api, Problem, ProblemDocument};
use crate::access::Principal;
use crate::detections::Move;
use crate::service::{Reproduction, WhyNot};
use crate::time::Millis;

/// Words that go with a move.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Note {
    /// Why, for those who look later.
    note: Option<String>,
}

/// Whose a detection is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Assignment {
    /// Who; null: nobody.
    assignee: Option<String>,
    /// Why, for those who look later.
    #[serde(default)]
    note: Option<String>,
}

macro_rules! moves {
    ($($(#[$doc:meta])* $handler:ident, $path:literal, $step:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "detections",
            params(("id" = Uuid, Path, description = "The detection's id")),
            request_body = Note,
            responses(
                (status = 200, description = "The detection as it is now", body = Object),
                (status = 409, description = "It makes no sense as things stand (`misplaced-move`)",
                    body = ProblemDocument, content_type = "application/problem+json"),
            ))]
        pub(super) async fn $handler(
            State(api): State<Api>,
            Path(id): Path<Uuid>,
            Extension(by): Extension<Principal>,
            Input(body): Input<Note>,
        ) -> Result<Json<Value>, Problem> {
            make(&api, id, $step, body.note, by).await
        }
    )*};
}

moves! {
    /// Says "I have it".
    ///
    /// It is not repeated and not escalated any more.
    acknowledge, "/api/v1/detections/{id}/acknowledge", Move::Acknowledge;
    /// Takes an acknowledgement back.
    unacknowledge, "/api/v1/detections/{id}/unacknowledge", Move::Unacknowledge;
    /// Adds a comment.
    comment, "/api/v1/detections/{id}/comment", Move::Comment;
    /// Says that it is over.
    ///
    /// If samples still show it five minutes later (`detections.still_there_s`), it is open again.
    resolve, "/api/v1/detections/{id}/resolve", Move::Resolve;
    /// Says that it never was a trouble.
    ///
    /// Counts against its rule's precision. Stays so however long samples show it.
    false_positive, "/api/v1/detections/{id}/false-positive", Move::FalsePositive;
    /// Says that it is not over.
    reopen, "/api/v1/detections/{id}/reopen", Move::Reopen;
}

/// Says whose it is.
#[utoipa::path(post, path = "/api/v1/detections/{id}/assign", tag = "detections",
    params(("id" = Uuid, Path, description = "The detection's id")),
    responses((status = 200, description = "The detection as it is now", body = Object)))]
pub(super) async fn assign(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
    Extension(by): Extension<Principal>,
    Input(body): Input<Assignment>,
) -> Result<Json<Value>, Problem> {
    make(&api, id, Move::Assign(body.assignee), body.note, by).await
}

async fn make(
    api: &Api,
    id: Uuid,
    step: Move,
    note: Option<String>,
    by: Principal,
) -> Result<Json<Value>, Problem> {
    Ok(Json(api.blocking(move |service| service.make_move(id, &step, note.as_deref(), &by)).await??))
}

/// Gives a document that an action attached.
#[utoipa::path(get, path = "/api/v1/detections/{id}/attachments/{name}", tag = "detections",
    params(
        ("id" = Uuid, Path, description = "The detection's id"),
        ("name" = String, Path, description = "`performance.json`"),
    ),
    responses((status = 200, description = "The document, of its own media type")))]
pub(super) async fn attachment(
    State(api): State<Api>,
    Path((id, name)): Path<(Uuid, String)>,
) -> Result<Response, Problem> {
    let asked = name.clone();
    let found = api.blocking(move |service| service.attachment(id, &asked)).await??;
    let (media_type, content) = found.ok_or_else(|| Problem::unknown("attachment", name))?;
    // What a plugin made is shown as what it says it is, and never run.
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned(),
        ),
    ];
    Ok((headers, content).into_response())
}

/// Executes the verdict that opened a detection again.
///
/// The same component with the same settings is shown the rows that decided.
#[utoipa::path(post, path = "/api/v1/detections/{id}/explain", tag = "detections",
    params(("id" = Uuid, Path, description = "The detection's id")),
    responses(
        (status = 200, description = "Whether everything came out as it did then", body = Reproduction),
        (status = 409, description = "The component can no longer be run (`component-gone`)",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn explain(
    State(api): State<Api>,
    Path(id): Path<Uuid>,
) -> Result<Json<Reproduction>, Problem> {
    let found = api.blocking(move |service| service.reproduce(id)).await??;
    found.map(Json).ok_or_else(|| Problem::unknown("detection", id))
}

/// What somebody expected.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Expected {
    /// About which system.
    system_id: String,
    /// By which rule.
    rule_id: String,
    /// At which time (RFC 3339); now unless said otherwise.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Millis>,
}

/// Says at which step an alert that somebody expected stopped.
#[utoipa::path(get, path = "/api/v1/why-not", tag = "detections", params(Expected),
    responses((status = 200, description = "The steps, up to the one that stopped it", body = WhyNot)))]
pub(super) async fn why_not(
    State(api): State<Api>,
    Query(Expected { system_id, rule_id, at }): Query<Expected>,
) -> Result<Json<WhyNot>, Problem> {
    let at = at.unwrap_or_else(Millis::now);
    Ok(Json(api.blocking(move |service| service.why_not(&system_id, &rule_id, at)).await??))
}
