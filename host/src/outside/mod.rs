//! What actions reach outside: hosts, mail, secrets and the history of systems, each only as far as an operator granted
//! it. Nothing here knows of components.
//!
//! An action's instance gets [`Capabilities`]; each has a [`Session`] through which its calls go. A host that is not
//! granted is refused by name before anything is looked up; a name that leads into the operator's own network is refused
//! before anything is connected.

mod address;
mod capabilities;
mod grants;
mod history;
mod host_grant;
mod http;
mod mail;
mod notes;
mod probe;
mod resolve;
mod secrets;
mod session;

pub use capabilities::{Capabilities, Means};
pub use grants::Grants;
pub use history::{History, NoHistory, Peer, Series};
pub use host_grant::{HostGrant, HostGrantError};
pub use http::{HttpClient, HttpRequest, HttpResponse, OutsideError, TlsError};
pub use mail::{MailMessage, MailSettings, MailSetupError, MailTls, Mailer};
pub use notes::{Noted, Notes};
pub use probe::{Door, ProbeTarget, ProbeTargetError};
pub use resolve::{Resolve, Resolving, SystemResolver};
pub use secrets::{Secret, SecretSource, SecretStore, Secrets};
pub use session::{Session, Usage};
