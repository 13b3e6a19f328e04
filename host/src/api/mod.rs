//! The server's doors: HTTP routes over the service. The only room that knows HTTP, TLS, problem documents and
//! OpenAPI; it judges nothing, keeps nothing and touches no row.
//!
//! A request goes from the outside in: an answer for people and clients alike (`finish`) → panics become a 500 → who
//! asks and whether they may → how often they ask → how long it may take → the handler, which limits its body. There is
//! one table of routes (`routes`); the router, the rights and the document of the API are all made from it.

mod administration;
mod alerting;
mod body;
mod cases;
mod connections;
mod docs;
mod events;
mod health;
mod openapi;
mod plugins;
mod problem;
mod reading;
mod routes;
mod rules;
mod samples;
mod serve;
mod tls;

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;

use crate::access::{Principal, RateLimits, Right};
use crate::service::Service;
use crate::time::Millis;

pub use crate::catalog::config::{ServerSettings, TlsFiles};
pub use openapi::document;
pub use problem::{Problem, ProblemDocument};
pub use routes::ROUTES;
pub use serve::serve;
pub use tls::check as check_tls;

/// Who may come in through a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// Who was asked to report, by the token that the action was called with.
    Reports,
    /// Who has this right.
    Needs(Right),
}

/// How long a route may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As long as the settings let a request take.
    Timed,
    /// As long as its work needs: what compiles a component or copies the store is better waited for than cut off.
    /// Its body is still due in time.
    Patient,
}

/// One line of the table of routes.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// In small letters, as OpenAPI has it.
    pub method: &'static str,
    /// With its parameters in braces.
    pub path: &'static str,
    /// Who may come in.
    pub door: Door,
    /// How long it may take.
    pub pace: Pace,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
struct Api(Arc<Shared>);

struct Shared {
    service: Arc<Service>,
    settings: ServerSettings,
    limits: RateLimits,
    /// Bounds the threads and the memory that decompression and decoding take at once.
    decoders: Arc<Semaphore>,
    /// Room for bodies of samples, in units of [`samples::UNIT_BYTES`].
    waiting: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    /// True once the server is being stopped: streams of events end then.
    stopping: watch::Receiver<bool>,
    document: String,
    page: String,
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Api {
    fn new(
        service: Arc<Service>,
        settings: ServerSettings,
        stopping: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let document = document();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self(Arc::new(Shared {
            service,
            limits: RateLimits::new(settings.requests_per_s),
            decoders: Arc::new(Semaphore::new(cores)),
            waiting: Arc::new(Semaphore::new(settings.waiting_bytes_max / samples::UNIT_BYTES)),
            listeners: Arc::new(Semaphore::new(settings.events_listeners_max)),
            stopping,
            document: document.to_json()?,
            page: docs::page(&serde_json::to_value(&document)?),
            settings,
        })))
    }

    /// Who asks, if they may do this.
    fn let_in(&self, headers: &HeaderMap, right: Right) -> Result<Principal, Problem> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let gatekeeper = self.service.gatekeeper();
        let principal = gatekeeper.authenticate(shown, Millis::now())?;
        gatekeeper.authorize(&principal, right)?;
        Ok(principal)
    }

    /// Runs what blocks where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Service) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let service = Arc::clone(&self.service);
        tokio::task::spawn_blocking(move || work(&service)).await.map_err(|error| Problem::internal(&error))
    }
}

/// All routes over the service.
fn router(api: Api) -> Router {
    routes::table(&api)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(finish))
}

/// A route behind its door.
fn guarded(api: &Api, door: Door, pace: Pace, route: MethodRouter<Api>) -> MethodRouter<Api> {
    route.route_layer(middleware::from_fn_with_state((api.clone(), door, pace), guard))
}

async fn guard(
    State((api, door, pace)): State<(Api, Door, Pace)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Door::Needs(right) = door {
        let principal = api.let_in(request.headers(), right).and_then(|principal| {
            let limited = |wait| Problem::rate_limited(api.settings.requests_per_s, wait);
            api.limits.check(&principal).map_err(limited).map(|()| principal)
        });
        match principal {
            Ok(principal) => drop(request.extensions_mut().insert(principal)),
            Err(refusal) => {
                body::drain(request.into_body(), api.settings.body_bytes_max).await;
                return Err(refusal);
            }
        }
    }
    match pace {
        Pace::Patient => Ok(next.run(request).await),
        Pace::Timed => tokio::time::timeout(api.settings.request_timeout(), next.run(request))
            .await
            .map_err(|_| Problem::timed_out(api.settings.request_timeout_s)),
    }
}

/// Gives every answer its headers, every failure its problem document, and the log its line.
async fn finish(request: Request, next: Next) -> Response {
    let (method, uri, started) = (request.method().clone(), request.uri().clone(), Instant::now());
    let response = next.run(request).await;
    let mut response = problem::render(response, uri.path()).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    log(&method, uri.path(), &response, started.elapsed());
    response
}

fn log(method: &Method, path: &str, response: &Response, took: Duration) {
    let (status, took_ms) = (response.status(), took.as_secs_f64() * 1e3);
    if status.is_server_error() {
        let detail = response.extensions().get::<Problem>().map(Problem::detail).unwrap_or_default();
        tracing::error!(%method, path, status = status.as_u16(), took_ms, detail, "a request failed");
    } else {
        tracing::debug!(%method, path, status = status.as_u16(), took_ms, "a request was answered");
    }
}

async fn not_found(request: Request) -> Problem {
    Problem::not_found(request.uri().path())
}

async fn method_not_allowed(request: Request) -> Problem {
    Problem::method_not_allowed(request.method(), request.uri().path())
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("nothing readable");
    Problem::internal(&format!("a handler panicked: {said}")).into_response()
}
