//! What machines and people ask of the server itself: whether it lives, whether it is ready, its numbers, its document.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, Problem, docs};
use crate::service::Service;
use crate::service::State as ServiceState;

/// The process can answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// Says that the process can answer.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, description = "It can", body = Alive)))]
pub(super) async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// How far the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// Samples are taken in only when it is `ready`.
    state: ServiceState,
}

/// Says whether samples are taken in.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "They are", body = Ready),
        (status = 503, description = "They are not, for the reason that `state` names", body = Ready),
    ))]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let state = api.service.state();
    let answer = Json(Ready { state });
    if state == ServiceState::Ready {
        return answer.into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], answer).into_response()
}

/// Shows the server's numbers as OpenMetrics text.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "The numbers", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")))]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let text = api.blocking(Service::metrics).await?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Shows this document.
#[utoipa::path(get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "An OpenAPI document", body = Object)))]
pub(super) async fn document(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.document.clone()).into_response()
}

/// Shows this document to people.
#[utoipa::path(get, path = "/docs", tag = "health",
    responses((status = 200, description = "A page", body = String, content_type = "text/html; charset=utf-8")))]
pub(super) async fn docs(State(api): State<Api>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(docs::POLICY)),
    ];
    (headers, api.page.clone()).into_response()
}
