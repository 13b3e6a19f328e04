//! JWTs of an identity provider (RFC 7519): whom they name and in which role.
//!
//! The algorithm is that of the key, never the header's choice; `none` and the algorithms with shared secrets
//! are not known here at all.

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::jwks::{self, Key};
use super::tokens::NAME_CHARS_MAX;
use super::{AccessConfigError, Denied, Principal, PrincipalKind, Role};
use crate::time::Millis;

/// The largest leeway between two clocks, in seconds.
pub const LEEWAY_S_MAX: u32 = 600;
/// The longest JWT, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// The longest subject, in characters: OpenID Connect allows no more.
const SUBJECT_CHARS_MAX: usize = 255;

/// Whose JWTs are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtSettings {
    /// The claim `iss` that a JWT must have.
    pub issuer: String,
    /// What the claim `aud` must be, or must have among its values.
    pub audience: String,
    /// The provider's public keys, a JWK set: RSA (RS256) and Ed25519 (EdDSA).
    pub jwks_file: PathBuf,
    /// Where the role is: a claim's name, or a path with dots such as `realm_access.lapwing`.
    #[serde(default = "role_claim")]
    pub role_claim: String,
    /// How far the provider's clock and this one may be apart, in seconds: 0 to [`LEEWAY_S_MAX`].
    #[serde(default = "leeway_s")]
    pub leeway_s: u32,
}

fn role_claim() -> String {
    "role".to_owned()
}

fn leeway_s() -> u32 {
    60
}

/// Tells who bears a JWT.
pub struct JwtVerifier {
    settings: JwtSettings,
    keys: Vec<Key>,
}

/// What of a JWT's header matters before its signature is checked.
#[derive(Deserialize)]
struct Header {
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

impl JwtVerifier {
    /// Reads the provider's keys. They are read once: a changed file asks for a new verifier.
    ///
    /// # Errors
    /// An empty issuer, audience or role claim, a leeway out of its range, a file that cannot be read or is
    /// no JWK set, or a key in it that is neither RSA for RS256 nor Ed25519, by its `kid`.
    pub fn load(settings: &JwtSettings) -> Result<Self, AccessConfigError> {
        let refuse = |key, detail: String| Err(AccessConfigError::Setting { key, detail });
        for (key, value) in [("issuer", &settings.issuer), ("audience", &settings.audience)] {
            if value.trim().is_empty() {
                return refuse(
                    key,
                    "it is empty: expected what the identity provider writes into its tokens".to_owned(),
                );
            }
        }
        if settings.role_claim.split('.').any(str::is_empty) {
            let found = &settings.role_claim;
            return refuse(
                "role_claim",
                format!("found {found:?}, expected a claim such as role or realm_access.lapwing"),
            );
        }
        if settings.leeway_s > LEEWAY_S_MAX {
            return refuse("leeway_s", format!("found {}, expected 0 to {LEEWAY_S_MAX}", settings.leeway_s));
        }
        Ok(Self { settings: settings.clone(), keys: jwks::read(&settings.jwks_file)? })
    }

    /// Who bears the JWT: its subject, called by its `name` or `preferred_username` if it has one.
    ///
    /// # Errors
    /// [`Denied::Unknown`] for what is no JWT, [`Denied::Expired`], or [`Denied::NotForUs`].
    pub fn verify(&self, text: &str, now: Millis) -> Result<Principal, Denied> {
        let key = self.key_of(text)?;
        let claims = self.claims(text, key)?;
        self.check_time(&claims, now)?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if !is_plain(subject, SUBJECT_CHARS_MAX) {
            return not_for_us("the claim sub is empty, too long or has control characters");
        }
        let name = ["name", "preferred_username"]
            .into_iter()
            .filter_map(|claim| claims.get(claim)?.as_str())
            .find(|name| is_plain(name, NAME_CHARS_MAX))
            .unwrap_or(subject);
        let Some(role) = self.role(&claims) else {
            return not_for_us(&format!("the claim {} has no role of ours", self.settings.role_claim));
        };
        Ok(Principal {
            kind: PrincipalKind::Jwt,
            id: subject.to_owned(),
            name: name.to_owned(),
            role,
            systems: Vec::new(),
        })
    }

    /// The key that must have signed it.
    fn key_of(&self, text: &str) -> Result<&Key, Denied> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Denied::Unknown);
        }
        let (header, _) = text.split_once('.').ok_or(Denied::Unknown)?;
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Denied::Unknown)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| Denied::Unknown)?;
        if header.crit.is_some() {
            return not_for_us("the header asks for extensions (crit), of which none is known here");
        }
        match (header.kid, self.keys.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => not_for_us("the header has no kid, and there is more than one key"),
            // A key that has no name answers to any.
            (Some(_), [only]) if only.kid.is_none() => Ok(only),
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_ref() == Some(&kid)).ok_or_else(|| {
                let kid: String = kid.chars().take(64).collect();
                Denied::NotForUs(format!("no key of the JWK set has the kid {kid:?}"))
            }),
        }
    }

    /// The claims, once signature, issuer and audience are right.
    fn claims(&self, text: &str, key: &Key) -> Result<Map<String, Value>, Denied> {
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library passes over an `nbf` that is no number and asks the wall clock: see `check_time`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        match decode::<Map<String, Value>>(text, &key.key, &validation) {
            // The library would take a list of issuers with ours among them.
            Ok(token) if token.claims.get("iss").is_some_and(Value::is_string) => Ok(token.claims),
            Ok(_) => not_for_us("the claim iss is no string"),
            Err(problem) => not_for_us(match problem.kind() {
                ErrorKind::InvalidSignature | ErrorKind::Crypto(_) => "the signature is not that of the key",
                ErrorKind::InvalidAlgorithm => "the header's alg is not that of the key",
                ErrorKind::InvalidIssuer => "the claim iss is another than the issuer of the configuration",
                ErrorKind::InvalidAudience => "the claim aud does not have the audience of the configuration",
                ErrorKind::MissingRequiredClaim(_) => {
                    "one of the claims exp, iss, aud and sub is missing or malformed"
                }
                _ => return Err(Denied::Unknown),
            }),
        }
    }

    fn check_time(&self, claims: &Map<String, Value>, now: Millis) -> Result<(), Denied> {
        let leeway = f64::from(self.settings.leeway_s);
        let Some(expires) = claims.get("exp").and_then(Value::as_f64) else {
            return not_for_us("the claim exp is missing or no number");
        };
        if expires + leeway <= now.seconds() {
            return Err(Denied::Expired);
        }
        match claims.get("nbf").map(Value::as_f64) {
            None => Ok(()),
            Some(None) => not_for_us("the claim nbf is no number"),
            Some(Some(begins)) if begins - leeway > now.seconds() => {
                not_for_us("it is not good yet (claim nbf)")
            }
            Some(Some(_)) => Ok(()),
        }
    }

    /// The strongest role that the role's claim names.
    fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        // A claim whose very name has dots, as those that are addresses, comes first.
        let whole = claims.get(&self.settings.role_claim);
        let mut steps = self.settings.role_claim.split('.');
        let first = steps.next().and_then(|step| claims.get(step));
        let value = whole.or_else(|| steps.try_fold(first?, |value, step| value.get(step)))?;
        match value {
            Value::String(role) => role.parse().ok(),
            Value::Array(roles) => roles.iter().filter_map(|role| role.as_str()?.parse().ok()).max(),
            _ => None,
        }
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.keys.iter().map(|key| key.kid.as_deref()).collect();
        f.debug_struct("JwtVerifier").field("settings", &self.settings).field("kids", &kids).finish()
    }
}

fn not_for_us<T>(reason: &str) -> Result<T, Denied> {
    Err(Denied::NotForUs(reason.to_owned()))
}

fn is_plain(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
