//! Mail: the operator's server, and messages that recipients can thread and recognise.

use std::net::IpAddr;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::http::OutsideError;
use super::secrets::Secrets;
use crate::limits::{
    MAIL_BYTES_MAX, MAIL_CONNECTIONS_MAX, MAIL_DEADLINE, MAIL_RECIPIENTS_MAX, NAME_BYTES_MAX,
    SUBJECT_BYTES_MAX,
};

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// TLS from the first byte; port 465 unless another is given.
    #[default]
    Required,
    /// TLS after a plain greeting, or no mail at all; port 587 unless another is given.
    StartTls,
    /// None, to a server on this machine; port 25 unless another is given.
    None,
}

/// The mail server, as the configuration has it under `[mail]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// Its name or address.
    pub server: String,
    /// Its port, if it is not the usual one.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: MailTls,
    /// Who signs in; nobody if there is none.
    #[serde(default)]
    pub username: Option<String>,
    /// The secret that is the password.
    #[serde(default)]
    pub password_secret: Option<String>,
    /// The sender: `Lapwing <lapwing@example.com>`.
    pub from: String,
}

impl MailSettings {
    /// Everything that is wrong, each in a sentence that begins with `place`, such as `mail`.
    #[must_use]
    pub fn problems(&self, place: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if url::Host::parse(&self.server).is_err() {
            problems.push(format!("{place}.server is {:?}, expected a host name or an address", self.server));
        }
        if self.port == Some(0) {
            problems.push(format!("{place}.port is 0, from 1 to 65535 is allowed"));
        }
        if self.tls == MailTls::None && !is_loopback(&self.server) {
            problems.push(format!(
                "{place}.tls is \"none\", which is for a server on this machine (\"localhost\", \"127.0.0.1\", \"::1\"), \
                 and {place}.server is {:?}",
                self.server
            ));
        }
        if self.username.is_some() != self.password_secret.is_some() {
            problems.push(format!(
                "{place}.username and {place}.password_secret go together, and one is missing"
            ));
        }
        if self.from.parse::<Mailbox>().is_err() {
            problems.push(format!(
                "{place}.from is {:?}, expected an address such as \"Lapwing <lapwing@example.com>\"",
                self.from
            ));
        }
        problems
    }
}

fn is_loopback(server: &str) -> bool {
    server == "localhost" || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A message as an action asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailMessage {
    /// Bare addresses.
    pub recipients: Vec<String>,
    /// One line.
    pub subject: String,
    /// The message for those who read text.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// `Message-ID` without brackets: the same for every try.
    pub id: String,
    /// `Message-ID` of the mail that this one follows.
    pub in_reply_to: Option<String>,
}

impl MailMessage {
    /// The recipients, read; refuses what could not be sent whoever may be written to.
    pub(super) fn check(&self) -> Result<Vec<Address>, OutsideError> {
        let refused = |reason: String| Err(OutsideError::Refused(reason));
        if !(1..=MAIL_RECIPIENTS_MAX).contains(&self.recipients.len()) {
            return refused(format!(
                "{} recipients, from 1 to {MAIL_RECIPIENTS_MAX} are allowed",
                self.recipients.len()
            ));
        }
        if self.subject.len() > SUBJECT_BYTES_MAX || self.subject.contains(char::is_control) {
            return refused(format!("the subject is not one line of at most {SUBJECT_BYTES_MAX} bytes"));
        }
        if self.bytes() > MAIL_BYTES_MAX {
            return refused(format!(
                "the mail has {} bytes, at most {MAIL_BYTES_MAX} are allowed",
                self.bytes()
            ));
        }
        if !is_message_id(&self.id) {
            return refused(
                "the id is no Message-ID without brackets, such as \"key@example.com\"".to_owned(),
            );
        }
        if self.in_reply_to.as_deref().is_some_and(|id| !is_message_id(id)) {
            return refused(
                "in-reply-to is no Message-ID without brackets, such as \"key@example.com\"".to_owned(),
            );
        }
        self.recipients
            .iter()
            .map(|text| {
                let reason = || OutsideError::Refused(format!("recipient {text:?} is no address"));
                text.parse().map_err(|_| reason())
            })
            .collect()
    }

    /// Bytes of text and HTML.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.html.as_ref().map_or(0, String::len)
    }
}

/// One `@` between two parts of printable ASCII, and nothing that could end the header.
fn is_message_id(id: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>@".contains(&byte))
    };
    id.len() <= NAME_BYTES_MAX && id.split_once('@').is_some_and(|(left, right)| part(left) && part(right))
}

/// The mail server cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// The configuration is wrong.
    #[error("{}", .0.join("; "))]
    Settings(Vec<String>),
    /// There is no secret of the name that the configuration gives.
    #[error("mail.password_secret names {0:?}, and there is no such secret")]
    NoSecret(String),
    /// TLS cannot be set up.
    #[error("the TLS of mail cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// Sends mail. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// A mailer that trusts Mozilla's root certificates and `roots`. Nothing is sent yet, nor is the server asked.
    ///
    /// Must be called within a tokio runtime, in which the pool looks after its connections.
    ///
    /// # Errors
    /// The settings are wrong, or the password is missing.
    pub fn new(
        settings: &MailSettings,
        secrets: &dyn Secrets,
        roots: &[CertificateDer<'static>],
    ) -> Result<Self, MailSetupError> {
        let problems = settings.problems("mail");
        let (Ok(from), true) = (settings.from.parse::<Mailbox>(), problems.is_empty()) else {
            return Err(MailSetupError::Settings(problems));
        };
        let protected = || {
            let mut tls = TlsParameters::builder(settings.server.clone());
            for root in roots {
                let root = Certificate::from_der(root.to_vec()).map_err(MailSetupError::Tls)?;
                tls = tls.add_root_certificate(root);
            }
            tls.build_rustls().map_err(MailSetupError::Tls)
        };
        let (tls, usual_port) = match settings.tls {
            MailTls::Required => (Tls::Wrapper(protected()?), 465),
            MailTls::StartTls => (Tls::Required(protected()?), 587),
            MailTls::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.server.as_str())
            .port(settings.port.unwrap_or(usual_port))
            .tls(tls)
            .timeout(Some(MAIL_DEADLINE))
            .pool_config(PoolConfig::new().max_size(MAIL_CONNECTIONS_MAX));
        if let (Some(username), Some(name)) = (&settings.username, &settings.password_secret) {
            let password = secrets.secret(name).ok_or_else(|| MailSetupError::NoSecret(name.clone()))?;
            builder = builder.credentials(Credentials::new(username.clone(), password.reveal().to_owned()));
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Sends a message whose recipients the caller has found to be granted.
    pub(super) async fn send(
        &self,
        message: &MailMessage,
        recipients: Vec<Address>,
        within: Duration,
    ) -> Result<(), OutsideError> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(message.subject.as_str())
            .message_id(Some(format!("<{}>", message.id)));
        for recipient in recipients {
            builder = builder.to(Mailbox::new(None, recipient));
        }
        if let Some(id) = &message.in_reply_to {
            builder = builder.in_reply_to(format!("<{id}>")).references(format!("<{id}>"));
        }
        let text = message.text.clone();
        let built = match &message.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            None => builder.singlepart(SinglePart::plain(text)),
        };
        let mail =
            built.map_err(|error| OutsideError::Refused(format!("the mail makes no sense: {error}")))?;
        match tokio::time::timeout(within, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(OutsideError::Timeout),
        }
    }
}

fn failed(error: &lettre::transport::smtp::Error) -> OutsideError {
    // 530, 534, 535 and 538 are about our password, which the operator can put right while the mail waits.
    let ours =
        error.status().is_some_and(|code| ["530", "534", "535", "538"].contains(&code.to_string().as_str()));
    if error.is_timeout() {
        OutsideError::Timeout
    } else if error.is_permanent() && !ours {
        OutsideError::Refused(error.to_string())
    } else {
        OutsideError::Unreachable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::secrets::SecretStore;
    use super::*;

    fn settings(text: &str) -> MailSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn settings_say_what_is_wrong() {
        let good = "server = \"mail.example.com\"\nfrom = \"Lapwing <a@example.com>\"";
        assert_eq!(settings(good).problems("mail"), Vec::<String>::new());
        assert_eq!(settings(good).tls, MailTls::Required);
        let table = [
            ("server = \"a b\"\nfrom = \"a@b.c\"", "mail.server"),
            ("server = \"a.b\"\nport = 0\nfrom = \"a@b.c\"", "mail.port"),
            ("server = \"a.b\"\ntls = \"none\"\nfrom = \"a@b.c\"", "mail.tls"),
            ("server = \"10.0.0.1\"\ntls = \"none\"\nfrom = \"a@b.c\"", "mail.tls"),
            ("server = \"a.b\"\nusername = \"me\"\nfrom = \"a@b.c\"", "mail.username"),
            ("server = \"a.b\"\nfrom = \"nobody\"", "mail.from"),
        ];
        for (text, expected) in table {
            let problems = settings(text).problems("mail");
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{text}: {problems:?}");
        }
        assert!(toml::from_str::<MailSettings>("server = \"a\"\nfrom = \"a@b.c\"\ntls = \"maybe\"").is_err());
    }

    #[tokio::test]
    async fn a_password_must_be_there() {
        let text = "server = \"a.b\"\nusername = \"me\"\npassword_secret = \"mail\"\nfrom = \"a@b.c\"";
        let made = Mailer::new(&settings(text), &SecretStore::default(), &[]);
        assert!(matches!(made, Err(MailSetupError::NoSecret(name)) if name == "mail"));
    }

    #[test]
    fn messages_are_checked() {
        let good = MailMessage {
            recipients: vec!["a@example.com".to_owned()],
            id: "key@lapwing".to_owned(),
            ..MailMessage::default()
        };
        assert!(good.check().is_ok());
        type Change = fn(&mut MailMessage);
        let changes: [(&str, Change); 9] = [
            ("recipients", |mail| mail.recipients.clear()),
            ("recipients", |mail| mail.recipients = vec!["a@b.c".to_owned(); MAIL_RECIPIENTS_MAX + 1]),
            ("is no address", |mail| mail.recipients = vec!["A <a@b.c>".to_owned()]),
            ("is no address", |mail| mail.recipients = vec!["a@b.c\r\nBcc: d@e.f".to_owned()]),
            ("subject", |mail| mail.subject = "a\r\nBcc: d@e.f".to_owned()),
            ("bytes", |mail| mail.html = Some("x".repeat(MAIL_BYTES_MAX + 1))),
            ("the id", |mail| mail.id = "a@b>\r\nBcc: d@e.f".to_owned()),
            ("the id", |mail| mail.id = String::new()),
            ("in-reply-to", |mail| mail.in_reply_to = Some("a b@c".to_owned())),
        ];
        for (expected, change) in changes {
            let mut mail = good.clone();
            change(&mut mail);
            match mail.check() {
                Err(OutsideError::Refused(reason)) => assert!(reason.contains(expected), "{reason}"),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
