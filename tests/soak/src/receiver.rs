//! The other side of webhooks: takes what comes on as many connections as there are, and can be out of order.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::sender::lock;

/// A message that came.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) at: Instant,
    /// Whether it was answered well.
    pub(crate) taken: bool,
    pub(crate) key: String,
    pub(crate) kind: String,
    /// The first detection's.
    pub(crate) system: String,
    pub(crate) firing: u64,
    pub(crate) title: String,
}

/// The receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    messages: Arc<Mutex<Vec<Message>>>,
    down: Arc<AtomicBool>,
}

impl Receiver {
    /// # Errors
    /// It cannot listen.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the receiver cannot listen")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (messages, down) = (Arc::<Mutex<Vec<Message>>>::default(), Arc::<AtomicBool>::default());
        let shared = (Arc::clone(&messages), Arc::clone(&down));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (messages, down) = (Arc::clone(&shared.0), Arc::clone(&shared.1));
                // A connection that breaks is the sender's trouble.
                std::thread::spawn(move || drop(serve(stream, &messages, &down)));
            }
        });
        Ok(Self { url, messages, down })
    }

    /// Whether everything is answered with 503.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Release);
    }

    /// What came so far.
    pub(crate) fn messages(&self) -> Vec<Message> {
        lock(&self.messages).clone()
    }

    /// How many were answered well.
    pub(crate) fn taken(&self) -> usize {
        lock(&self.messages).iter().filter(|message| message.taken).count()
    }
}

fn serve(stream: TcpStream, messages: &Mutex<Vec<Message>>, down: &AtomicBool) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut key, mut line) = (0, String::new(), String::new());
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse()?,
                "idempotency-key" => key = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let at = Instant::now();
        let taken = !down.load(Ordering::Acquire);
        let status = if taken { "200 OK" } else { "503 Service Unavailable" };
        let body: Value = serde_json::from_slice(&body)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lock(messages).push(Message {
            at,
            taken,
            key,
            kind: text(&body["kind"]),
            system: text(&body["detections"][0]["system_id"]),
            firing: body["firing"].as_u64().unwrap_or(0),
            title: text(&body["title"]),
        });
        write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
    }
}
