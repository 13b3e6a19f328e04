//! Secrets: where each comes from, and the store that holds them once they are read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::limits::{NAME_BYTES_MAX, SECRET_BYTES_MAX};

/// A secret text. It is never printed and its memory is wiped when it goes.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Whoever asks must not let it out.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where secrets are looked up by name.
pub trait Secrets: Send + Sync {
    /// The secret of this name, if there is one.
    fn secret(&self, name: &str) -> Option<Secret>;
}

/// Where one secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of this name.
    Env(String),
    /// A file, whose last line break is not part of the secret.
    File(PathBuf),
}

/// The secrets of the configuration, read once.
#[derive(Debug, Default)]
pub struct SecretStore(BTreeMap<String, Secret>);

impl SecretStore {
    /// Reads every secret of `[secrets]`.
    ///
    /// # Errors
    /// Every secret that cannot be had, each in a sentence that names its key.
    pub fn load(sources: &BTreeMap<String, SecretSource>) -> Result<Self, Vec<String>> {
        let mut secrets = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, source) in sources {
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                let length = name.len();
                problems.push(format!(
                    "secrets.{name:?} has a name of {length} bytes, from 1 to {NAME_BYTES_MAX} are expected"
                ));
                continue;
            }
            match read(source) {
                Ok(secret) => drop(secrets.insert(name.clone(), secret)),
                Err(reason) => problems.push(format!("secrets.{name}: {reason}")),
            }
        }
        if problems.is_empty() { Ok(Self(secrets)) } else { Err(problems) }
    }
}

impl Secrets for SecretStore {
    fn secret(&self, name: &str) -> Option<Secret> {
        self.0.get(name).cloned()
    }
}

fn read(source: &SecretSource) -> Result<Secret, String> {
    let (from, secret) = match source {
        SecretSource::Env(variable) => {
            let from = format!("environment variable {variable:?}");
            if variable.is_empty() || variable.contains(['=', '\0']) {
                return Err(format!("{from} cannot exist"));
            }
            let text = std::env::var(variable).map_err(|error| match error {
                std::env::VarError::NotPresent => format!("{from} is not set"),
                // Its content must not be told.
                std::env::VarError::NotUnicode(_) => format!("{from} is not UTF-8"),
            })?;
            (from, Secret::new(text))
        }
        SecretSource::File(path) => {
            let from = format!("file {}", path.display());
            let text = read_file(path).map_err(|reason| format!("{from} {reason}"))?;
            (
                from,
                Secret::new(
                    text.strip_suffix('\n')
                        .map_or(&**text, |text| text.strip_suffix('\r').unwrap_or(text))
                        .to_owned(),
                ),
            )
        }
    };
    match secret.reveal().len() {
        0 => Err(format!("{from} is empty")),
        1..=SECRET_BYTES_MAX => Ok(secret),
        length => Err(format!("{from} has {length} bytes, at most {SECRET_BYTES_MAX} are allowed")),
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    // One more for the line break, twice for Windows.
    if length > SECRET_BYTES_MAX as u64 + 2 {
        return Err(format!("has {length} bytes, at most {SECRET_BYTES_MAX} are allowed"));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<SecretStore, Vec<String>> {
        SecretStore::load(&toml::from_str(text).unwrap())
    }

    #[test]
    fn reads_from_environment_and_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hook");
        for (content, expected) in
            [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("a\n\n", "a\n")]
        {
            std::fs::write(&path, content).unwrap();
            let store = load(&format!("hook = {{ file = {path:?} }}\nhome = {{ env = \"PATH\" }}")).unwrap();
            assert_eq!(store.secret("hook").unwrap().reveal(), expected);
            assert_eq!(store.secret("home").unwrap().reveal(), std::env::var("PATH").unwrap());
            assert!(store.secret("other").is_none());
            assert!(!format!("{store:?}").contains("s3cret"));
        }
    }

    #[test]
    fn names_what_cannot_be_had() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        let long = directory.path().join("long");
        std::fs::write(&long, "x".repeat(SECRET_BYTES_MAX + 3)).unwrap();
        let problems = load(&format!(
            r#"a = {{ env = "LAPWING_NO_SUCH_VARIABLE" }}
               b = {{ file = "/no/such/file" }}
               c = {{ file = {empty:?} }}
               d = {{ file = {long:?} }}
               e = {{ env = "" }}"#
        ))
        .unwrap_err();
        let expected = [
            "secrets.a: environment variable \"LAPWING_NO_SUCH_VARIABLE\" is not set",
            "secrets.b: file /no/such/file cannot be read",
            "secrets.c: ",
            "secrets.d: ",
            "secrets.e: environment variable \"\" cannot exist",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
        }
        assert!(problems[2].ends_with("is empty") && problems[3].contains("at most"), "{problems:?}");
    }

    #[test]
    fn a_source_is_one_of_two() {
        for text in ["a = {}", "a = { env = \"A\", file = \"/b\" }", "a = { text = \"A\" }", "a = \"A\""] {
            assert!(toml::from_str::<BTreeMap<String, SecretSource>>(text).is_err(), "{text}");
        }
    }
}
