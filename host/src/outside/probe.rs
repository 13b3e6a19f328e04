//! Knocking at a system that is silent: whether it takes a connection, or answers a request.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::net::TcpStream;
use tower_service::Service as _;
use url::{Host, Url};

use super::http::{HttpClient, HttpRequest, OutsideError};
use super::resolve::{Checked, SystemResolver, check};

/// Stands for the system's id.
const SYSTEM: &str = "{system_id}";

/// Where to knock, as the operator writes it.
///
/// | text | knocks |
/// |---|---|
/// | `tcp://db-1.example.com:5432` | takes a connection |
/// | `https://{system_id}.example.com/healthz` | answers a GET request, with whatever status |
/// | `internal:tcp://{system_id}.lan:22` | at a name that may stand for this machine or a private network |
///
/// An address that is written out is reached wherever it is; one that comes from a system's id only as a name would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    url: String,
    internal: bool,
}

/// A text that is no such place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} {reason}; expected a place such as \"tcp://db-1.example.com:5432\", \
     \"https://{{system_id}}.example.com/healthz\" or \"internal:tcp://{{system_id}}.lan:22\""
)]
pub struct ProbeTargetError {
    text: String,
    reason: &'static str,
}

/// The place for one system.
#[derive(Clone, Debug)]
pub struct Door {
    url: Url,
    internal: bool,
    /// Whether the system had a say in where that is.
    by_system: bool,
}

impl ProbeTarget {
    /// Where to knock for this system; `None` if its id makes no host name.
    #[must_use]
    pub fn door(&self, system_id: &str) -> Option<Door> {
        let by_system = self.url.contains(SYSTEM);
        let sensible = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if by_system && (system_id.is_empty() || !system_id.bytes().all(sensible)) {
            return None;
        }
        let url = Url::parse(&self.url.replace(SYSTEM, system_id)).ok()?;
        Some(Door { url, internal: self.internal, by_system })
    }
}

impl Door {
    /// Knocks. Returns how it was answered.
    ///
    /// # Errors
    /// It was not, or may not be asked.
    pub async fn knock(&self, http: &HttpClient, within: Duration) -> Result<String, OutsideError> {
        let answer = async {
            if self.by_system {
                self.check_address()?;
            }
            if self.url.scheme() == "tcp" { self.connect().await } else { self.get(http, within).await }
        };
        tokio::time::timeout(within, answer).await.unwrap_or(Err(OutsideError::Timeout))
    }

    /// An id that is an address must lead no further than a name may.
    fn check_address(&self) -> Result<(), OutsideError> {
        // Hosts of schemes like tcp are not read as addresses by themselves.
        let host = self.url.host_str().unwrap_or_default();
        match Host::parse(host) {
            Ok(Host::Ipv4(address)) => self.check(&[address.into()]),
            Ok(Host::Ipv6(address)) => self.check(&[address.into()]),
            _ => Ok(()),
        }
    }

    fn check(&self, addresses: &[std::net::IpAddr]) -> Result<(), OutsideError> {
        let host = self.url.host_str().unwrap_or_default();
        check(host, addresses, self.internal).map_err(|misled| OutsideError::Refused(misled.to_string()))
    }

    async fn connect(&self) -> Result<String, OutsideError> {
        let unreachable = |error: &dyn fmt::Display| OutsideError::Unreachable(error.to_string());
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().unwrap_or_default();
        let addresses: Vec<SocketAddr> = match Host::parse(host) {
            Ok(Host::Ipv4(address)) => vec![(address, port).into()],
            Ok(Host::Ipv6(address)) => vec![(address, port).into()],
            _ => {
                let mut checked = Checked { resolver: Arc::new(SystemResolver), internal: self.internal };
                let name = host.parse().map_err(|error| unreachable(&error))?;
                let found = checked.call(name).await.map_err(|error| unreachable(&error))?;
                found.map(|address| SocketAddr::new(address.ip(), port)).collect()
            }
        };
        let stream = TcpStream::connect(&*addresses).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => unreachable(&"connection refused"),
            _ => unreachable(&error),
        })?;
        drop(stream);
        Ok("connected".to_owned())
    }

    async fn get(&self, http: &HttpClient, within: Duration) -> Result<String, OutsideError> {
        let request = HttpRequest {
            method: "GET".to_owned(),
            url: self.url.to_string(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let answer = http.send(request.check()?, self.internal, within).await?;
        Ok(format!("status {}", answer.status))
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl FromStr for ProbeTarget {
    type Err = ProbeTargetError;

    fn from_str(text: &str) -> Result<Self, ProbeTargetError> {
        let wrong = |reason| ProbeTargetError { text: text.to_owned(), reason };
        let (internal, rest) = match text.strip_prefix("internal:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let url = Url::parse(&rest.replace(SYSTEM, "system")).map_err(|_| wrong("is no URL"))?;
        match url.scheme() {
            "http" | "https" => {}
            "tcp" if url.port().is_none() => return Err(wrong("has no port")),
            "tcp" if !matches!(url.path(), "" | "/") => return Err(wrong("has more than a host and a port")),
            "tcp" => {}
            _ => return Err(wrong("is of a scheme other than tcp, http and https")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("has no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a user or password"));
        }
        Ok(Self { url: rest.to_owned(), internal })
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.internal { "internal:" } else { "" }, self.url)
    }
}

impl Serialize for ProbeTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProbeTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_what_is_wrong_with_it() {
        let table = [
            ("tcp://db-1:5432", None),
            ("internal:https://{system_id}.lan/healthz", None),
            ("tcp://{system_id}", Some("has no port")),
            ("tcp://db-1:1/path", Some("has more than a host and a port")),
            ("udp://db-1:53", Some("is of a scheme other than tcp, http and https")),
            ("db-1", Some("is no URL")),
            ("https://user:word@db-1/", Some("has a user or password")),
        ];
        for (text, reason) in table {
            let parsed: Result<ProbeTarget, _> = text.parse();
            assert_eq!(parsed.as_ref().err().map(|error| error.reason), reason, "{text}");
            assert_eq!(parsed.map_or(text.to_owned(), |target| target.to_string()), text);
        }
    }

    #[test]
    fn an_id_stays_a_host_name() {
        let target: ProbeTarget = "https://{system_id}.example.com/healthz".parse().unwrap();
        let door = |id| target.door(id).map(|door| door.to_string());
        assert_eq!(door("db-1"), Some("https://db-1.example.com/healthz".to_owned()));
        for id in ["", "a/b", "a@b", "a:1", "a?b", "a#b", "a b", "[::1]", "\u{e9}"] {
            assert_eq!(door(id), None, "{id:?}");
        }
    }

    #[tokio::test]
    async fn an_id_that_is_an_address_leads_no_further_than_a_name() {
        let resolver: Arc<dyn super::super::Resolve> = Arc::new(SystemResolver);
        let http = HttpClient::new(&resolver, &[]).unwrap();
        for (target, id, refused) in [
            ("tcp://{system_id}:1", "127.0.0.1", true),
            ("http://{system_id}:1/", "127.0.0.1", true),
            ("tcp://{system_id}:1", "2130706433", true),
            ("internal:tcp://{system_id}:1", "127.0.0.1", false),
            ("internal:tcp://{system_id}:1", "169.254.169.254", true),
            ("tcp://127.0.0.1:1", "db-1", false),
        ] {
            let target: ProbeTarget = target.parse().unwrap();
            let knocked = target.door(id).unwrap().knock(&http, Duration::from_secs(5)).await;
            assert_eq!(
                matches!(knocked, Err(OutsideError::Refused(_))),
                refused,
                "{target} {id}: {knocked:?}"
            );
        }
    }
}
