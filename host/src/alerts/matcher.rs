//! Conditions on labels, as people write them: `"x"`, `"!=x"`, `"~regex"`, `"!~regex"`, `">=high"`.

use std::collections::BTreeMap;
use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::labels::Labels;
use crate::limits::{MATCHERS_MAX, PATTERN_BYTES_MAX};
use crate::model::Severity;

/// The label that the comparisons are for.
const SEVERITY: &str = "severity";

/// A condition on one label.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub(super) label: String,
    pub(super) test: Test,
}

/// What a label's value has to pass.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Equal(String),
    NotEqual(String),
    Like(Pattern),
    Unlike(Pattern),
    Severity(Comparison, Severity),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// A regular expression over the whole value.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    shape: Shape,
}

/// What a pattern comes to. Silences are matched by the hundred, and most are plain text with `.*` in it.
#[derive(Clone, Debug)]
enum Shape {
    /// Plain text, `.*`, plain text.
    Around(String, String),
    /// Every value that matches begins with this text.
    Regex(String, Regex),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(&format!("^(?:{text})$"))
            .dot_matches_new_line(true)
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        let regex = regex.map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("the regular expression {text:?} cannot be read: {last}")
        })?;
        let shape = match text.split_once(".*") {
            Some((before, after)) if (before.chars().chain(after.chars())).all(is_plain) => {
                Shape::Around(before.to_owned(), after.to_owned())
            }
            _ => Shape::Regex(literal_prefix(text).to_owned(), regex),
        };
        Ok(Self { text: text.to_owned(), shape })
    }

    fn matches(&self, value: &str) -> bool {
        match &self.shape {
            Shape::Around(before, after) => {
                value.len() >= before.len() + after.len() && begins(value, before) && ends(value, after)
            }
            Shape::Regex(prefix, regex) => begins(value, prefix) && regex.is_match(value),
        }
    }
}

/// `starts_with`, looking at one byte before calling anything.
fn begins(value: &str, prefix: &str) -> bool {
    prefix.is_empty() || (value.as_bytes().first() == prefix.as_bytes().first() && value.starts_with(prefix))
}

/// `ends_with`, looking at one byte before calling anything.
fn ends(value: &str, suffix: &str) -> bool {
    suffix.is_empty() || (value.as_bytes().last() == suffix.as_bytes().last() && value.ends_with(suffix))
}

/// Whether a character of a pattern stands for itself.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_/:@ ".contains(c)
}

/// The plain characters that a pattern begins with, which every match must begin with as well.
fn literal_prefix(text: &str) -> &str {
    if text.contains('|') {
        return "";
    }
    let end = text.find(|c| !is_plain(c)).unwrap_or(text.len());
    let repeated = text[end..].starts_with(['?', '*', '+', '{']);
    let last = if repeated { text[..end].chars().next_back().map_or(0, char::len_utf8) } else { 0 };
    &text[..end - last]
}

impl Matcher {
    /// Reads the condition on a label.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(label: &str, text: &str) -> Result<Self, String> {
        if label.is_empty() {
            return Err("a matcher looks at the label \"\"; expected a label's name".to_owned());
        }
        let compare = |comparison, severity: &str| {
            if label != SEVERITY {
                let expected = "only severity can be compared; \"=...\" takes the text as it is";
                return Err(format!("{label} = {text:?}: {expected}"));
            }
            let known = "expected low, medium, high or critical";
            let severity = severity_of(severity).ok_or_else(|| format!("{label} = {text:?}: {known}"))?;
            Ok(Test::Severity(comparison, severity))
        };
        let pattern = |text: &str| Pattern::parse(text).map_err(|problem| format!("{label}: {problem}"));
        let test = if let Some(rest) = text.strip_prefix("!=") {
            Test::NotEqual(rest.to_owned())
        } else if let Some(rest) = text.strip_prefix("!~") {
            Test::Unlike(pattern(rest)?)
        } else if let Some(rest) = text.strip_prefix('~') {
            Test::Like(pattern(rest)?)
        } else if let Some(rest) = text.strip_prefix(">=") {
            compare(Comparison::AtLeast, rest)?
        } else if let Some(rest) = text.strip_prefix("<=") {
            compare(Comparison::AtMost, rest)?
        } else if let Some(rest) = text.strip_prefix('>') {
            compare(Comparison::Above, rest)?
        } else if let Some(rest) = text.strip_prefix('<') {
            compare(Comparison::Below, rest)?
        } else {
            Test::Equal(text.strip_prefix('=').unwrap_or(text).to_owned())
        };
        Ok(Self { label: label.to_owned(), test })
    }

    /// Whether the labels pass.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.test.passes(labels.get(&self.label))
    }

    /// The condition as it is written, without the label.
    fn condition(&self) -> String {
        match &self.test {
            Test::Equal(value) if value.starts_with(['!', '~', '<', '>', '=']) => format!("={value}"),
            Test::Equal(value) => value.clone(),
            Test::NotEqual(value) => format!("!={value}"),
            Test::Like(pattern) => format!("~{}", pattern.text),
            Test::Unlike(pattern) => format!("!~{}", pattern.text),
            Test::Severity(comparison, severity) => {
                let sign = match comparison {
                    Comparison::AtLeast => ">=",
                    Comparison::AtMost => "<=",
                    Comparison::Above => ">",
                    Comparison::Below => "<",
                };
                format!("{sign}{}", severity_name(*severity))
            }
        }
    }
}

impl Test {
    /// What every value that passes begins with.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Equal(value) => value,
            Self::Like(Pattern { shape: Shape::Around(prefix, _) | Shape::Regex(prefix, _), .. }) => prefix,
            Self::NotEqual(_) | Self::Unlike(_) | Self::Severity(..) => "",
        }
    }

    pub(super) fn passes(&self, value: &str) -> bool {
        match self {
            Self::Equal(expected) => value == expected,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::Like(pattern) => pattern.matches(value),
            Self::Unlike(pattern) => !pattern.matches(value),
            Self::Severity(comparison, limit) => {
                severity_of(value).is_some_and(|severity| match comparison {
                    Comparison::AtLeast => severity >= *limit,
                    Comparison::AtMost => severity <= *limit,
                    Comparison::Above => severity > *limit,
                    Comparison::Below => severity < *limit,
                })
            }
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?}", self.label, self.condition())
    }
}

/// Conditions that must all hold; none at all holds for everything. Written as a map from label to condition.
#[derive(Clone, Debug, Default)]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// Reads conditions by label.
    ///
    /// # Errors
    /// Everything that is wrong with them, in words.
    pub fn parse(conditions: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let (mut matchers, mut problems) = (Vec::new(), Vec::new());
        for (label, text) in conditions {
            match Matcher::parse(label, text) {
                Ok(matcher) => matchers.push(matcher),
                Err(problem) => problems.push(problem),
            }
        }
        if conditions.len() > MATCHERS_MAX {
            problems.push(format!("{} matchers, at most {MATCHERS_MAX} are allowed", conditions.len()));
        }
        if problems.is_empty() { Ok(Self(matchers)) } else { Err(problems) }
    }

    /// Whether the labels pass them all.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    /// The first that the labels do not pass.
    #[must_use]
    pub fn failed(&self, labels: &Labels) -> Option<&Matcher> {
        self.0.iter().find(|matcher| !matcher.matches(labels))
    }

    /// Whether there are none, so that everything passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one by which a set is found again: an equality if there is one.
    pub(super) fn pivot(&self) -> Option<&Matcher> {
        self.0.iter().find(|matcher| matches!(matcher.test, Test::Equal(_))).or_else(|| self.0.first())
    }

    fn conditions(&self) -> BTreeMap<&str, String> {
        self.0.iter().map(|matcher| (matcher.label.as_str(), matcher.condition())).collect()
    }
}

impl PartialEq for Matchers {
    fn eq(&self, other: &Self) -> bool {
        self.conditions() == other.conditions()
    }
}

impl Serialize for Matchers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.conditions().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Matchers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let conditions = BTreeMap::deserialize(deserializer)?;
        Self::parse(&conditions).map_err(|problems| serde::de::Error::custom(problems.join("; ")))
    }
}

/// The severity of this name.
pub(super) fn severity_of(name: &str) -> Option<Severity> {
    match name {
        "low" => Some(Severity::Low),
        "medium" => Some(Severity::Medium),
        "high" => Some(Severity::High),
        "critical" => Some(Severity::Critical),
        _ => None,
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
