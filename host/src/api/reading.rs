//! Reading what the service knows. The service may block for some milliseconds, so it is asked on a blocking thread.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Api, Problem};
use crate::observer::BlindInterval;
use crate::service::Service;
use crate::service::{DetectionFilter, DetectionsPage, HistoryPage, SystemSummary, SystemsPage};

const SYSTEMS: (usize, usize) = (100, 1000);
const SAMPLES: (usize, usize) = (100, usize::MAX);
const ENTRIES: (usize, usize) = (100, 500);

/// The limit asked for, or the usual one.
fn limit(asked: Option<usize>, (usual, most): (usize, usize)) -> Result<usize, Problem> {
    match asked {
        None => Ok(usual),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(asked) if most == usize::MAX => {
            Err(Problem::invalid_request(format!("limit: found {asked}, expected 1 or more")))
        }
        Some(asked) => Err(Problem::invalid_request(format!("limit: found {asked}, expected 1 to {most}"))),
    }
}

/// A page of a list that is told apart by numbers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Where to go on, from the page before.
    cursor: Option<u64>,
    /// 1 to 500; 100 unless said otherwise.
    limit: Option<usize>,
}

impl PageQuery {
    /// Where to begin and how many to show.
    pub(super) fn cursor_and_limit(&self) -> Result<(Option<u64>, usize), Problem> {
        Ok((self.cursor, limit(self.limit, ENTRIES)?))
    }
}

/// Shows the whole fleet in numbers.
#[utoipa::path(get, path = "/api/v1/summary", tag = "reading",
    responses((status = 200, description = "The fleet, and how far the server is in `state`", body = Object)))]
pub(super) async fn summary(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    api.blocking(Service::summary).await.map(Json)
}

/// Which systems are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SystemsQuery {
    /// Where to go on, from the page before.
    cursor: Option<String>,
    /// 1 to 1000; 100 unless said otherwise.
    limit: Option<usize>,
    /// Only systems of this type.
    system_type: Option<String>,
}

/// The host's own sight.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ObserverView {
    /// Whether it sees: no silence is judged while it does not.
    degraded: bool,
    /// When it could not, oldest first; the last one lasts while its `until` is null.
    blind: Vec<BlindInterval>,
}

/// Shows when the host itself could not see: it stood still, its clock was set, its queue was full, or nobody was heard.
#[utoipa::path(get, path = "/api/v1/observer", tag = "reading",
    responses((status = 200, description = "Its sight", body = ObserverView)))]
pub(super) async fn observer(State(api): State<Api>) -> Result<Json<ObserverView>, Problem> {
    let blind = api.blocking(Service::blind_intervals).await?;
    Ok(Json(ObserverView { degraded: blind.last().is_some_and(|last| last.until.is_none()), blind }))
}

/// Lists systems by ascending id.
#[utoipa::path(get, path = "/api/v1/systems", tag = "reading", params(SystemsQuery),
    responses((status = 200, description = "A page", body = SystemsPage)))]
pub(super) async fn systems(
    State(api): State<Api>,
    Query(query): Query<SystemsQuery>,
) -> Result<Json<SystemsPage>, Problem> {
    let limit = limit(query.limit, SYSTEMS)?;
    api.blocking(move |service| service.systems(query.cursor.as_deref(), limit, query.system_type.as_deref()))
        .await
        .map(Json)
}

/// Shows one system in numbers.
#[utoipa::path(get, path = "/api/v1/systems/{id}", tag = "reading",
    params(("id" = String, Path, description = "The system's name")),
    responses((status = 200, description = "The system", body = SystemSummary)))]
pub(super) async fn system(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<SystemSummary>, Problem> {
    let asked = id.clone();
    let found = api.blocking(move |service| service.system(&asked)).await?;
    found.map(Json).ok_or_else(|| Problem::unknown("system", id))
}

/// How much of a history is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// From 1 to as many as are kept; 100 unless said otherwise.
    limit: Option<usize>,
}

/// Shows the samples kept of a system, the newest last.
#[utoipa::path(get, path = "/api/v1/systems/{id}/history", tag = "reading",
    params(("id" = String, Path, description = "The system's name"), HistoryQuery),
    responses((status = 200, description = "Its newest samples", body = HistoryPage)))]
pub(super) async fn history(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<HistoryPage>, Problem> {
    let limit = limit(query.limit, SAMPLES)?;
    let asked = id.clone();
    let found = api.blocking(move |service| service.history(&asked, limit)).await?;
    found.map(Json).ok_or_else(|| Problem::unknown("system", id))
}

/// Lists detections, the newest first.
#[utoipa::path(get, path = "/api/v1/detections", tag = "reading", params(DetectionFilter),
    responses((status = 200, description = "A page", body = DetectionsPage)))]
pub(super) async fn detections(
    State(api): State<Api>,
    Query(filter): Query<DetectionFilter>,
) -> Result<Json<DetectionsPage>, Problem> {
    Ok(Json(api.blocking(move |service| service.detections(&filter)).await??))
}

/// Shows one detection with its evidence.
#[utoipa::path(get, path = "/api/v1/detections/{id}", tag = "reading",
    params(("id" = Uuid, Path, description = "The detection's id")),
    responses((status = 200, description = "The detection", body = Object)))]
pub(super) async fn detection(State(api): State<Api>, Path(id): Path<Uuid>) -> Result<Json<Value>, Problem> {
    let found = api.blocking(move |service| service.detection(id)).await?;
    found.map(Json).ok_or_else(|| Problem::unknown("detection", id))
}

/// A page of rows that plugins could not bear.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLettersPage {
    /// Rule, plugin, digest, system, inputs and the reason of each; the newest first.
    #[schema(value_type = Vec<Object>)]
    dead_letters: Vec<Value>,
    /// Where the next page begins; null when there is none.
    next_cursor: Option<String>,
}

/// Lists rows that a plugin could not bear.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "reading", params(PageQuery),
    responses((status = 200, description = "A page", body = DeadLettersPage)))]
pub(super) async fn dead_letters(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<DeadLettersPage>, Problem> {
    let (cursor, limit) = query.cursor_and_limit()?;
    let (dead_letters, next) = api.blocking(move |service| service.dead_letters(cursor, limit)).await?;
    Ok(Json(DeadLettersPage { dead_letters, next_cursor: next.map(|next| next.to_string()) }))
}
