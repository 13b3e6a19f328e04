//! The command line as a client of a server.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

/// Which server, and who asks.
#[derive(Clone, Debug, Args)]
pub(super) struct Server {
    /// The server
    #[arg(
        long,
        value_name = "URL",
        env = "LAPWING_SERVER",
        default_value = "http://127.0.0.1:7400",
        global = true
    )]
    server: String,
    /// A token; better given as a variable than as an argument, which others can see
    #[arg(long, value_name = "TOKEN", env = "LAPWING_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// Print the server's answer as it came
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// What is sent with a request.
pub(super) enum Body<'a> {
    None,
    Json(&'a Value),
    Component(&'a [u8], Option<String>),
}

impl Server {
    /// Asks the server; a problem it answers with is the error.
    pub(super) fn ask(&self, method: &str, path: &str, body: Body<'_>) -> Result<Value> {
        let token = self.token.as_deref().context("no token: set LAPWING_TOKEN")?;
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(120))).build().into();
        let url = format!("{}{path}", self.server.trim_end_matches('/'));
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("authorization", format!("Bearer {token}"));
        let answer = match body {
            Body::None => agent.run(request.body(())?),
            Body::Json(json) => {
                agent.run(request.header("content-type", "application/json").body(json.to_string())?)
            }
            Body::Component(bytes, signature) => {
                let mut request = request.header("content-type", "application/wasm");
                if let Some(signature) = signature {
                    request = request.header("lapwing-signature", signature);
                }
                agent.run(request.body(bytes)?)
            }
        };
        let mut answer = answer.with_context(|| format!("{url} does not answer"))?;
        let status = answer.status();
        let text = answer.body_mut().read_to_string().context("the answer cannot be read")?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(json);
        }
        let word = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        match (word("title"), word("detail")) {
            (title, _) if title.is_empty() => bail!("{url} answered {status}: {text}"),
            (title, detail) if detail.is_empty() => bail!("{title} ({status})"),
            (title, detail) => bail!("{title}: {detail} ({status})"),
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        self.ask("GET", path, Body::None)
    }

    /// Asks with a query; names and values are encoded.
    pub(super) fn query(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        self.get(&format!("{path}?{}", pairs.join("&")))
    }

    pub(super) fn post(&self, path: &str, json: &Value) -> Result<Value> {
        self.ask("POST", path, Body::Json(json))
    }
}

/// A value as it may stand in a URL.
pub(super) fn percent_encoded(value: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if keep(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// Prints an answer as it came.
pub(super) fn print(answer: &Value) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// A value in one cell of a table.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .filter(|number| number.fract() != 0.0)
            .map_or_else(|| number.to_string(), |number| format!("{number:.1}")),
        other => other.to_string(),
    }
}
