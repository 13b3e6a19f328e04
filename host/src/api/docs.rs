//! `/docs`: the document as one page for people. Nothing in it is fetched from anywhere, and nothing in it runs.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Only the page's own style; its digest is checked by a test.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'sha256-G7X1x/RVDnq03UwFziIoZ3xqixV4qYvNm3WfO2PbxRc='; \
                                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("docs.css");
/// As shown in examples.
const SERVER: &str = "http://127.0.0.1:7400";

/// The page.
pub(super) fn page(document: &Value) -> String {
    Page { document, html: String::with_capacity(1 << 17) }.whole().unwrap_or_default()
}

struct Page<'a> {
    document: &'a Value,
    html: String,
}

type Written = Result<(), std::fmt::Error>;

impl Page<'_> {
    fn whole(mut self) -> Result<String, std::fmt::Error> {
        let info = &self.document["info"];
        let (title, version) = (escaped(text(&info["title"])), escaped(text(&info["version"])));
        write!(
            self.html,
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title} API</title><style>{STYLE}</style></head><body><header>\
             <h1>{title} <small>{version}</small></h1><p>{}</p>\
             <p>Made from <a href=\"/openapi.json\">/openapi.json</a>.</p></header>",
            prose(text(&info["description"]))
        )?;
        self.contents()?;
        self.html.push_str("<main>");
        for tag in elements(&self.document["tags"]) {
            let name = text(&tag["name"]);
            write!(
                self.html,
                "<section><h2 id=\"{0}\">{0}</h2><p>{1}</p>",
                escaped(name),
                prose(text(&tag["description"]))
            )?;
            for (method, path, operation) in operations(self.document, name) {
                self.operation(method, path, operation)?;
            }
            self.html.push_str("</section>");
        }
        self.html.push_str("<section><h2 id=\"shapes\">shapes</h2>");
        for (name, schema) in members(&self.document["components"]["schemas"]) {
            self.shape(name, schema)?;
        }
        self.html.push_str("</section></main></body></html>");
        Ok(self.html)
    }

    fn contents(&mut self) -> Written {
        self.html.push_str("<nav>");
        for tag in elements(&self.document["tags"]) {
            let name = text(&tag["name"]);
            write!(self.html, "<a class=\"group\" href=\"#{0}\">{0}</a>", escaped(name))?;
            for (method, path, _) in operations(self.document, name) {
                write!(
                    self.html,
                    "<a href=\"#{}\"><b class=\"{method}\">{method}</b> {}</a>",
                    anchor(method, path),
                    escaped(path)
                )?;
            }
        }
        self.html.push_str("<a class=\"group\" href=\"#shapes\">shapes</a></nav>");
        Ok(())
    }

    fn operation(&mut self, method: &str, path: &str, operation: &Value) -> Written {
        write!(
            self.html,
            "<article id=\"{}\"><h3><b class=\"{method}\">{method}</b> <code>{}</code></h3>\
             <p class=\"summary\">{}</p>",
            anchor(method, path),
            escaped(path),
            prose(text(&operation["summary"]))
        )?;
        if let Some(description) = operation["description"].as_str() {
            write!(self.html, "<p>{}</p>", prose(description))?;
        }
        let roles: Vec<_> = elements(&operation["x-roles"]).map(text).collect();
        let roles = if roles.is_empty() { "everybody, without a token".to_owned() } else { roles.join(", ") };
        write!(self.html, "<p class=\"roles\">For {roles}.</p>")?;
        self.parameters(&operation["parameters"])?;
        self.body(&operation["requestBody"])?;
        self.html.push_str("<h4>Answers</h4><table>");
        for (status, response) in members(&operation["responses"]) {
            write!(
                self.html,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escaped(status),
                prose(text(&response["description"])),
                contents_of(&response["content"])
            )?;
        }
        write!(
            self.html,
            "</table><h4>Example</h4><pre>{}</pre></article>",
            escaped(&curl(method, path, operation))
        )
    }

    fn parameters(&mut self, parameters: &Value) -> Written {
        if elements(parameters).next().is_none() {
            return Ok(());
        }
        self.html.push_str("<h4>Parameters</h4><table>");
        for parameter in elements(parameters) {
            let needed = if parameter["required"] == Value::Bool(true) { "" } else { ", may be left out" };
            write!(
                self.html,
                "<tr><td><code>{}</code></td><td>{}<br><small>in the {}{needed}</small></td><td>{}</td></tr>",
                escaped(text(&parameter["name"])),
                kind(&parameter["schema"]),
                escaped(text(&parameter["in"])),
                prose(text(&parameter["description"]))
            )?;
        }
        self.html.push_str("</table>");
        Ok(())
    }

    fn body(&mut self, body: &Value) -> Written {
        if body.is_null() {
            return Ok(());
        }
        write!(
            self.html,
            "<h4>Body</h4><p>{} {}</p>",
            prose(text(&body["description"])),
            contents_of(&body["content"])
        )
    }

    fn shape(&mut self, name: &str, schema: &Value) -> Written {
        write!(self.html, "<article id=\"shape-{0}\"><h3><code>{0}</code></h3>", escaped(name))?;
        if let Some(description) = schema["description"].as_str() {
            write!(self.html, "<p>{}</p>", prose(description))?;
        }
        let parts: Vec<_> = elements(&schema["allOf"]).collect();
        let parts = if parts.is_empty() { vec![schema] } else { parts };
        for part in parts {
            if part["properties"].is_null() {
                write!(self.html, "<p>{}</p>", kind(part))?;
                continue;
            }
            self.html.push_str("<table>");
            for (name, property) in members(&part["properties"]) {
                write!(
                    self.html,
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                    escaped(name),
                    kind(property),
                    prose(text(&property["description"]))
                )?;
            }
            self.html.push_str("</table>");
        }
        self.html.push_str("</article>");
        Ok(())
    }
}

/// The operations of a group, in the document's order.
fn operations<'a>(
    document: &'a Value,
    tag: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> + 'a {
    let of_path = |(path, item): (&'a String, &'a Value)| {
        members(item).map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    };
    members(&document["paths"])
        .flat_map(of_path)
        .filter(move |(_, _, operation)| operation["tags"][0].as_str() == Some(tag))
}

/// Content types with what is in them.
fn contents_of(content: &Value) -> String {
    let of = |(name, content): (&String, &Value)| {
        format!("{} <small>{}</small>", kind(&content["schema"]), escaped(name))
    };
    members(content).map(of).collect::<Vec<_>>().join("<br>")
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    let choices: Vec<_> =
        ["oneOf", "anyOf"].iter().flat_map(|key| elements(&schema[*key])).map(kind).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let values: Vec<_> = elements(&schema["enum"]).map(Value::to_string).collect();
    if !values.is_empty() {
        return format!("<code>{}</code>", escaped(&values.join(" | ")));
    }
    let named = |name: &str| match name {
        "array" if schema["items"].is_object() => format!("list of {}", kind(&schema["items"])),
        "array" => "list".to_owned(),
        name => match schema["format"].as_str() {
            Some(format) if name != "null" => format!("{} <small>{}</small>", escaped(name), escaped(format)),
            _ => escaped(name),
        },
    };
    match &schema["type"] {
        Value::String(name) => named(name),
        Value::Array(names) => names.iter().map(|name| named(text(name))).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

fn curl(method: &str, path: &str, operation: &Value) -> String {
    let mut command = "curl".to_owned();
    if method != "get" {
        command += &format!(" -X {}", method.to_uppercase());
    }
    command += &format!(" '{SERVER}{path}'");
    if elements(&operation["security"]).next().is_some() {
        command += " \\\n  -H \"Authorization: Bearer $LAPWING_TOKEN\"";
    }
    if operation["responses"]["200"]["content"]["text/event-stream"].is_object() {
        command += " \\\n  --no-buffer";
    }
    let Some((name, content)) = members(&operation["requestBody"]["content"]).next() else { return command };
    let body = match &content["example"] {
        Value::Null => "--data-binary @body".to_owned(),
        example => format!("-d '{example}'"),
    };
    command + &format!(" \\\n  -H 'Content-Type: {name}' \\\n  {body}")
}

fn anchor(method: &str, path: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    format!("{method}{}", path.chars().map(plain).collect::<String>())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text in which what stands between backticks is code.
fn prose(text: &str) -> String {
    let piece = |(index, piece): (usize, &str)| {
        if index % 2 == 1 { format!("<code>{}</code>", escaped(piece)) } else { escaped(piece) }
    };
    text.split('`').enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests;
