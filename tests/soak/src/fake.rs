//! A server for tests: answers each request as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::client::Api;

/// A request as the fake received it.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// What the fake answers.
pub(crate) enum Reply {
    /// A status, whole header lines, and a body.
    Whole(u16, &'static str, String),
    /// 200 and these pieces, each a chunk; then the end.
    Chunks(Vec<&'static str>),
    /// The connection is closed.
    Nothing,
}

/// Starts a server for the rest of the test and returns its API.
pub(crate) fn serve(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Api {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Arc<Answer> = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || while converse(&stream, &*answer).is_some() {});
        }
    });
    Api::new(address, "secret".to_owned())
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// One request and its answer; `None` when the connection is over.
fn converse(stream: &TcpStream, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length = header("content-length:").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    assert_eq!(header("authorization:"), Some("Bearer secret"));
    let mut words = head[0].split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let close = header("connection:") == Some("close");
    let mut writer = stream;
    match answer(&Request { method, path, headers: head, body }) {
        Reply::Whole(status, headers, body) => {
            let length = body.len();
            let text = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
            writer.write_all(text.as_bytes()).ok()?;
        }
        Reply::Chunks(chunks) => {
            writer.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").ok()?;
            for chunk in chunks.iter().chain([&""]) {
                write!(writer, "{:x}\r\n{chunk}\r\n", chunk.len()).ok()?;
            }
        }
        Reply::Nothing => {
            stream.shutdown(std::net::Shutdown::Both).ok();
            return None;
        }
    }
    (!close).then_some(())
}
