//! Signatures of plugins: `ed25519 <key id> <base64 signature over the component's bytes>`.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessConfigError, SignatureError};

const SCHEME: &str = "ed25519";
/// The longest id of a key, in bytes.
const KEY_ID_BYTES_MAX: usize = 64;

/// What becomes of a component without a good signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignaturePolicy {
    /// It is refused.
    Required,
    /// It is taken in and the log says so.
    Warn,
    /// Without a signature it is taken in, with one that does not hold it is refused.
    #[default]
    Off,
}

/// Somebody whose plugins are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// By what signatures name the key: 1 to 64 visible ASCII characters.
    pub id: String,
    /// The 32 bytes of an Ed25519 public key, in base64 with padding.
    pub public_key: String,
}

/// The keys whose signatures count, and what becomes of components without one.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys {
    policy: SignaturePolicy,
    by_id: HashMap<String, [u8; ED25519_PUBLIC_KEY_LEN]>,
}

impl TrustedKeys {
    /// Reads the keys. With [`SignaturePolicy::Required`] and no key nothing passes.
    ///
    /// # Errors
    /// [`AccessConfigError::TrustedKey`]: an id that is not 1 to 64 visible ASCII characters or is there
    /// twice, or a key that is not 32 bytes in base64.
    pub fn new(policy: SignaturePolicy, keys: &[TrustedKey]) -> Result<Self, AccessConfigError> {
        let mut by_id = HashMap::with_capacity(keys.len());
        for key in keys {
            let refuse = |detail: &str| AccessConfigError::TrustedKey {
                id: key.id.clone(),
                detail: detail.to_owned(),
            };
            if !is_key_id(&key.id) {
                return Err(refuse("the id is not usable: expected 1 to 64 visible ASCII characters"));
            }
            let bytes = STANDARD.decode(&key.public_key).ok().and_then(|bytes| bytes.try_into().ok());
            let bytes = bytes.ok_or_else(|| {
                refuse("public_key: expected the base64 of an Ed25519 public key, 32 bytes")
            })?;
            if by_id.insert(key.id.clone(), bytes).is_some() {
                return Err(refuse("the id is there twice: expected each once"));
            }
        }
        Ok(Self { policy, by_id })
    }

    /// What becomes of a component without a good signature.
    #[must_use]
    pub fn policy(&self) -> SignaturePolicy {
        self.policy
    }

    /// Checks a component against its header and returns the id of the key that signed it.
    /// `None` is a component that is taken in although nobody vouches for it.
    ///
    /// # Errors
    /// [`SignatureError::Required`] without a header if the policy asks for one; [`SignatureError::Invalid`]
    /// for a header that does not hold, unless the policy is [`SignaturePolicy::Warn`].
    pub fn check(&self, component: &[u8], header: Option<&str>) -> Result<Option<String>, SignatureError> {
        let checked =
            header.map_or(Err(SignatureError::Required), |header| self.verify(component, header).map(Some));
        match (checked, self.policy) {
            (Err(problem), SignaturePolicy::Warn) => {
                tracing::warn!(%problem, "a plugin is taken in without a good signature");
                Ok(None)
            }
            (Err(SignatureError::Required), SignaturePolicy::Off) => Ok(None),
            (checked, _) => checked,
        }
    }

    fn verify(&self, component: &[u8], header: &str) -> Result<String, SignatureError> {
        let invalid = |detail: String| SignatureError::Invalid(detail);
        let parts: Vec<&str> = header.split_ascii_whitespace().take(4).collect();
        let &[scheme, id, signature] = parts.as_slice() else {
            return Err(invalid("expected `ed25519 <key id> <base64 signature>`".to_owned()));
        };
        if scheme != SCHEME {
            return Err(invalid("the scheme is not known: expected `ed25519`".to_owned()));
        }
        let Some((id, key)) = self.by_id.get_key_value(id) else {
            let id: String = id.chars().take(KEY_ID_BYTES_MAX).collect();
            return Err(invalid(format!("the key {id:?} is not among the trusted ones")));
        };
        let signature = STANDARD.decode(signature).map_err(|_| {
            invalid("the signature is not base64: expected the base64 of 64 bytes".to_owned())
        })?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(component, &signature)
            .map_err(|_| invalid(format!("it was not made by the key {id:?} over these bytes")))?;
        Ok(id.clone())
    }
}

/// Signs a component; the result is the header's value. The key is PKCS#8 in DER, of [`generate_key`] or of
/// `openssl genpkey -algorithm ed25519 -outform DER`.
///
/// # Errors
/// [`SignatureError::Key`]: the bytes are no such key, or the id is not 1 to 64 visible ASCII characters.
pub fn sign(component: &[u8], pkcs8: &[u8], key_id: &str) -> Result<String, SignatureError> {
    if !is_key_id(key_id) {
        return Err(SignatureError::Key(
            "the id is not usable: expected 1 to 64 visible ASCII characters".to_owned(),
        ));
    }
    // Other tools write keys without their public half, which the checked reading asks for.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|problem| {
        SignatureError::Key(format!("expected an Ed25519 key as PKCS#8 in DER ({problem})"))
    })?;
    Ok(format!("{SCHEME} {key_id} {}", STANDARD.encode(pair.sign(component))))
}

/// Makes a key pair: the private key as PKCS#8 in DER, and the public key in base64 as [`TrustedKey`] has it.
///
/// # Errors
/// [`SignatureError::Key`]: the operating system gives no random numbers.
pub fn generate_key() -> Result<(Vec<u8>, String), SignatureError> {
    let no_key = |_| SignatureError::Key("the operating system gives no random numbers".to_owned());
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(no_key)?;
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref())
        .map_err(|problem| SignatureError::Key(format!("the new key does not read back ({problem})")))?;
    Ok((pkcs8.as_ref().to_vec(), STANDARD.encode(pair.public_key().as_ref())))
}

fn is_key_id(id: &str) -> bool {
    (1..=KEY_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
