//! Servers on this machine that answer as a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How a server answers a request once it has read it.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With these bytes, and keeps the connection.
    Bytes(Arc<Vec<u8>>),
    /// With these bytes after so long.
    After(Duration, Arc<Vec<u8>>),
    /// With these bytes, and closes the connection.
    Half(Arc<Vec<u8>>),
    /// Not at all.
    Never,
    /// By resetting the connection.
    Reset,
}

impl Answer {
    pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Arc::new(bytes.into()))
    }

    pub(crate) fn ok() -> Self {
        Self::bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }
}

/// What a server has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    connections: Arc<Mutex<usize>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// Requests with their heads in lower case and their bodies as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A server of plain HTTP.
pub(crate) async fn http(answer: Answer) -> (SocketAddr, Seen) {
    let (listener, address, seen) = listen().await;
    let counted = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *counted.connections.lock().unwrap() += 1;
            tokio::spawn(plain(stream, answer.clone(), counted.clone()));
        }
    });
    (address, seen)
}

/// A server of HTTPS with this certificate.
pub(crate) async fn https(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    answer: Answer,
) -> (SocketAddr, Seen) {
    let (listener, address, seen) = listen().await;
    let counted = seen.clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *counted.connections.lock().unwrap() += 1;
            let (acceptor, answer, counted) = (acceptor.clone(), answer.clone(), counted.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    converse(stream, &answer, &counted).await;
                }
            });
        }
    });
    (address, seen)
}

async fn listen() -> (TcpListener, SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address, Seen::default())
}

async fn plain(mut stream: TcpStream, answer: Answer, seen: Seen) {
    if matches!(answer, Answer::Reset) {
        converse(&mut stream, &answer, &seen).await;
        stream.set_zero_linger().unwrap();
    } else {
        converse(stream, &answer, &seen).await;
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Answer, seen: &Seen) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        seen.requests.lock().unwrap().push(request);
        match answer {
            Answer::Bytes(bytes) => {
                // A client that has had enough closes; that is its right.
                if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Answer::After(delay, bytes) => {
                tokio::time::sleep(*delay).await;
                stream.write_all(bytes).await.unwrap();
                stream.flush().await.unwrap();
            }
            Answer::Half(bytes) => {
                stream.write_all(bytes).await.unwrap();
                stream.shutdown().await.unwrap();
                return;
            }
            Answer::Never => std::future::pending().await,
            Answer::Reset => return,
        }
    }
}

async fn read_request(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut request = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        let line_kept = if request.is_empty() { line.clone() } else { line.to_lowercase() };
        request.push_str(&line_kept);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.push_str(&String::from_utf8_lossy(&body));
    Some(request)
}

/// A mail server that takes everything but recipients at `gone.example`, and mail of those who do not sign in as it
/// wants.
pub(crate) async fn smtp(wants_sign_in: Option<&'static str>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (listener, address, _) = listen().await;
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&mails);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move { smtp_session(BufReader::new(stream), wants_sign_in, &kept).await });
        }
    });
    (address, mails)
}

async fn smtp_session(
    mut stream: BufReader<TcpStream>,
    wants_sign_in: Option<&str>,
    mails: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut signed_in = wants_sign_in.is_none();
    let mut envelope = String::new();
    say(&mut stream, "220 sink").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        let verb = line.get(..4).unwrap_or_default().to_uppercase();
        match verb.as_str() {
            "EHLO" if wants_sign_in.is_some() => say(&mut stream, "250-sink\r\n250 AUTH PLAIN").await?,
            "EHLO" => say(&mut stream, "250 sink").await?,
            "AUTH" => {
                signed_in = wants_sign_in == line.strip_prefix("AUTH PLAIN ");
                let answer = if signed_in { "235 welcome" } else { "535 who are you" };
                say(&mut stream, answer).await?;
            }
            "MAIL" if !signed_in => say(&mut stream, "530 sign in first").await?,
            "RCPT" if line.contains("@gone.example") => say(&mut stream, "550 nobody here").await?,
            "RCPT" if line.contains("@busy.example") => say(&mut stream, "450 later").await?,
            "MAIL" | "RCPT" => {
                envelope.push_str(line);
                envelope.push('\n');
                say(&mut stream, "250 ok").await?;
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let mut mail = std::mem::take(&mut envelope);
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.ok()?;
                    if line == ".\r\n" {
                        break;
                    }
                    mail.push_str(&line);
                }
                mails.lock().unwrap().push(mail);
                say(&mut stream, "250 kept").await?;
            }
            "RSET" | "NOOP" => {
                envelope.clear();
                say(&mut stream, "250 ok").await?;
            }
            _ => say(&mut stream, "221 bye").await?,
        }
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()
}
