//! One host that an action may reach, as the operator writes it.
//!
//! | text | reaches |
//! |---|---|
//! | `hooks.example.com` | that host by HTTPS, on port 443 |
//! | `hooks.example.com:8443` | that port alone |
//! | `*.example.com` | every name below `example.com`, not `example.com` itself |
//! | `http://127.0.0.1:9093` | plain HTTP, because it is written so |
//! | `internal:alertmanager.lan:9093` | a name that may stand for this machine or a private network |
//!
//! A name without `internal:` that turns out to be an address of this machine or of a private network is not reached.
//! Link-local addresses, those of metadata services among them, are reached only where they are written as addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

/// A host that may be reached, with scheme and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGrant {
    scheme: &'static str,
    host: Host,
    /// Every name below `host`, instead of `host`.
    below: bool,
    port: u16,
    internal: bool,
}

/// A text that is no grant of a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} {reason}; expected a host such as \"hooks.example.com\", \"hooks.example.com:8443\", \
     \"*.example.com\", \"http://127.0.0.1:9093\" or \"internal:hooks.lan\""
)]
pub struct HostGrantError {
    text: String,
    reason: &'static str,
}

impl HostGrant {
    /// Whether a request to `url` goes where this grants.
    #[must_use]
    pub fn covers(&self, url: &Url) -> bool {
        let covers_host = match (url.host(), &self.host) {
            (Some(Host::Domain(asked)), Host::Domain(granted)) if self.below => asked
                .strip_suffix(granted.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty()),
            (Some(asked), granted) => !self.below && asked.to_owned() == *granted,
            (None, _) => false,
        };
        covers_host && url.scheme() == self.scheme && url.port_or_known_default() == Some(self.port)
    }

    /// Whether its name may stand for an address of this machine or of a private network.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.internal
    }
}

impl FromStr for HostGrant {
    type Err = HostGrantError;

    fn from_str(text: &str) -> Result<Self, HostGrantError> {
        let wrong = |reason| HostGrantError { text: text.to_owned(), reason };
        let (internal, rest) = match text.strip_prefix("internal:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (scheme, rest) = match rest.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(_) => return Err(wrong("is of a scheme other than https and http")),
            None => ("https", rest),
        };
        let (below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.contains(['/', '?', '#', '@', '\\', '*', '%']) || rest.contains(char::is_whitespace) {
            return Err(wrong("has more than a scheme, a host and a port"));
        }
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| wrong("is no host"))?;
        let host = url.host().map(|host| host.to_owned()).ok_or_else(|| wrong("has no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| wrong("has no port"))?;
        match &host {
            Host::Domain(name) if below && !name.contains('.') => {
                return Err(wrong("grants all of a top-level domain"));
            }
            Host::Domain(_) => {}
            Host::Ipv4(_) | Host::Ipv6(_) if below => return Err(wrong("has names below an address")),
            Host::Ipv4(_) | Host::Ipv6(_) if internal => {
                return Err(wrong("says internal of an address, which needs no such leave"));
            }
            Host::Ipv4(_) | Host::Ipv6(_) => {}
        }
        Ok(Self { scheme, host, below, port, internal })
    }
}

impl fmt::Display for HostGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let internal = if self.internal { "internal:" } else { "" };
        let below = if self.below { "*." } else { "" };
        write!(f, "{internal}{}://{below}{}:{}", self.scheme, self.host, self.port)
    }
}

impl Serialize for HostGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn covers_what_it_says_and_nothing_else() {
        let table = [
            ("hooks.example.com", "https://hooks.example.com/a?b", true),
            ("hooks.example.com", "https://HOOKS.example.com:443/", true),
            ("hooks.example.com", "http://hooks.example.com/", false),
            ("hooks.example.com", "https://hooks.example.com:8443/", false),
            ("hooks.example.com", "https://hooks.example.com.evil.net/", false),
            ("hooks.example.com", "https://a.hooks.example.com/", false),
            ("hooks.example.com", "https://hooks.example.com@evil.net/", false),
            ("hooks.example.com", "https://hooks.example.com./", false),
            ("hooks.example.com:8443", "https://hooks.example.com:8443/", true),
            ("*.example.com", "https://a.example.com/", true),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://evilexample.com/", false),
            ("*.example.com", "https://.example.com/", false),
            ("http://127.0.0.1:9093", "http://127.0.0.1:9093/api", true),
            ("http://127.0.0.1:9093", "http://2130706433:9093/", true),
            ("http://127.0.0.1:9093", "http://localhost:9093/", false),
            ("http://127.0.0.1:9093", "https://127.0.0.1:9093/", false),
            ("http://[::1]:9093", "http://[0:0::1]:9093/", true),
            ("internal:hooks.lan", "https://hooks.lan/", true),
            ("internal:http://hooks.lan", "http://hooks.lan/", true),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
        ];
        for (grant, url, expected) in table {
            let parsed: HostGrant = grant.parse().unwrap();
            assert_eq!(parsed.covers(&Url::parse(url).unwrap()), expected, "{grant} {url}");
            assert_eq!(parsed.to_string().parse::<HostGrant>().unwrap(), parsed, "{grant}");
        }
    }

    #[test]
    fn refuses_what_is_no_grant() {
        let table = [
            "",
            "*",
            "*.com",
            "*.10.0.0.1",
            "ftp://a.b",
            "a.b/path",
            "user@a.b",
            "a.b:99999",
            "a b",
            "internal:10.0.0.1",
            "internal:",
            "https://",
            "*.*.example.com",
            "internal:internal:a.b",
        ];
        for text in table {
            let error = text.parse::<HostGrant>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} ")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_reads_back_what_it_writes(text in "(internal:)?(https?://)?(\\*\\.)?[a-z0-9.\\[\\]:-]{0,24}") {
            if let Ok(grant) = text.parse::<HostGrant>() {
                prop_assert_eq!(grant.to_string().parse::<HostGrant>(), Ok(grant));
            }
        }
    }
}
