//! Actions: what is done about a detection.

mod effects;
mod export;
mod host;
mod http;
#[cfg(target_arch = "wasm32")]
mod imports;
mod occasion;
mod runbook;
mod time;

use serde::de::DeserializeOwned;

pub use effects::{Effect, Failure, Outcome};
#[doc(hidden)]
pub use export::{Slot, configure, run, undo};
pub use host::{Host, Message, Peer, Series};
pub use http::{Response, endpoint, signed};
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub use imports::Imports;
pub use occasion::{Condition, Detection, Evidence, Kind, Occasion, Report};
pub use runbook::{Endpoints, Runbook, RunbookSettings};
pub use time::{rfc3339, time_of_day};

use crate::bindings::action::lapwing::plugin as wit;

/// A request over HTTP. It starts as [`post`](HttpRequest::post) or [`delete`](HttpRequest::delete).
pub type HttpRequest = wit::http::Request;
/// Why there is no answer over HTTP.
pub type HttpError = wit::http::Error;
/// Why a mail was not sent.
pub type MailError = wit::mail::Error;

/// Why an action is called, and about what.
#[derive(Clone, Debug)]
pub struct Request {
    /// The idempotency key: the same on every try of the same owed action.
    pub key: String,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// The time of this try, in seconds since the Unix epoch.
    pub now: f64,
    /// What it is about.
    pub occasion: Occasion,
}

/// An action. It is called at least once for whatever is owed, so a second call with the same key must do no harm.
///
/// ```
/// use lapwing_sdk::action::{Action, Failure, Host, HttpRequest, Outcome, Request, signed};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// pub struct OpenTicket {
///     url: String,
///     secret: String,
/// }
///
/// impl Action for OpenTicket {
///     type Settings = Self;
///     const UNDOES: bool = false;
///
///     fn configure(settings: Self) -> Result<Self, String> {
///         lapwing_sdk::action::endpoint("url", &settings.url)?;
///         Ok(settings)
///     }
///
///     fn describe(&self) -> (&str, &str) {
///         ("Open ticket", "Opens a ticket for a detection")
///     }
///
///     fn run(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
///         let body = serde_json::json!({ "subject": request.occasion.title });
///         let post = signed(HttpRequest::post(&self.url).json(&body), request, &self.secret, host)?;
///         host.http(&post)?.settled()?;
///         Ok(Outcome::new("opened a ticket"))
///     }
/// }
///
/// lapwing_sdk::export_action!(OpenTicket);
/// ```
pub trait Action: Sized + 'static {
    /// The plugin's own settings.
    type Settings: DeserializeOwned;

    /// Whether [`undo`](Action::undo) does something.
    const UNDOES: bool;

    /// Makes the action from its settings. The host's services are not there yet.
    ///
    /// # Errors
    /// A sentence for the operator that names the setting.
    fn configure(settings: Self::Settings) -> Result<Self, String>;

    /// What to call it, and one sentence on what it does.
    fn describe(&self) -> (&str, &str);

    /// Acts.
    ///
    /// # Errors
    /// What went wrong, and whether to try again.
    fn run(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure>;

    /// Takes back what [`run`](Action::run) did for the same key. Also called where `run` failed half-way.
    ///
    /// # Errors
    /// What went wrong, and whether to try again.
    fn undo(&self, _request: &Request, _host: &dyn Host) -> Result<Outcome, Failure> {
        Err(Failure::permanent("this action cannot be taken back"))
    }
}
