//! `[server]` of the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// How the server listens and what it bears.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where others find it, for links in messages and for reports of actions: `https://lapwing.example.com`.
    pub public_url: Option<String>,
    /// With these it speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Whether others than this machine may be served without TLS.
    pub insecure: bool,
    /// The largest body of samples, as it comes.
    pub body_bytes_max: usize,
    /// The largest body of samples once decompressed, and the largest component.
    pub decompressed_bytes_max: usize,
    /// Bodies of samples under way, in bytes, as they come; more are answered with 429.
    pub waiting_bytes_max: usize,
    /// Within so many seconds a request is done or given up.
    pub request_timeout_s: f64,
    /// Requests a second, of each who asks.
    pub requests_per_s: u32,
    /// Connections at once.
    pub connections_max: usize,
    /// Listeners to events at once.
    pub events_listeners_max: usize,
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, then those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7400),
            public_url: None,
            tls: None,
            insecure: false,
            body_bytes_max: 8 << 20,
            decompressed_bytes_max: 64 << 20,
            waiting_bytes_max: 16 << 20,
            request_timeout_s: 30.0,
            requests_per_s: 2000,
            connections_max: 1024,
            events_listeners_max: 64,
        }
    }
}

impl ServerSettings {
    /// Everything that is wrong with them, each with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(refusal) = self.exposed() {
            problems.push(refusal);
        }
        for (key, value) in [
            ("body_bytes_max", self.body_bytes_max),
            ("decompressed_bytes_max", self.decompressed_bytes_max),
            ("requests_per_s", self.requests_per_s as usize),
            ("connections_max", self.connections_max),
            ("events_listeners_max", self.events_listeners_max),
        ] {
            if value == 0 {
                problems.push(format!("server.{key}: found 0, expected 1 or more"));
            }
        }
        if self.waiting_bytes_max < self.body_bytes_max {
            problems.push(format!(
                "server.waiting_bytes_max: found {}, expected no less than server.body_bytes_max, which is {}",
                self.waiting_bytes_max, self.body_bytes_max
            ));
        }
        if self.decompressed_bytes_max < self.body_bytes_max {
            problems.push(format!(
                "server.decompressed_bytes_max: found {}, expected no less than server.body_bytes_max, which is {}",
                self.decompressed_bytes_max, self.body_bytes_max
            ));
        }
        if !(0.001..=86_400.0).contains(&self.request_timeout_s) {
            problems.push(format!(
                "server.request_timeout_s: found {}, expected 0.001 to 86400 seconds",
                self.request_timeout_s
            ));
        }
        problems
    }

    /// Why these settings would show tokens to the network, if they would.
    fn exposed(&self) -> Option<String> {
        let local = self.listen.ip().to_canonical().is_loopback();
        (!local && self.tls.is_none() && !self.insecure).then(|| {
            format!(
                "server.listen: found {}, which others than this machine can reach, without TLS: tokens would go \
                 over the network in the clear. Expected one of: a loopback address such as 127.0.0.1:{}; \
                 server.tls with certificate and key; server.insecure = true, when something before this server \
                 speaks TLS",
                self.listen,
                self.listen.port()
            )
        })
    }

    /// Where others find this server: as configured, or else the address that it listens on.
    #[must_use]
    pub fn public_url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.listen));
        url.trim_end_matches('/').to_owned()
    }

    /// Within this a body is there or given up; what is left is for doing something with it, so that a slow sender
    /// learns that it was slow.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        self.request_timeout().mul_f64(0.75)
    }

    /// Within this a request is done or given up.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::try_from_secs_f64(self.request_timeout_s).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_unknown_keys_are_not() {
        assert_eq!(ServerSettings::default().problems(), Vec::<String>::new());
        let read = serde_json::from_str::<ServerSettings>(r#"{"listen": "127.0.0.1:0", "insecure": true}"#);
        assert_eq!(read.unwrap().body_bytes_max, 8 << 20);
        assert!(serde_json::from_str::<ServerSettings>(r#"{"lisen": "127.0.0.1:0"}"#).is_err());
    }

    #[test]
    fn other_addresses_need_tls_or_a_word() {
        let at =
            |listen: &str| ServerSettings { listen: listen.parse().unwrap(), ..ServerSettings::default() };
        for safe in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(at(safe).problems().is_empty(), "{safe}");
        }
        for exposed in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            assert!(at(exposed).problems()[0].contains("without TLS"), "{exposed}");
            assert!(ServerSettings { insecure: true, ..at(exposed) }.problems().is_empty());
        }
    }

    #[test]
    fn every_number_that_is_wrong_is_named() {
        let wrong = ServerSettings {
            body_bytes_max: 10,
            decompressed_bytes_max: 0,
            request_timeout_s: f64::NAN,
            requests_per_s: 0,
            ..ServerSettings::default()
        };
        let problems = wrong.problems().join("\n");
        for key in ["decompressed_bytes_max", "request_timeout_s", "requests_per_s"] {
            assert!(problems.contains(&format!("server.{key}:")), "{problems}");
        }
    }
}
