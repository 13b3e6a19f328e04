//! The other side of actions: an HTTP server that takes what it gets, and misbehaves when told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// With this status.
    Status(u16),
    /// Not at all: the connection is closed.
    Reset,
    /// With half of what was announced.
    Half,
    /// After a while, with 200.
    Slow(Duration),
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    /// For the next requests; 200 once there are none.
    manners: VecDeque<Manner>,
}

/// The receiver.
pub(crate) struct Receiver {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// What grants access to it.
    pub(crate) fn grant(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How the next requests are answered.
    pub(crate) fn behave(&self, manners: &[Manner]) {
        self.state.lock().unwrap().manners.extend(manners.iter().cloned());
    }

    /// From now on every request is answered with 200.
    pub(crate) fn forgive(&self) {
        self.state.lock().unwrap().manners.clear();
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(received) = read(&mut reader) {
        let manner = {
            let mut state = state.lock().unwrap();
            state.received.push(received);
            state.manners.pop_front().unwrap_or(Manner::Status(200))
        };
        let whole = |status: u16| format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\nok");
        let answer = match manner {
            Manner::Status(status) => whole(status),
            Manner::Slow(time) => {
                std::thread::sleep(time);
                whole(200)
            }
            Manner::Half => "HTTP/1.1 200 x\r\ncontent-length: 200\r\n\r\nhalf".to_owned(),
            Manner::Reset => return,
        };
        let is_half = answer.ends_with("half");
        if writer.write_all(answer.as_bytes()).is_err() || is_half {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&bytes| bytes > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let text = String::from_utf8(body).unwrap();
    Some(Received { method, path, headers, body: serde_json::from_str(&text).unwrap_or_default(), text })
}
