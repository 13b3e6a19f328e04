//! Tokens, the audit log, a new reading of the configuration, and copies of the store.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::registry::Registry;
use super::tables::{AuditEntry, COPIED_FIRST};
use super::views::TokenView;
use super::{ChangeError, Service, lock};
use crate::access::{Gatekeeper, JwtVerifier, Principal, Role, Token, TokenError, TokenRecord, TrustedKeys};
use crate::catalog::config::Config;
use crate::time::Millis;

impl Service {
    /// Every token, as it is kept: without its secret.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenView> {
        let used = self.access.tokens.last_used();
        self.access.tokens.list().iter().map(|record| view(record, used.get(&record.id).copied())).collect()
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// The name or the lifetime makes no sense, or there are too many.
    pub fn create_token(
        &self,
        name: &str,
        role: Role,
        systems: Vec<String>,
        expires_in_s: Option<u64>,
        by: &Principal,
    ) -> Result<(Token, TokenView), ChangeError> {
        let made = self.access.tokens.create_for(systems, name, role, expires_in_s, by, Millis::now());
        let (token, record) = made.map_err(refused)?;
        if let Err(error) = self.tables.tokens.put(&record.id, &record).and_then(|()| self.store.flush()) {
            // A token that would not survive is not given out.
            drop(self.access.tokens.revoke(&record.id, Millis::now()));
            return Err(error.into());
        }
        self.note(by, "token.create", &record.id, &Value::Null, &token_state(&record))?;
        Ok((token, view(&record, None)))
    }

    /// Ends a token for good.
    ///
    /// # Errors
    /// There is no such token.
    pub fn revoke_token(&self, id: &str, by: &Principal) -> Result<TokenView, ChangeError> {
        let before = self.access.tokens.list().into_iter().find(|record| record.id == id);
        let record = self.access.tokens.revoke(id, Millis::now()).map_err(refused)?;
        self.tables.tokens.put(&record.id, &record)?;
        self.store.flush()?;
        let before = before.as_ref().map_or(Value::Null, token_state);
        self.note(by, "token.revoke", id, &before, &token_state(&record))?;
        Ok(view(&record, None))
    }

    /// The audit log, newest first, from the entry before `cursor` on; and where the next page begins.
    #[must_use]
    pub fn audit(&self, cursor: Option<u64>, limit: usize) -> (Vec<AuditEntry>, Option<u64>) {
        let before = cursor.unwrap_or(u64::MAX);
        let entries = self.tables.audit.before(&before).rev().take(limit);
        let entries: Vec<AuditEntry> = entries.filter_map(Result::ok).map(|(_, entry)| entry).collect();
        let next = entries.last().map(|entry| entry.seq).filter(|&seq| entries.len() == limit && seq > 1);
        (entries, next)
    }

    /// Writes down who changed what.
    pub(super) fn note(
        &self,
        who: &Principal,
        what: &str,
        target: &str,
        before: &Value,
        after: &Value,
    ) -> Result<(), ChangeError> {
        tracing::info!(who = %who, what, target, "changed");
        let mut next = lock(&self.access.next_audit);
        let entry = AuditEntry {
            seq: *next,
            at: Millis::now(),
            who: who.clone(),
            what: what.to_owned(),
            target: target.to_owned(),
            before: before.clone(),
            after: after.clone(),
        };
        self.tables.audit.put(&entry.seq, &entry)?;
        *next += 1;
        self.store.flush()?;
        Ok(())
    }

    /// Reads the configuration anew and puts it in force: all of it or nothing. Returns the sections that changed.
    ///
    /// # Errors
    /// Everything that is wrong with it, or the keys that only a restart can change.
    pub fn reload(&self, by: &Principal) -> Result<Vec<String>, ChangeError> {
        let invalid = |problems| ChangeError::Invalid { kind: "invalid-configuration", problems };
        let Some(file) = &self.config_file else {
            return Err(invalid(vec!["the server was started without a configuration file".to_owned()]));
        };
        let mut config = Config::read(file).map_err(|error| invalid(vec![super::chain(&error)]))?;
        let mut registry = lock(&self.registry);
        // The command line has the last word on these, and they are fixed until the next start anyway.
        config.store.directory.clone_from(&registry.config.store.directory);
        config.server.listen = registry.config.server.listen;
        let fixed = fixed_keys(&registry.config, &config);
        if !fixed.is_empty() {
            return Err(invalid(fixed));
        }
        let wrong = |error: crate::access::AccessConfigError| invalid(vec![super::chain(&error)]);
        let jwt = config.access.jwt.as_ref().map(JwtVerifier::load).transpose().map_err(wrong)?;
        let trusted =
            TrustedKeys::new(config.components.signatures, &config.components.trusted_keys).map_err(wrong)?;
        let changed = changed_sections(&registry.config, &config);
        self.put_configuration(&mut registry, config)?;
        self.access.gatekeeper.store(Arc::new(Gatekeeper::new(Arc::clone(&self.access.tokens), jwt)));
        self.access.trusted.store(Arc::new(trusted));
        drop(registry);
        self.note(by, "configuration.reload", &file.display().to_string(), &Value::Null, &json!(changed))?;
        self.tell("configuration_reloaded", json!({ "changed": changed, "by": by.name }))?;
        Ok(changed)
    }

    fn put_configuration(&self, registry: &mut Registry, config: Config) -> Result<(), ChangeError> {
        let before_config = std::mem::replace(&mut registry.config, config);
        let before_deployment = registry.deployment.clone();
        let (means, problems) = self.crew.means_of(&registry.config);
        let before_means = std::mem::replace(&mut registry.means, means);
        let result = (|| {
            if !problems.is_empty() {
                return Err(ChangeError::Invalid { kind: "invalid-configuration", problems });
            }
            let refused = registry.take_files()?;
            let now = self.shared.catalog();
            let (catalog, more) = registry.compose(now.vocabulary(), Some(&now));
            let problems: Vec<String> = refused.iter().chain(&more).map(ToString::to_string).collect();
            if problems.is_empty() {
                Ok(catalog)
            } else {
                Err(ChangeError::Invalid { kind: "invalid-configuration", problems })
            }
        })();
        match result {
            Ok(catalog) => {
                self.crew.means.store(Arc::clone(&registry.means));
                self.adopt(Arc::new(catalog));
                Ok(())
            }
            Err(error) => {
                registry.config = before_config;
                registry.means = before_means;
                registry.deployment = before_deployment;
                registry.save()?;
                Err(error)
            }
        }
    }

    /// Copies the store, while it is in use, into a new directory. Returns how many records there are.
    ///
    /// # Errors
    /// The directory is not empty or cannot be written.
    pub fn backup(&self, directory: &Path, by: &Principal) -> Result<u64, ChangeError> {
        if !directory.is_absolute() {
            let problem = format!("directory {} is not an absolute path", directory.display());
            return Err(ChangeError::Invalid { kind: "invalid-request", problems: vec![problem] });
        }
        // Between two rounds: what came of a round is in the copy, or the journal of the copy has it.
        let recording = lock(&self.shared.recording);
        let desk = lock(&self.shared.desk);
        let copied = self.store.backup(directory, &COPIED_FIRST).map_err(|error| ChangeError::Invalid {
            kind: "invalid-request",
            problems: vec![super::chain(&error)],
        })?;
        drop((desk, recording));
        let target = directory.display().to_string();
        self.note(by, "store.backup", &target, &Value::Null, &json!({ "records": copied }))?;
        Ok(copied)
    }
}

fn refused(error: TokenError) -> ChangeError {
    match error {
        TokenError::UnknownId(id) => ChangeError::Unknown { what: "token", name: id },
        error => ChangeError::Invalid { kind: "invalid-request", problems: vec![error.to_string()] },
    }
}

fn view(record: &TokenRecord, last_used_at: Option<Millis>) -> TokenView {
    TokenView {
        id: record.id.clone(),
        name: record.name.clone(),
        role: record.role,
        systems: record.systems.clone(),
        created_at: record.created_at,
        created_by: record.created_by.name.clone(),
        expires_at: record.expires_at,
        revoked_at: record.revoked_at,
        last_used_at,
    }
}

/// What of a token may be known.
fn token_state(record: &TokenRecord) -> Value {
    json!({
        "name": record.name,
        "role": record.role,
        "systems": record.systems,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
    })
}

/// Keys that differ and that only a restart can change.
fn fixed_keys(now: &Config, next: &Config) -> Vec<String> {
    let differ = [
        ("pipeline.shards", now.pipeline.shards != next.pipeline.shards),
        ("history.max_data_points", now.history.max_data_points != next.history.max_data_points),
        ("input.lateness_s", now.input.lateness_s.to_bits() != next.input.lateness_s.to_bits()),
        ("store", now.store != next.store),
        ("server", now.server != next.server),
    ];
    differ
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| format!("{key} cannot be changed while the server runs; restart it"))
        .collect()
}

/// The sections that differ, by name.
fn changed_sections(now: &Config, next: &Config) -> Vec<String> {
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let sections = [
        ("input", text(&now.input), text(&next.input)),
        ("pipeline", text(&now.pipeline), text(&next.pipeline)),
        ("detections", text(&now.detections), text(&next.detections)),
        ("training", text(&now.training), text(&next.training)),
        ("plugins", text(&now.plugins), text(&next.plugins)),
        ("rules", text(&now.rules), text(&next.rules)),
        ("scorers", text(&now.scorers), text(&next.scorers)),
        ("actions", text(&now.actions), text(&next.actions)),
        ("secrets", text(&now.secrets), text(&next.secrets)),
        ("mail", text(&now.mail), text(&next.mail)),
        ("alerts", text(&now.alerts), text(&next.alerts)),
        ("retention", text(&now.retention), text(&next.retention)),
        ("access", text(&now.access), text(&next.access)),
        ("components", text(&now.components), text(&next.components)),
    ];
    sections.into_iter().filter(|(_, now, next)| now != next).map(|(name, _, _)| name.to_owned()).collect()
}
