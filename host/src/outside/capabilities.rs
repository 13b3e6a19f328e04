//! What one action may do: its grants, and the means to use them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::grants::Grants;
use super::history::History;
use super::http::HttpClient;
use super::mail::{MailSettings, Mailer};
use super::notes::{Notebook, Notes};
use super::resolve::{Resolve, SystemResolver};
use super::secrets::{SecretSource, SecretStore, Secrets};
use crate::limits::ACTION_DEADLINE;

/// What the host has to reach the outside with. All actions share it.
#[derive(Clone)]
pub struct Means {
    /// Sends requests, if TLS could be set up.
    pub http: Option<HttpClient>,
    /// Knows secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Sends mail, if the operator has a server for it.
    pub mailer: Option<Mailer>,
    /// Reads what is kept of systems.
    pub history: Arc<dyn History>,
}

impl Means {
    /// What the configuration says, with a client that trusts Mozilla's root certificates. What is wrong with secrets or
    /// mail is told beside it; actions that need those will say so.
    #[must_use]
    pub fn new(
        secrets: &BTreeMap<String, SecretSource>,
        mail: Option<&MailSettings>,
        history: Arc<dyn History>,
    ) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let secrets = SecretStore::load(secrets).unwrap_or_else(|missing| {
            problems.extend(missing);
            SecretStore::default()
        });
        let mailer = mail.and_then(|settings| match Mailer::new(settings, &secrets, &[]) {
            Ok(mailer) => Some(mailer),
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        });
        let resolver: Arc<dyn Resolve> = Arc::new(SystemResolver);
        let http = HttpClient::new(&resolver, &[]);
        let http = http.map_err(|error| problems.push(format!("HTTPS cannot be set up: {error}"))).ok();
        (Self { http, secrets: Arc::new(secrets), mailer, history }, problems)
    }
}

/// What one action may do. Cheap to clone.
#[derive(Clone)]
pub struct Capabilities {
    pub(super) grants: Arc<Grants>,
    pub(super) means: Arc<Means>,
    pub(super) notebook: Option<Arc<Notebook>>,
    deadline: Duration,
}

impl Capabilities {
    /// What `grants` says, done with `means`; a call may take [`ACTION_DEADLINE`].
    #[must_use]
    pub fn new(grants: Grants, means: Arc<Means>) -> Self {
        Self { grants: Arc::new(grants), means, notebook: None, deadline: ACTION_DEADLINE }
    }

    /// The same with another deadline for a whole call, waiting for others included.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The same, but nothing leaves: grants are checked, and what would have been sent is noted.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { notebook: Some(Arc::default()), ..self }
    }

    /// Takes what a dry run has noted so far; nothing if it is none.
    #[must_use]
    pub fn take_notes(&self) -> Notes {
        self.notebook.as_ref().map(|notebook| notebook.take()).unwrap_or_default()
    }

    /// How long a whole call may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
}
