//! An action that does what the occasion says, well or badly.
#![allow(clippy::panic, reason = "it is what it is for")]

use serde_json::{Value, json};

use crate::bindings::exports::lapwing::plugin::action::{
    Attachment, BlockEntry, Descriptor, Effect, Failure, Guest, Outcome, Request,
};
use crate::bindings::lapwing::plugin::{history, http, log, mail, secrets};

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "action-plugin" });
}

struct Busybody;

impl Guest for Busybody {
    fn configure(settings: String) -> Result<Descriptor, String> {
        let settings: Value = serde_json::from_str(&settings).map_err(|error| error.to_string())?;
        let description = match act(&settings, "configure") {
            Ok(outcome) => outcome.summary,
            Err(failure) if text(&settings, "op") == "refuse" => return Err(failure.reason),
            Err(failure) => failure.reason,
        };
        Ok(Descriptor { name: "Busybody".to_owned(), description, undoes: true })
    }

    fn run(request: Request) -> Result<Outcome, Failure> {
        let occasion: Value = serde_json::from_str(&request.occasion).unwrap_or_default();
        act(&occasion, &request.idempotency_key)
    }

    fn undo(request: Request) -> Result<Outcome, Failure> {
        let summary = format!("undone {} in try {}", request.idempotency_key, request.attempt);
        Ok(Outcome { summary, effects: Vec::new() })
    }
}

fn act(what: &Value, key: &str) -> Result<Outcome, Failure> {
    let mut effects = Vec::new();
    let summary = match text(what, "op").as_str() {
        "http" => send(what, key)?,
        "leak" => leak(what)?,
        "sign" => secrets::sign(&text(what, "name"), text(what, "message").as_bytes()).map_err(lasting)?,
        "mail" => mail_out(what, key)?,
        "history" => read(what)?,
        "peers" => {
            let peers = history::peers(&text(what, "system"), number(what, "limit") as u32);
            format!("{} peers", peers.len())
        }
        "effects" => {
            let attachment = Attachment {
                name: "a.json".to_owned(),
                media_type: "application/json".to_owned(),
                content: vec![b' '; number(what, "bytes") as usize],
            };
            let block = BlockEntry {
                subject: text(what, "subject"),
                reason: "asked to".to_owned(),
                lasts_s: number(what, "lasts_s") as u32,
            };
            effects = vec![Effect::Attach(attachment), Effect::Block(block)];
            "effects".to_owned()
        }
        "fail" => {
            let after_s = what
                .get("after_s")
                .and_then(Value::as_f64)
                .map(|after| if after < 0.0 { f64::NAN } else { after });
            return Err(Failure { reason: "asked to".to_owned(), retry: true, after_s });
        }
        "refuse" => return Err(lasting("asked to".to_owned())),
        "loop" => loop {
            std::hint::black_box(());
        },
        "compute" => {
            let mut sum = 0u64;
            for at in 0..number(what, "rounds") {
                sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(at));
            }
            sum.to_string()
        }
        "memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1u8; 1 << 20]));
            }
        }
        "panic" => {
            log::write(log::Level::Error, "about to panic");
            panic!("asked to")
        }
        "flood" => {
            for line in 0..number(what, "lines") {
                log::write(log::Level::Info, &format!("line {line}"));
            }
            "flooded".to_owned()
        }
        _ => "nothing".to_owned(),
    };
    Ok(Outcome { summary, effects })
}

/// Sends `times` requests and says what the last answer was.
fn send(what: &Value, key: &str) -> Result<String, Failure> {
    let mut headers = vec![http::Header { name: "idempotency-key".to_owned(), value: key.to_owned() }];
    for (name, value) in what.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().to_owned();
        headers.push(http::Header { name: name.clone(), value });
    }
    let mut url = text(what, "url");
    let secret = text(what, "secret_path");
    if !secret.is_empty() {
        url.push_str(&secrets::get(&secret).map_err(lasting)?);
    }
    let body = match number(what, "body_bytes") {
        0 => text(what, "body").into_bytes(),
        bytes => vec![b'x'; bytes as usize],
    };
    let method = what.get("method").and_then(Value::as_str).unwrap_or("POST").to_owned();
    let mut said = String::new();
    for _ in 0..number(what, "times").max(1) {
        let request = http::Request {
            method: method.clone(),
            url: url.clone(),
            headers: headers.clone(),
            body: body.clone(),
        };
        let answer = http::send(&request).map_err(|error| match error {
            http::Error::Refused(reason) => lasting(format!("refused: {reason}")),
            http::Error::Unreachable(reason) => passing(format!("unreachable: {reason}")),
            http::Error::Timeout => passing("timeout".to_owned()),
        })?;
        let begin: Vec<u8> = answer.body.iter().take(64).copied().collect();
        let location = answer.headers.iter().find(|header| header.name == "location");
        said = json!({
            "status": answer.status,
            "bytes": answer.body.len(),
            "begin": String::from_utf8_lossy(&begin),
            "location": location.map(|header| &header.value),
        })
        .to_string();
    }
    Ok(said)
}

fn leak(what: &Value) -> Result<String, Failure> {
    let secret = secrets::get(&text(what, "name")).map_err(lasting)?;
    log::write(log::Level::Warn, &format!("the secret is {secret}"));
    Ok(format!("{} bytes: {secret}", secret.len()))
}

fn mail_out(what: &Value, key: &str) -> Result<String, Failure> {
    let html = what.get("html").and_then(Value::as_str).map(str::to_owned);
    let in_reply_to = what.get("in_reply_to").and_then(Value::as_str).map(str::to_owned);
    let message = mail::Message {
        recipients: text(what, "to").split(',').map(str::to_owned).collect(),
        subject: text(what, "subject"),
        text: text(what, "text"),
        html,
        id: format!("{key}@lapwing"),
        in_reply_to,
    };
    match mail::send(&message) {
        Ok(()) => Ok("sent".to_owned()),
        Err(mail::Error::Refused(reason)) => Err(lasting(format!("refused: {reason}"))),
        Err(mail::Error::Unreachable(reason)) => Err(passing(format!("unreachable: {reason}"))),
        Err(mail::Error::Timeout) => Err(passing("timeout".to_owned())),
    }
}

fn read(what: &Value) -> Result<String, Failure> {
    let limit = number(what, "limit") as u32;
    let series = history::read(&text(what, "system"), 0.0, limit).map_err(lasting)?;
    let first = series.first().map(|series| (&series.metric, series.times.len(), series.values.len()));
    Ok(format!("{} series, {first:?}", series.len()))
}

fn text(what: &Value, field: &str) -> String {
    what.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(what: &Value, field: &str) -> u64 {
    what.get(field).and_then(Value::as_u64).unwrap_or_default()
}

fn lasting(reason: String) -> Failure {
    Failure { reason, retry: false, after_s: None }
}

fn passing(reason: String) -> Failure {
    Failure { reason, retry: true, after_s: None }
}

bindings::export!(Busybody with_types_in bindings);
