//! Plugins: what they are, and pushing, shadowing, promoting and rolling them back while the server runs.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{self, Input, OptionalInput};
use super::{Api, Problem, ProblemDocument};
use crate::access::Principal;
use crate::service::Service;
use crate::service::{Diff, PluginLine, PluginView, Pushed, Stage, Swapped};

const SIGNATURE: &str = "lapwing-signature";

/// Every plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Plugins {
    /// By ascending name.
    plugins: Vec<PluginLine>,
}

/// Lists all plugins.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins",
    responses((status = 200, description = "All plugins", body = Plugins)))]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Plugins>, Problem> {
    let plugins = api.blocking(Service::plugins).await?;
    Ok(Json(Plugins { plugins }))
}

/// Shows everything about a plugin.
#[utoipa::path(get, path = "/api/v1/plugins/{name}", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses((status = 200, description = "The plugin", body = PluginView)))]
pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<PluginView>, Problem> {
    Ok(Json(api.blocking(move |service| service.plugin(&name)).await??))
}

/// What becomes of the component.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PushQuery {
    /// What it is to be: by default `shadow` when the plugin has a live version, else `live`.
    #[param(inline)]
    stage: Option<Stage>,
    /// Whether it may import more than the live version does.
    #[serde(default)]
    approve_imports: bool,
}

/// A WebAssembly component.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only describes the body")]
pub(super) struct Component(Vec<u8>);

/// Pushes a version of a plugin.
///
/// The body is the component. It is checked, compiled, and put where `stage` says between two batches; nothing stops.
#[utoipa::path(post, path = "/api/v1/plugins/{name}", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name"), PushQuery,
        ("Lapwing-Signature" = Option<String>, Header,
            description = "`ed25519 <key id> <base64 signature over the component's bytes>`")),
    request_body(content = Component, content_type = "application/wasm", description = "The component"),
    responses(
        (status = 201, description = "It is known now", body = Pushed),
        (status = 400, description = "It cannot be used (`invalid-component`)", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It imports more than the live version (`more-imports`)",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "It is too large (`too-large`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn push(
    State(api): State<Api>,
    Path(name): Path<String>,
    query: Result<Query<PushQuery>, QueryRejection>,
    Extension(by): Extension<Principal>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Pushed>), Problem> {
    // Read first: a connection closed over unread bytes takes the refusal with it.
    let limit = api.settings.decompressed_bytes_max;
    let component = body::read(&headers, body, limit, api.settings.body_timeout()).await?;
    let Query(PushQuery { stage, approve_imports }) =
        query.map_err(|refusal| Problem::invalid_request(refusal.body_text()))?;
    let signature = match headers.get(SIGNATURE).map(|value| value.to_str().map(str::to_owned)) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => {
            let detail = "Lapwing-Signature: found other characters than visible ASCII, expected \
                          ed25519 <key id> <base64 signature>";
            return Err(Problem::invalid_request(detail));
        }
    };
    let pushed = api
        .blocking(move |service| {
            service.push_plugin(&name, &component, stage, approve_imports, signature.as_deref(), &by)
        })
        .await??;
    Ok((StatusCode::CREATED, Json(pushed)))
}

/// Which version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// From 1.
    version: u32,
}

/// Runs a version beside the live one; it acts on nothing.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/shadow", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    request_body(content = Which, example = json!({"version": 3})),
    responses((status = 200, description = "The plugin as it is now", body = PluginView)))]
pub(super) async fn shadow(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
    Input(which): Input<Which>,
) -> Result<Json<PluginView>, Problem> {
    Ok(Json(api.blocking(move |service| service.shadow_plugin(&name, Some(which.version), &by)).await??))
}

/// Ends the shadow.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}/shadow", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses((status = 200, description = "The plugin as it is now", body = PluginView)))]
pub(super) async fn end_shadow(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<PluginView>, Problem> {
    Ok(Json(api.blocking(move |service| service.shadow_plugin(&name, None, &by)).await??))
}

/// Compares the live version and its shadow on the same rows.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/diff", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses(
        (status = 200, description = "The difference so far", body = Diff),
        (status = 409, description = "There is no shadow (`no-shadow`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn diff(State(api): State<Api>, Path(name): Path<String>) -> Result<Json<Diff>, Problem> {
    Ok(Json(api.blocking(move |service| service.diff_plugin(&name)).await??))
}

/// Which version, if not the obvious one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaybeWhich {
    /// From 1; the shadow unless said otherwise.
    version: Option<u32>,
}

/// Makes a version live, by default the shadow.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/promote", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    request_body(content = Option<MaybeWhich>, description = "May be left out"),
    responses(
        (status = 200, description = "What judges now", body = Swapped),
        (status = 409, description = "There is no shadow (`no-shadow`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn promote(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
    OptionalInput(which): OptionalInput<MaybeWhich>,
) -> Result<Json<Swapped>, Problem> {
    Ok(Json(api.blocking(move |service| service.promote_plugin(&name, which.version, &by)).await??))
}

/// Goes back to what was live before, with the settings of its rules as they were.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/rollback", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses(
        (status = 200, description = "What judges now", body = Swapped),
        (status = 409, description = "There was nothing before (`nothing-before`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn rollback(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<Swapped>, Problem> {
    Ok(Json(api.blocking(move |service| service.rollback_plugin(&name, &by)).await??))
}

/// Lets a plugin judge.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/enable", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses((status = 200, description = "The plugin as it is now", body = PluginView)))]
pub(super) async fn enable(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<PluginView>, Problem> {
    Ok(Json(api.blocking(move |service| service.enable_plugin(&name, true, &by)).await??))
}

/// Keeps a plugin from judging.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/disable", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses((status = 200, description = "The plugin as it is now", body = PluginView)))]
pub(super) async fn disable(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<PluginView>, Problem> {
    Ok(Json(api.blocking(move |service| service.enable_plugin(&name, false, &by)).await??))
}

/// Lifts the quarantine of all rules of a plugin by hand.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/release", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses((status = 200, description = "The plugin as it is now", body = PluginView)))]
pub(super) async fn release(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<PluginView>, Problem> {
    Ok(Json(api.blocking(move |service| service.release_plugin(&name, &by)).await??))
}

/// Deletes a plugin with all its versions.
///
/// One that ships with Lapwing can only be disabled.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "A rule of the configuration needs it (`in-use`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn delete(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    remove(&api, name, None, by).await
}

/// Deletes a version that is neither live nor a shadow.
#[utoipa::path(delete, path = "/api/v1/plugins/{name}/versions/{version}", tag = "plugins",
    params(("name" = String, Path, description = "The plugin's name"),
        ("version" = u32, Path, description = "From 1")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "It is live or a shadow (`is-live`)", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn delete_version(
    State(api): State<Api>,
    Path((name, version)): Path<(String, u32)>,
    Extension(by): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    remove(&api, name, Some(version), by).await
}

async fn remove(api: &Api, name: String, version: Option<u32>, by: Principal) -> Result<StatusCode, Problem> {
    api.blocking(move |service| service.delete_plugin(&name, version, &by)).await??;
    Ok(StatusCode::NO_CONTENT)
}
