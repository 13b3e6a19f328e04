//! An identity provider with a key of each kind.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::access::{JwtSettings, JwtVerifier};
use crate::time::Millis;

/// A key for these tests and nothing else.
const RSA_PEM: &str = "-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCqrj2O9l/2vB8b
njbhZVRt0bxfH0VTf4p2XRzgHgXtBnjU2qteVZkZ5yB1XsPQdRa3/mnRXyH6tSJM
ObonDlNR64Y087Xjp7RLf7rstmCLHi8vL1xE+TKp5K4GePNzX40zpOAPGjB8owvi
gF5aFiw6b6ldKmII/Wd/a3CarmqSaiLgwCYHML51NC1zfqQHbUneNqSQU+YwVSwS
zhuiXUIVYqiYx+/LDy4jMWzhOMN1BsbjgE3hJzEvjuXJQJ8DpW+oJLQAR3+tYRtY
7M8/Ga9ZSE/FMuiChkmuPZAMtqfQ5Wdz4UgO8uSIX2JJ4mlcM6YawICQ3j9i2Qcm
Oew9yojpAgMBAAECggEAEF2csXSWRwZKxU8qW/pnWhBeS5CoCRWVpTvQZPz7/Ho+
Y8qD3AvBHma3CgoIJJjVkNboNpc0nuF3ZG+0lcId4yD+QV2M90NBWmvo9IGYSD6g
r5mO814hqYCv3xcB4PIsi+MnSMtuEsVfglxkr6aonwHN74z80Xfa0LDwnyRSO6+h
aM7fbTDtXa2kybyuLbhW30rlbEEJz0k92fs/SvEUcUTMALdULN9cxqfiqbAPDpFI
KpYLWsfkw5c8hn/r8YdETS84agKDyVlX5cUwU4GioVw/eA8oPY4Dq85ZN8xPIKNI
FCxOYv/fw9mj98o5evm4Hp6Wp+FZstowEkpGdvODwQKBgQDioiV5EcYKJXNgenWd
8Uktx3L3xYHIrp3zVKcSSKzq2elNYSD1k6k4vQ1Su1XC48o2bdBTFy+xpMyAyOP5
6U8QTTX/efAiu4u06PMu0vDb5e90YxpICwNy6i+5Wpw5raP+zTMbpjVV45EEwgF0
8elYXKj5UPxV25k9DbHwfBDHFQKBgQDAzAlPvyONbCW7PHAtQrAQC5yJd0nNUgJM
AMF27cxk0yIf1zYDqNUwTlKnM6B8oYSkLrZrMXkQl3g+9mdM4s1qvlqD6hzKIQtJ
d8Cro1IhDrAA2Zjb6nbktKd2TX+rCzQEdPa/GHmn6a2efa+w507nOyFA6n6b9EUM
PEkNd/1vhQKBgQDXx0YidZe3BV1K2I2vqZHhMmr2GWiuaAMfMNQ5hlSM7plBAV9e
Mg8GZImQ4aiP/E4FcJzO396bJqtHWv4kbczHWpw0+CZ5C1PDFaCkTlbhJ5XLnKfj
PAk2ml6B/hGMoRTpfvpQMvnJIvhqLUUx0To41VBUwJTgMks+ZBGtRJK82QKBgEWn
8h1L045+6krxlR3lIDNL3qyT2qhB3u6Sv1M2q0gqOAQE/1DnKM8hHR+nuW4N9RxU
fDfSUgk6kIk/ASd4MftE9vL+HJSyx58tkwDwKvYillhYRa/+0CHlWzOU4HFtxMdv
cs6sCxgthzrh8h4aFBna9TK9Bi1WXbQD++jP11L5AoGBAKkLvEE7kIWPLtCJSIGM
Jpd32cXlo8Ix+0LPobtM50y1u823Jl0gCC2YmjmfYoj2hjp7CvWczC/1jHSFIdvW
CCcVQNHHLXjvOObodrwN1lFARVWVSVnmQB0kEaeG/WxqrH+x1vAoCkKoC70fA9Xq
+88gX2G5/ayiyoThKJfKtSRt
-----END PRIVATE KEY-----
";

pub(super) const NOW: Millis = Millis(1_790_000_000_000);

pub(super) struct Provider {
    ed25519: Vec<u8>,
    pub(super) directory: tempfile::TempDir,
}

impl Provider {
    pub(super) fn new() -> Self {
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec();
        Self { ed25519, directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn ed25519_point(&self) -> Vec<u8> {
        Ed25519KeyPair::from_pkcs8(&self.ed25519).unwrap().public_key().as_ref().to_vec()
    }

    pub(super) fn ed25519_jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.ed25519_point());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": x })
    }

    pub(super) fn rsa_modulus() -> Vec<u8> {
        let body: String = RSA_PEM.lines().filter(|line| !line.starts_with("---")).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        let pair = rsa::KeyPair::from_pkcs8(&der).unwrap();
        rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public()).n
    }

    pub(super) fn rsa_jwk() -> Value {
        let n = URL_SAFE_NO_PAD.encode(Self::rsa_modulus());
        json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "n": n, "e": "AQAB", "x5t": "" })
    }

    pub(super) fn settings(&self, keys: &[Value]) -> JwtSettings {
        let file = self.directory.path().join("jwks.json");
        std::fs::write(&file, json!({ "keys": keys }).to_string()).unwrap();
        let settings = json!({ "issuer": "https://id.example", "audience": "lapwing", "jwks_file": file });
        serde_json::from_value(settings).unwrap()
    }

    pub(super) fn verifier(&self) -> JwtVerifier {
        JwtVerifier::load(&self.settings(&[Self::rsa_jwk(), self.ed25519_jwk()])).unwrap()
    }

    pub(super) fn claims() -> Value {
        let now = NOW.0 / 1000;
        json!({
            "iss": "https://id.example", "aud": ["other", "lapwing"], "sub": "u-17", "name": "Ada",
            "exp": now + 600, "nbf": now - 10, "role": "operator",
        })
    }

    pub(super) fn by_rsa(claims: &Value) -> String {
        signed(Algorithm::RS256, "rsa", claims, &EncodingKey::from_rsa_pem(RSA_PEM.as_bytes()).unwrap())
    }

    pub(super) fn by_ed25519(&self, claims: &Value) -> String {
        signed(Algorithm::EdDSA, "ed", claims, &EncodingKey::from_ed_der(&self.ed25519))
    }
}

pub(super) fn signed(algorithm: Algorithm, kid: &str, claims: &Value, key: &EncodingKey) -> String {
    encode(&Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }, claims, key).unwrap()
}

/// A JWT with any header and signature.
pub(super) fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}
