//! A stage for the component that does as it is told: grants, secrets, names and mail as a test wants them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use lapwing::outside::{
    Capabilities, Grants, History, HttpClient, Mailer, Means, Peer, Resolve, Resolving, Secret, Secrets,
    Series,
};
use lapwing::sandbox::contract::{ActionOutcome, ActionRequest, Failure};
use lapwing::sandbox::{ActionInstance, CallError, LoadError, Plugin, Sandbox};
use rustls::pki_types::CertificateDer;
use serde_json::Value;

/// RFC 4231, case 2.
pub(crate) const HOOK_SECRET: &str = "Jefe";
/// A secret of some length.
pub(crate) const PATH_SECRET: &str = "T0/B0/s3cret value";

pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(None).unwrap())
}

pub(crate) fn busybody() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
        let built = lapwing_componentize::components(&workspace, &["lapwing-busybody"], &target).unwrap();
        sandbox().load("busybody", &built[0]).unwrap()
    })
}

/// Answers names in the order in which a test says; the last answer stays.
#[derive(Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub(crate) asked: AtomicUsize,
}

impl Resolve for Names {
    fn resolve(&self, name: String) -> Resolving {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        let addresses = match answers.get_mut(&name) {
            Some(turns) if turns.len() > 1 => turns.remove(0),
            Some(turns) => turns[0].clone(),
            None => Vec::new(),
        };
        Box::pin(async move { Ok(addresses) })
    }
}

struct Safe;

impl Secrets for Safe {
    fn secret(&self, name: &str) -> Option<Secret> {
        let text = match name {
            "hook" => HOOK_SECRET,
            "path" => PATH_SECRET,
            "password" => "open sesame",
            _ => return None,
        };
        Some(Secret::new(text.to_owned()))
    }
}

/// The password of the mail server and other secrets.
pub(crate) fn secrets() -> Arc<dyn Secrets> {
    Arc::new(Safe)
}

struct Past;

impl History for Past {
    fn read(&self, system_id: &str, since: f64, limit: u32) -> Result<Vec<Series>, String> {
        if system_id != "db-1" {
            return Err(format!("there is no system {system_id:?}"));
        }
        let times: Vec<f64> = (0..limit).map(|at| since + f64::from(at)).collect();
        let values = times.clone();
        Ok(vec![Series { metric: "queue_depth".to_owned(), times, values }])
    }

    fn peers(&self, system_id: &str, limit: u32) -> Vec<Peer> {
        let peer = Peer { system_id: format!("{system_id}-peer"), system_type: "db".to_owned() };
        vec![peer; limit.min(3) as usize]
    }
}

#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) names: Arc<Names>,
    roots: Vec<CertificateDer<'static>>,
    mailer: Option<Mailer>,
    pub(crate) grants: Grants,
}

impl Stage {
    /// With grants as a configuration would have them.
    pub(crate) fn new(grants: &str) -> Self {
        let grants: Grants = toml::from_str(grants).unwrap();
        assert_eq!(grants.problems("grants"), Vec::<String>::new());
        Self { grants, ..Self::default() }
    }

    /// A name stands for each of these, one after the other.
    pub(crate) fn name(self, name: &str, turns: &[&[&str]]) -> Self {
        let turns =
            turns.iter().map(|turn| turn.iter().map(|text| text.parse().unwrap()).collect()).collect();
        self.names.answers.lock().unwrap().insert(name.to_owned(), turns);
        self
    }

    pub(crate) fn root(mut self, root: CertificateDer<'static>) -> Self {
        self.roots.push(root);
        self
    }

    pub(crate) fn mailer(self, mailer: Mailer) -> Self {
        Self { mailer: Some(mailer), ..self }
    }

    pub(crate) fn means(&self) -> Arc<Means> {
        let resolver = Arc::clone(&self.names) as Arc<dyn Resolve>;
        let http = HttpClient::new(&resolver, &self.roots).unwrap();
        Arc::new(Means {
            http: Some(http),
            secrets: secrets(),
            mailer: self.mailer.clone(),
            history: Arc::new(Past),
        })
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.grants.clone(), self.means())
    }

    pub(crate) async fn instance(&self) -> Acting {
        Acting::new(self.capabilities()).await
    }
}

/// An instance, and what it is told to do.
pub(crate) struct Acting(pub(crate) ActionInstance);

impl Acting {
    pub(crate) async fn new(capabilities: Capabilities) -> Self {
        Self(busybody().action("{}", capabilities).await.unwrap().0)
    }

    pub(crate) async fn within(stage: &Stage, deadline: Duration) -> Self {
        Self::new(stage.capabilities().within(deadline)).await
    }

    pub(crate) async fn run(&mut self, occasion: Value) -> Result<Result<ActionOutcome, Failure>, CallError> {
        let occasion = occasion.to_string();
        self.0.run(request(&occasion)).await
    }

    /// What it did.
    pub(crate) async fn does(&mut self, occasion: Value) -> String {
        self.run(occasion).await.unwrap().unwrap().summary
    }

    /// Why it did not, and whether it would try again.
    pub(crate) async fn fails(&mut self, occasion: Value) -> (String, bool) {
        let failure = self.run(occasion).await.unwrap().unwrap_err();
        (failure.reason, failure.retry)
    }

    /// What came of a request.
    pub(crate) async fn answer(&mut self, occasion: Value) -> BTreeMap<String, Value> {
        serde_json::from_str(&self.does(occasion).await).unwrap()
    }
}

pub(crate) fn request(occasion: &str) -> ActionRequest<'_> {
    ActionRequest { idempotency_key: "key-1", attempt: 1, now: 1.0, occasion }
}

/// Configures an instance that may do everything there is.
pub(crate) async fn configured(settings: &Value) -> Result<String, LoadError> {
    let stage = Stage::new(
        "hosts = [\"http://127.0.0.1:9\"]\nsecrets = [\"hook\"]\nmail = [\"@example.com\"]\nhistory = true",
    );
    let made = busybody().action(&settings.to_string(), stage.capabilities()).await;
    made.map(|(_, descriptor)| descriptor.description)
}
