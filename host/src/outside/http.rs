//! Requests to hosts: one client for all actions, with its pool of connections.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::resolve::{Checked, Misled, Resolve};
use crate::limits::{
    CONNECT_DEADLINE, HTTP_BODY_BYTES_MAX, HTTP_HEADER_BYTES_MAX, HTTP_HEADERS_MAX,
    HTTP_IDLE_CONNECTIONS_MAX, HTTP_IDLE_MAX, URL_BYTES_MAX,
};

/// Sent where the action names no other.
const AGENT: &str = concat!("lapwing/", env!("CARGO_PKG_VERSION"));
/// What belongs to the connection or is derived from the request: an action's own are dropped.
const DROPPED: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

type Connector = HttpsConnector<HttpConnector<Checked>>;
type Pool = Client<Connector, Full<Bytes>>;

/// A request as an action asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// "POST"
    pub method: String,
    /// An absolute `https` or `http` URL.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// At most a mebibyte.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// 100..=999
    pub status: u16,
    /// Names and values; a value that is not UTF-8 has replacement characters.
    pub headers: Vec<(String, String)>,
    /// At most a mebibyte; a longer one is cut.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// It makes no sense or is not granted. Trying again is of no use.
    #[error("refused: {0}")]
    Refused(String),
    /// No connection, or it broke before the whole answer was there.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("timeout")]
    Timeout,
}

/// Root certificates of the operator cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the TLS of outgoing requests cannot be set up")]
pub struct TlsError(#[from] rustls::Error);

/// A request that has been read and makes sense, whether or not it is granted.
#[derive(Debug)]
pub(super) struct Checkable {
    pub(super) method: Method,
    pub(super) url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends requests. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    /// Two pools, so that no connection to an internal address is reused under a grant that does not reach it.
    public: Pool,
    internal: Pool,
}

impl HttpClient {
    /// A client that trusts Mozilla's root certificates and `roots`, and looks names up with `resolver`.
    ///
    /// # Errors
    /// One of `roots` is no certificate of an authority.
    pub fn new(resolver: &Arc<dyn Resolve>, roots: &[CertificateDer<'static>]) -> Result<Self, TlsError> {
        let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in roots {
            trusted.add(root.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let pool = |internal| {
            let checked = Checked { resolver: Arc::clone(resolver), internal };
            let mut tcp = HttpConnector::new_with_resolver(checked);
            tcp.enforce_http(false);
            tcp.set_nodelay(true);
            tcp.set_connect_timeout(Some(CONNECT_DEADLINE));
            let connector = HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
                .enable_all_versions()
                .wrap_connector(tcp);
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(HTTP_IDLE_MAX)
                .pool_max_idle_per_host(HTTP_IDLE_CONNECTIONS_MAX)
                .http1_max_headers(HTTP_HEADERS_MAX)
                .http1_max_buf_size(4 * HTTP_HEADER_BYTES_MAX)
                .http2_max_header_list_size(4 * HTTP_HEADER_BYTES_MAX as u32)
                .build(connector)
        };
        Ok(Self { public: pool(false), internal: pool(true) })
    }

    /// Sends what the caller has found to be granted, and waits for the whole answer for as long as `within`.
    /// `internal`: whether the name may stand for an internal address.
    pub(super) async fn send(
        &self,
        request: Checkable,
        internal: bool,
        within: Duration,
    ) -> Result<HttpResponse, OutsideError> {
        let refused = |reason: String| OutsideError::Refused(reason);
        let uri: Uri = request
            .url
            .as_str()
            .parse()
            .map_err(|error| refused(format!("the URL cannot be sent: {error}")))?;
        let mut sent = Request::new(Full::new(Bytes::from(request.body)));
        *sent.method_mut() = request.method;
        *sent.uri_mut() = uri;
        *sent.headers_mut() = request.headers;
        let pool = if internal { &self.internal } else { &self.public };
        let exchange = async {
            let answer = pool.request(sent).await.map_err(|error| failed(&error))?;
            receive(answer).await
        };
        tokio::time::timeout(within, exchange).await.unwrap_or(Err(OutsideError::Timeout))
    }
}

impl HttpRequest {
    /// Reads the request as the client will send it.
    pub(super) fn check(self) -> Result<Checkable, OutsideError> {
        let refused = |reason: String| Err(OutsideError::Refused(reason));
        if self.url.len() > URL_BYTES_MAX {
            return refused(format!(
                "the URL has {} bytes, at most {URL_BYTES_MAX} are allowed",
                self.url.len()
            ));
        }
        if self.body.len() > HTTP_BODY_BYTES_MAX {
            return refused(format!(
                "the body has {} bytes, at most {HTTP_BODY_BYTES_MAX} are allowed",
                self.body.len()
            ));
        }
        let Ok(method) = Method::from_bytes(self.method.as_bytes()) else {
            return refused("the method is none".to_owned());
        };
        if method == Method::CONNECT || method == Method::TRACE {
            return refused(format!("the method {method} is not for actions"));
        }
        let mut url = match Url::parse(&self.url) {
            Ok(url) => url,
            Err(error) => return refused(format!("the URL makes no sense: {error}")),
        };
        if !["https", "http"].contains(&url.scheme()) {
            return refused(format!("the URL is of scheme {}, expected https or http", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("the URL has a user or password, which belong into a header".to_owned());
        }
        url.set_fragment(None);
        let headers = headers(&self.headers)?;
        Ok(Checkable { method, url, headers, body: self.body })
    }
}

impl Checkable {
    pub(super) fn body_bytes(&self) -> usize {
        self.body.len()
    }
}

fn headers(asked: &[(String, String)]) -> Result<HeaderMap, OutsideError> {
    let refused = |reason: String| Err(OutsideError::Refused(reason));
    let bytes: usize = asked.iter().map(|(name, value)| name.len() + value.len()).sum();
    if asked.len() > HTTP_HEADERS_MAX || bytes > HTTP_HEADER_BYTES_MAX {
        return refused(format!(
            "{} headers of {bytes} bytes, at most {HTTP_HEADERS_MAX} of {HTTP_HEADER_BYTES_MAX} are allowed",
            asked.len()
        ));
    }
    let mut headers = HeaderMap::with_capacity(asked.len() + 1);
    for (at, (name, value)) in asked.iter().enumerate() {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return refused(format!("header {at} has a name that is none"));
        };
        if DROPPED.contains(&name.as_str()) {
            continue;
        }
        let Ok(value) = HeaderValue::from_str(value) else {
            return refused(format!("header {name} has a value with control characters"));
        };
        headers.append(name, value);
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    Ok(headers)
}

/// Reads an answer up to the limit. The rest is not read: the connection is given up.
async fn receive(answer: Response<Incoming>) -> Result<HttpResponse, OutsideError> {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut incoming = answer.into_body();
    let mut body: Vec<u8> = Vec::new();
    while body.len() < HTTP_BODY_BYTES_MAX
        && let Some(frame) = incoming.frame().await
    {
        let frame = frame.map_err(|error| {
            OutsideError::Unreachable(format!("the answer broke after {} bytes: {error}", body.len()))
        })?;
        if let Some(data) = frame.data_ref() {
            let room = HTTP_BODY_BYTES_MAX - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(HttpResponse { status, headers, body })
}

/// Says why nothing came: by the cause that lies deepest, or by where the name led.
fn failed(error: &hyper_util::client::legacy::Error) -> OutsideError {
    let mut deepest = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(misled) = cause.downcast_ref::<Misled>() {
            return OutsideError::Refused(misled.to_string());
        }
        deepest = cause.to_string();
        source = cause.source();
    }
    OutsideError::Unreachable(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)], body: usize) -> HttpRequest {
        HttpRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: vec![0; body],
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let long_url = format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX));
        let long_value = "x".repeat(HTTP_HEADER_BYTES_MAX);
        let url = "https://a.example/";
        let table = [
            (request("POST", "a.example", &[], 0), "URL makes no sense"),
            (request("POST", "ftp://a.example/", &[], 0), "scheme ftp"),
            (request("POST", "https://me:word@a.example/", &[], 0), "user or password"),
            (request("POST", &long_url, &[], 0), "URL has"),
            (request("PO ST", url, &[], 0), "method is none"),
            (request("CONNECT", url, &[], 0), "method CONNECT"),
            (request("TRACE", url, &[], 0), "method TRACE"),
            (request("POST", url, &[("a b", "c")], 0), "header 0"),
            (request("POST", url, &[("a", "b\r\nc: d")], 0), "header a has"),
            (request("POST", url, &[("a", &long_value)], 0), "1 headers of"),
            (request("POST", url, &vec![("a", "b"); HTTP_HEADERS_MAX + 1], 0), "headers of"),
            (request("POST", url, &[], HTTP_BODY_BYTES_MAX + 1), "body has"),
        ];
        for (request, expected) in table {
            match request.check() {
                Err(OutsideError::Refused(reason)) => {
                    assert!(reason.contains(expected), "{reason}: {expected}");
                }
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn headers_of_the_connection_are_dropped() {
        let asked = [
            ("Host", "evil.example"),
            ("Content-Length", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "upgrade"),
            ("X-Kept", "a"),
            ("x-kept", "b"),
        ];
        let checked = request("POST", "https://a.example/#part", &asked, 0).check().unwrap();
        let names: Vec<&str> = checked.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-kept", "user-agent"]);
        assert_eq!(checked.headers.get_all("x-kept").iter().count(), 2);
        assert_eq!(checked.url.as_str(), "https://a.example/");
        let own = request("GET", "https://a.example/", &[("User-Agent", "me")], 0).check().unwrap();
        assert_eq!(own.headers[USER_AGENT], "me");
    }
}
