//! The tokens in force, by their hashes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::token::hash_of_candidate;
use super::{Denied, Principal, Role, Token, TokenError, TokenRecord, random};
use crate::limits::NAME_BYTES_MAX;
use crate::time::Millis;

/// The most systems, or beginnings of their ids, that a token may name.
pub(super) const SYSTEMS_MAX: usize = 100;
/// Tokens that are kept, those that were revoked or have expired among them.
pub const TOKENS_MAX: usize = 10_000;
/// The longest name of a token, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// The longest lifetime of a token that expires, in seconds: ten years.
pub const LIFETIME_S_MAX: u64 = 10 * 365 * 86_400;

/// No use yet, as the time of the last one.
const NEVER: i64 = i64::MIN;

/// All tokens. It is only in memory: who creates or revokes stores the record that comes back.
#[derive(Debug, Default)]
pub struct Tokens {
    by_hash: RwLock<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    record: TokenRecord,
    /// In milliseconds since the epoch.
    last_used: AtomicI64,
}

impl Kept {
    fn new(record: TokenRecord) -> Self {
        Self { record, last_used: AtomicI64::new(NEVER) }
    }
}

impl Tokens {
    /// Those of a store. Of two records with the same hash the latter counts.
    #[must_use]
    pub fn new(records: Vec<TokenRecord>) -> Self {
        let by_hash = records.into_iter().map(|record| (record.hash.clone(), Kept::new(record))).collect();
        Self { by_hash: RwLock::new(by_hash) }
    }

    /// Makes a token that is good at once, until `expires_in_s` seconds (1 to [`LIFETIME_S_MAX`]) after
    /// `now`, or for ever. White space around the name is dropped.
    ///
    /// # Errors
    /// A name or lifetime out of its range, [`TOKENS_MAX`] reached, or no random numbers. Nothing is created
    /// then.
    pub fn create(
        &self,
        name: &str,
        role: Role,
        expires_in_s: Option<u64>,
        by: &Principal,
        now: Millis,
    ) -> Result<(Token, TokenRecord), TokenError> {
        self.create_for(Vec::new(), name, role, expires_in_s, by, now)
    }

    /// Makes a token for some systems: ids, or beginnings of ids before a `*`; none: for all.
    ///
    /// # Errors
    /// As [`create`](Self::create), or the systems make no sense.
    pub fn create_for(
        &self,
        systems: Vec<String>,
        name: &str,
        role: Role,
        expires_in_s: Option<u64>,
        by: &Principal,
        now: Millis,
    ) -> Result<(Token, TokenRecord), TokenError> {
        let is_good = |pattern: &String| {
            (1..=NAME_BYTES_MAX).contains(&pattern.len()) && !pattern[..pattern.len() - 1].contains('*')
        };
        let bound = !systems.is_empty();
        if systems.len() > SYSTEMS_MAX || !systems.iter().all(is_good) || (bound && role != Role::Ingest) {
            return Err(TokenError::Systems);
        }
        let name = name.trim();
        if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(TokenError::Name);
        }
        let expires_at = expires_in_s.map(|seconds| expiry(now, seconds)).transpose()?;
        let token = Token::generate()?;
        let mut by_hash = self.write();
        if by_hash.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let record = TokenRecord {
            id: unused_id(&by_hash)?,
            name: name.to_owned(),
            role,
            systems,
            hash: token.hash(),
            created_at: now,
            created_by: by.clone(),
            expires_at,
            revoked_at: None,
        };
        by_hash.insert(record.hash.clone(), Kept::new(record.clone()));
        Ok((token, record))
    }

    /// Takes a token back; from now on it is refused. Once revoked it stays so, with the time of the first
    /// revocation.
    ///
    /// # Errors
    /// [`TokenError::UnknownId`].
    pub fn revoke(&self, id: &str, now: Millis) -> Result<TokenRecord, TokenError> {
        let mut by_hash = self.write();
        let kept = by_hash.values_mut().find(|kept| kept.record.id == id);
        let record = &mut kept.ok_or_else(|| TokenError::UnknownId(id.chars().take(64).collect()))?.record;
        record.revoked_at.get_or_insert(now);
        Ok(record.clone())
    }

    /// Drops the tokens that were revoked or had expired before `before`, and returns their records, which
    /// are to be dropped from the store too. Their bearers are unknown from then on.
    pub fn forget_ended(&self, before: Millis) -> Vec<TokenRecord> {
        let ended = |_: &String, kept: &mut Kept| kept.record.ends_at().is_some_and(|end| end < before);
        self.write().extract_if(ended).map(|(_, kept)| kept.record).collect()
    }

    /// Who bears the token.
    ///
    /// # Errors
    /// [`Denied::Unknown`], [`Denied::Revoked`] or [`Denied::Expired`].
    pub fn verify(&self, text: &str, now: Millis) -> Result<Principal, Denied> {
        let hash = hash_of_candidate(text).ok_or(Denied::Unknown)?;
        let by_hash = self.read();
        // How long this takes helps nobody: a text cannot be chosen by the digits of its hash.
        let kept = by_hash.get(&hash).ok_or(Denied::Unknown)?;
        let bearer = kept.record.bearer(now)?;
        kept.last_used.fetch_max(now.0, Ordering::Relaxed);
        Ok(bearer)
    }

    /// All records, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<TokenRecord> {
        let mut records: Vec<_> = self.read().values().map(|kept| kept.record.clone()).collect();
        records.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        records
    }

    /// When each token was last good for a request, by the token's id. Those that were not used since the
    /// start are absent: this is not stored.
    #[must_use]
    pub fn last_used(&self) -> HashMap<String, Millis> {
        let by_hash = self.read();
        let used = by_hash.values().map(|kept| (&kept.record.id, kept.last_used.load(Ordering::Relaxed)));
        used.filter(|(_, at)| *at != NEVER).map(|(id, at)| (id.clone(), Millis(at))).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Kept>> {
        // Nothing under the lock leaves a record half written.
        self.by_hash.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Kept>> {
        self.by_hash.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expiry(now: Millis, seconds: u64) -> Result<Millis, TokenError> {
    if !(1..=LIFETIME_S_MAX).contains(&seconds) {
        return Err(TokenError::Lifetime(seconds));
    }
    Ok(now.plus_seconds(seconds as f64))
}

fn unused_id(by_hash: &HashMap<String, Kept>) -> Result<String, TokenError> {
    loop {
        let id = random::hex(&random::bytes::<8>()?);
        if by_hash.values().all(|kept| kept.record.id != id) {
            return Ok(id);
        }
    }
}
