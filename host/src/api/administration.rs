//! Tokens, the audit log, the configuration and backups: what only an administrator may do.

use std::path::PathBuf;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Input;
use super::reading::PageQuery;
use super::{Api, Problem, ProblemDocument};
use crate::access::{Principal, Role};
use crate::service::{AuditEntry, Service, TokenView};

/// Every token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    /// The oldest first; revoked ones too.
    tokens: Vec<TokenView>,
}

/// Lists all tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "administration",
    responses((status = 200, description = "All tokens", body = Tokens)))]
pub(super) async fn tokens(State(api): State<Api>) -> Result<Json<Tokens>, Problem> {
    let tokens = api.blocking(Service::tokens).await?;
    Ok(Json(Tokens { tokens }))
}

/// The token that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// For people.
    name: String,
    /// What its owner may do.
    role: Role,
    /// For the role `ingest`: the systems whose samples and goodbyes it is good for, as ids or beginnings of ids before a `*`;
    /// all, unless given.
    #[serde(default)]
    systems: Vec<String>,
    /// After so many seconds it is no longer good; without it, it is good until it is revoked.
    expires_in_s: Option<u64>,
}

/// A token with its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedToken {
    /// The secret. It is shown this once and kept nowhere.
    token: String,
    /// What is known of it.
    #[serde(flatten)]
    record: TokenView,
}

/// Creates a token. Its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "administration",
    request_body(content = NewToken, example = json!({"name": "collector", "role": "ingest"})),
    responses((status = 201, description = "The token", body = CreatedToken)))]
pub(super) async fn create_token(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    Input(NewToken { name, role, systems, expires_in_s }): Input<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let (token, record) =
        api.blocking(move |service| service.create_token(&name, role, systems, expires_in_s, &by)).await??;
    let token = token.as_str().to_owned();
    Ok((StatusCode::CREATED, Json(CreatedToken { token, record })))
}

/// Revokes a token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "administration",
    params(("id" = String, Path, description = "The token's id, not its secret")),
    responses((status = 200, description = "The token, which is no longer good", body = TokenView)))]
pub(super) async fn revoke_token(
    State(api): State<Api>,
    Path(id): Path<String>,
    Extension(by): Extension<Principal>,
) -> Result<Json<TokenView>, Problem> {
    Ok(Json(api.blocking(move |service| service.revoke_token(&id, &by)).await??))
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditPage {
    /// The newest first.
    entries: Vec<AuditEntry>,
    /// Where the next page begins; null when there is none.
    next_cursor: Option<String>,
}

/// Lists who changed what, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "administration", params(PageQuery),
    responses((status = 200, description = "A page", body = AuditPage)))]
pub(super) async fn audit(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let (cursor, limit) = query.cursor_and_limit()?;
    let (entries, next) = api.blocking(move |service| service.audit(cursor, limit)).await?;
    Ok(Json(AuditPage { entries, next_cursor: next.map(|next| next.to_string()) }))
}

/// What a reload changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reloaded {
    /// The keys that have other values now.
    changed: Vec<String>,
}

/// Reads the configuration again, as SIGHUP does.
///
/// If anything in it is wrong, all of that is listed and nothing changes.
#[utoipa::path(post, path = "/api/v1/configuration/reload", tag = "administration",
    responses(
        (status = 200, description = "What changed", body = Reloaded),
        (status = 400, description = "It is wrong (`invalid-configuration`, with `problems`)",
            body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn reload(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
) -> Result<Json<Reloaded>, Problem> {
    let changed = api.blocking(move |service| service.reload(&by)).await??;
    Ok(Json(Reloaded { changed }))
}

/// Where the copy is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupPlace {
    /// A directory on the server that is not there yet, or empty; an absolute path.
    #[schema(value_type = String)]
    directory: PathBuf,
}

/// A copy of the store.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackedUp {
    /// Where it lies.
    #[schema(value_type = String)]
    directory: PathBuf,
    /// Records in it.
    records: u64,
}

/// Copies the store while it is in use.
#[utoipa::path(post, path = "/api/v1/store/backup", tag = "administration",
    request_body(content = BackupPlace, example = json!({"directory": "/var/backups/lapwing/2026-01-31"})),
    responses((status = 200, description = "The copy is whole and on the disk", body = BackedUp)))]
pub(super) async fn backup(
    State(api): State<Api>,
    Extension(by): Extension<Principal>,
    Input(BackupPlace { directory }): Input<BackupPlace>,
) -> Result<Json<BackedUp>, Problem> {
    if !directory.is_absolute() {
        let detail = format!("directory: found {}, expected an absolute path", directory.display());
        return Err(Problem::invalid_request(detail));
    }
    let place = directory.clone();
    let records = api.blocking(move |service| service.backup(&place, &by)).await??;
    Ok(Json(BackedUp { directory, records }))
}
