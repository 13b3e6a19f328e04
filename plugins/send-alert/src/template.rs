//! Templates over the occasion, in the operator's words.

use lapwing_sdk::action::Occasion;
use minijinja::machinery::{Token, tokenize};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, escape_formatter};

/// The longest template, in bytes.
const SOURCE_BYTES_MAX: usize = 16 << 10;
/// The longest text that comes of one, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The title, unless there is a template for it.
pub(crate) const TITLE: &str = "{% if kind == 'resolved' %}Resolved: {% elif kind == 'repeat' %}Still: \
     {% elif kind == 'flapping' %}Flapping: {% elif kind == 'escalation' %}Escalated to level {{ level }}: \
     {% elif kind == 'canary' %}Test: {% endif %}{{ title }}";

/// The text, unless there is a template for it.
pub(crate) const TEXT: &str = "\
{% for detection in detections[:10] -%}
{{ detection.system_id }} ({{ detection.severity }}{% if detection.resolved_at %}, resolved {{ detection.resolved_at }}\
{% endif %}): {{ detection.description }}
{% endfor -%}
{% if firing + resolved > 10 and detections|length > 10 %}and {{ firing + resolved - 10 }} more
{% endif -%}
{% if behind %}{{ behind }} more depend on these and are held back
{% endif -%}
{% if links.detection %}{{ links.detection }}
{% endif -%}";

/// What of the values is escaped on the way into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Nothing: the text is plain.
    Nothing,
    /// `&`, `<` and `>`, which Slack reads as marks: a name must not become a mention of everybody.
    Slack,
}

/// A template that has been checked.
pub(crate) struct Template {
    setting: &'static str,
    environment: Environment<'static>,
}

/// What came of a template.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) text: String,
    /// Why the default is used in place of the operator's template.
    pub(crate) problem: Option<String>,
}

impl Template {
    /// Checks the template that the setting gives: syntax, and the names of filters, tests, functions and values.
    pub(crate) fn new(setting: &'static str, source: String, escape: Escape) -> Result<Self, String> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(format!(
                "{setting} has {} bytes, at most {SOURCE_BYTES_MAX} are allowed",
                source.len()
            ));
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        if escape == Escape::Slack {
            environment.set_auto_escape_callback(|_| AutoEscape::Custom("slack".into()));
            environment.set_formatter(|out, state, value| match state.auto_escape() {
                AutoEscape::Custom(_) if !value.is_safe() && !value.is_none() && !value.is_undefined() => {
                    Ok(out.write_str(&escape_slack(&value.to_string()))?)
                }
                AutoEscape::Custom(_) if value.is_none() || value.is_undefined() => Ok(()),
                AutoEscape::Custom(_) => Ok(out.write_str(&value.to_string())?),
                _ => escape_formatter(out, state, value),
            });
        } else {
            environment.set_auto_escape_callback(|_| AutoEscape::None);
        }
        check_names(setting, &environment, &source)?;
        environment.add_template_owned("t", source).map_err(|error| {
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            format!("{setting}, line {}: {detail}", error.line().unwrap_or(1))
        })?;
        let template = Self { setting, environment };
        template.check_values()?;
        Ok(template)
    }

    /// A misspelt value would be empty in every alert.
    fn check_values(&self) -> Result<(), String> {
        let Ok(template) = self.environment.get_template("t") else { return Ok(()) };
        let known = [
            "kind",
            "dedup_key",
            "title",
            "severity",
            "level",
            "audience",
            "route",
            "group",
            "common",
            "firing",
            "resolved",
            "behind",
            "detections",
            "links",
            "range",
            "dict",
            "namespace",
        ];
        let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !known.contains(&name.as_str()));
        unknown.sort();
        match unknown.first() {
            Some(name) => Err(format!("{}: there is no `{name}` in an occasion", self.setting)),
            None => Ok(()),
        }
    }

    fn render(&self, occasion: &Occasion) -> Result<String, String> {
        let rendered =
            self.environment.get_template("t").and_then(|t| t.render(Value::from(Serde(occasion))));
        let mut text = rendered.map_err(|error| {
            let line = error.line().unwrap_or(1);
            format!("the template {} failed in line {line}: {error}", self.setting)
        })?;
        if text.len() > TEXT_BYTES_MAX {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        }
        Ok(text)
    }
}

/// The operator's template and the one in its place, if there is none or it fails.
pub(crate) struct Wording {
    own: Option<Template>,
    default: Template,
}

impl Wording {
    pub(crate) fn title(own: Option<Template>, escape: Escape) -> Result<Self, String> {
        Ok(Self { own, default: Template::new("title", TITLE.to_owned(), escape)? })
    }

    pub(crate) fn text(own: Option<Template>, escape: Escape) -> Result<Self, String> {
        Ok(Self { own, default: Template::new("text", TEXT.to_owned(), escape)? })
    }

    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    pub(crate) fn words(&self, occasion: &Occasion) -> Words {
        let problem = match self.own.as_ref().map(|template| template.render(occasion)) {
            Some(Ok(text)) => return Words { text: text.trim().to_owned(), problem: None },
            Some(Err(problem)) => Some(problem),
            None => None,
        };
        let text = self.default.render(occasion).unwrap_or_else(|_| occasion.title.clone());
        Words { text: text.trim().to_owned(), problem }
    }
}

/// Refuses filters and tests that do not exist. The engine itself would notice them in the first alert that needs them.
fn check_names(setting: &str, environment: &Environment<'_>, source: &str) -> Result<(), String> {
    let mut expected: Option<&str> = None;
    for token in tokenize(source, false, Default::default()) {
        // What cannot be cut into tokens is refused with its place by the parser.
        let Ok((token, span)) = token else { return Ok(()) };
        let mut state = environment.empty_state();
        let (next, unknown) = match (expected, &token) {
            (_, Token::Pipe) => (Some("filter"), None),
            (Some("filter"), Token::Ident(name)) => {
                let error = state.apply_filter(name, &[]).err();
                (None, error.filter(|error| error.kind() == ErrorKind::UnknownFilter).map(|_| *name))
            }
            (Some("test"), Token::Ident("not")) => (Some("test"), None),
            (Some("test"), Token::Ident(name)) => {
                let error = state.perform_test(name, &[]).err();
                (None, error.filter(|error| error.kind() == ErrorKind::UnknownTest).map(|_| *name))
            }
            (Some("block"), Token::Ident("filter")) => (Some("filter"), None),
            (_, Token::BlockStart) => (Some("block"), None),
            (Some("block"), _) => (None, None),
            (None, Token::Ident("is")) => (Some("test"), None),
            _ => (None, None),
        };
        if let (Some(what), Some(name)) = (expected, unknown) {
            let column = span.start_col + 1;
            return Err(format!(
                "{setting}, line {}, column {column}: there is no {what} `{name}`",
                span.start_line
            ));
        }
        expected = next;
    }
    Ok(())
}

/// Escapes what Slack reads as marks.
pub(crate) fn escape_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most `chars` characters, the last one an ellipsis where something was cut.
pub(crate) fn shortened(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// One line without control characters: for subjects and headings.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
