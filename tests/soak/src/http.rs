//! HTTP/1.1 over one kept connection, and no more of it than the programs need: what the sender costs is
//! taken from the server beside it.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest body of an answer.
const BODY_BYTES_MAX: usize = 256 << 20;

/// The head of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after_s: Option<f64>,
    length: Option<usize>,
    chunked: bool,
    close: bool,
}

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    usable: bool,
}

impl Connection {
    /// Connects; `patience` limits the connecting and every read and write.
    ///
    /// # Errors
    /// Nobody listens, or the time is over.
    pub(crate) fn open(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream: BufReader::with_capacity(16 << 10, stream), usable: true })
    }

    /// Whether another request may be sent.
    pub(crate) fn is_usable(&self) -> bool {
        self.usable
    }

    /// Sends a request and reads the answer; its body replaces what is in `answer`.
    ///
    /// A server may answer before it has read the whole body: the answer counts then, and the connection is
    /// done.
    ///
    /// # Errors
    /// The connection broke before there was an answer, or the answer is not HTTP.
    pub(crate) fn exchange(&mut self, head: &[u8], body: &[u8], answer: &mut Vec<u8>) -> io::Result<Head> {
        self.usable = false;
        let sent = self.send(head, body);
        let head = match (sent, self.read_head()) {
            (Ok(()), Ok(head)) => head,
            (Err(_), Ok(head)) => Head { close: true, ..head },
            (Err(error), Err(_)) | (Ok(()), Err(error)) => return Err(error),
        };
        answer.clear();
        if head.chunked {
            while self.read_chunk(answer)? {}
        } else if let Some(length) = head.length {
            if length > BODY_BYTES_MAX {
                return Err(bad(format!("an answer of {length} bytes")));
            }
            answer.resize(length, 0);
            self.stream.read_exact(answer)?;
        } else if head.status != 204 && head.status != 304 {
            self.stream.by_ref().take(BODY_BYTES_MAX as u64).read_to_end(answer)?;
        }
        self.usable = !head.close && (head.chunked || head.length.is_some());
        Ok(head)
    }

    /// Sends a request and reads the head of the answer, whose body is then read line by line.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub(crate) fn stream(mut self, head: &[u8]) -> io::Result<(Head, Lines)> {
        self.send(head, b"")?;
        let head = self.read_head()?;
        let chunked = head.chunked;
        Ok((head, Lines { connection: self, chunked, buffer: Vec::new(), taken: 0 }))
    }

    fn send(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(head)?;
        stream.write_all(body)
    }

    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        line.clear();
        let read = self.stream.by_ref().take(HEAD_BYTES_MAX as u64).read_until(b'\n', line)?;
        if read == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            line.pop();
        }
        Ok(())
    }

    fn read_head(&mut self) -> io::Result<Head> {
        let mut line = Vec::with_capacity(256);
        self.line(&mut line)?;
        let status = std::str::from_utf8(&line)
            .ok()
            .filter(|text| text.starts_with("HTTP/1."))
            .and_then(|text| text.split(' ').nth(1)?.parse().ok());
        let Some(status) = status else {
            return Err(bad(format!("not a status line: {:?}", String::from_utf8_lossy(&line))));
        };
        let mut head = Head { status, ..Head::default() };
        loop {
            self.line(&mut line)?;
            if line.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            let Some((name, value)) = text.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().ok(),
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => head.close = value.eq_ignore_ascii_case("close"),
                "retry-after" => head.retry_after_s = value.parse().ok(),
                _ => {}
            }
        }
        // An interim answer is followed by the real one.
        if head.status / 100 == 1 { self.read_head() } else { Ok(head) }
    }

    /// Adds the next chunk to `body`; false at the last one.
    fn read_chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let mut line = Vec::new();
        self.line(&mut line)?;
        let text = String::from_utf8_lossy(&line);
        let digits = text.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16).map_err(|_| bad(format!("not a chunk: {text:?}")))?;
        if body.len() + length > BODY_BYTES_MAX {
            return Err(bad("an answer without end".to_owned()));
        }
        let before = body.len();
        body.resize(before + length, 0);
        self.stream.read_exact(&mut body[before..])?;
        self.line(&mut line)?;
        Ok(length > 0)
    }
}

/// The body of an answer as lines, as they come.
#[derive(Debug)]
pub(crate) struct Lines {
    connection: Connection,
    chunked: bool,
    buffer: Vec<u8>,
    taken: usize,
}

impl Lines {
    /// The next line without its end; `None` when the server ends the answer.
    ///
    /// # Errors
    /// The connection broke, or nothing came for as long as it has patience.
    pub(crate) fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer[self.taken..].iter().position(|&byte| byte == b'\n') {
                let line = &self.buffer[self.taken..self.taken + end];
                let line = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
                self.taken += end + 1;
                return Ok(Some(line));
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            let more = if self.chunked {
                self.connection.read_chunk(&mut self.buffer)?
            } else {
                self.connection.stream.read_until(b'\n', &mut self.buffer)? > 0
            };
            if !more {
                return Ok(None);
            }
        }
    }
}

fn bad(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}
