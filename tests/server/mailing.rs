//! Alerts by mail, through a server that speaks SMTP.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::server::{Server, exhausted, sample};

/// A mail server that keeps what it gets, headers and all.
struct MailServer {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&mails);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || drop(speak(stream, &kept)));
            }
        });
        Self { port, mails }
    }
}

fn speak(stream: TcpStream, mails: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    writer.write_all(b"220 mail\r\n")?;
    let mut line = String::new();
    while {
        line.clear();
        reader.read_line(&mut line)?
    } > 0
    {
        let command = line.trim_end().to_ascii_uppercase();
        if command == "DATA" {
            writer.write_all(b"354 go on\r\n")?;
            let mut mail = String::new();
            while {
                line.clear();
                reader.read_line(&mut line)?
            } > 0
                && line != ".\r\n"
            {
                mail.push_str(&line);
            }
            mails.lock().unwrap().push(mail);
        }
        let answer: &[u8] = if command == "QUIT" { b"221 bye\r\n" } else { b"250 ok\r\n" };
        writer.write_all(answer)?;
    }
    Ok(())
}

#[test]
fn an_alert_comes_by_mail_and_so_does_its_end() {
    let mail_server = MailServer::new();
    let server = Server::with(&format!(
        r#"
[mail]
server = "127.0.0.1"
port = {}
tls = "none"
from = "Lapwing <lapwing@example.com>"

[[actions]]
action_id = "mail"
plugin = "send_alert"
settings = {{ kind = "email", to = ["oncall@example.com"] }}
grants = {{ mail = ["@example.com"] }}

[alerts]
group_wait_s = 0.0
[alerts.route]
receivers = ["mail"]
group_by = ["rule_id", "system_id"]
"#,
        mail_server.port
    ));
    server.take(&[exhausted("db-1", 0), exhausted("db-1", 1)]);
    let mails = |count: usize| {
        server.until(&format!("{count} mails"), || {
            let mails = mail_server.mails.lock().unwrap();
            (mails.len() >= count).then(|| mails.clone())
        })
    };
    let alert = mails(1).remove(0);
    assert!(alert.contains("To: oncall@example.com"), "{alert}");
    assert!(alert.contains("Subject: ") && alert.contains("db-1"), "{alert}");
    server.take(&[sample("db-1", 100)]);
    let end = mails(2).remove(1);
    let header = |mail: &str, name: &str| {
        let found = mail.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        found.unwrap_or_default().to_owned()
    };
    assert_ne!(header(&alert, "Message-ID:"), header(&end, "Message-ID:"));
    assert!(!header(&end, "In-Reply-To:").is_empty(), "{end}");
}
