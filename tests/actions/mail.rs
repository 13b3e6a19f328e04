//! Mail through a server on this machine.

use lapwing::outside::Mailer;
use serde_json::json;

use crate::harness::{Acting, Stage, secrets};
use crate::servers;

fn mailer(settings: &str) -> Mailer {
    Mailer::new(&toml::from_str(settings).unwrap(), &*secrets(), &[]).unwrap()
}

fn settings(port: u16) -> String {
    format!(
        "server = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"Lapwing <lapwing@example.com>\"\n"
    )
}

async fn acting(settings: &str) -> Acting {
    let grants = "mail = [\"@example.com\", \"me@gone.example\", \"me@busy.example\"]";
    Stage::new(grants).mailer(mailer(settings)).instance().await
}

#[tokio::test]
async fn a_mail_arrives_and_can_be_threaded() {
    let (address, mails) = servers::smtp(None).await;
    let mut acting = acting(&settings(address.port())).await;
    let sent = acting
        .does(json!({ "op": "mail", "to": "a@example.com,b@example.com", "subject": "Störung of db-1",
                      "text": "plain words", "html": "<p>marked words</p>", "in_reply_to": "first@lapwing" }))
        .await;
    assert_eq!(sent, "sent");
    let mail = mails.lock().unwrap()[0].clone();
    for expected in [
        "MAIL FROM:<lapwing@example.com>",
        "RCPT TO:<a@example.com>",
        "RCPT TO:<b@example.com>",
        "Message-ID: <key-1@lapwing>\r\n",
        "In-Reply-To: <first@lapwing>\r\n",
        "References: <first@lapwing>\r\n",
        "multipart/alternative",
        "plain words",
        "<p>marked words</p>",
        "Subject: =?utf-8?",
    ] {
        assert!(mail.contains(expected), "{expected}: {mail}");
    }
    let usage = acting.0.usage();
    assert_eq!((usage.mails, usage.requests, usage.sent_bytes), (1, 0, 30));
}

#[tokio::test]
async fn recipients_that_are_not_granted_get_nothing() {
    let (address, mails) = servers::smtp(None).await;
    let mut acting = acting(&settings(address.port())).await;
    for to in ["a@evil.example", "a@example.com,b@evil.example", "a@sub.example.com", "other@gone.example"] {
        let (reason, retry) = acting.fails(json!({ "op": "mail", "to": to })).await;
        assert!(reason.ends_with("is not granted") && !retry, "{to}: {reason}");
    }
    let (reason, _) =
        acting.fails(json!({ "op": "mail", "to": "a@example.com", "subject": "a\r\nBcc: b@c.d" })).await;
    assert!(reason.contains("subject is not one line"), "{reason}");
    assert!(mails.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_server_says_whether_to_try_again() {
    let (address, mails) = servers::smtp(None).await;
    let mut acting = acting(&settings(address.port())).await;
    let (reason, retry) = acting.fails(json!({ "op": "mail", "to": "me@gone.example" })).await;
    assert!(reason.contains("550") && !retry, "{reason}");
    let (reason, retry) = acting.fails(json!({ "op": "mail", "to": "me@busy.example" })).await;
    assert!(reason.contains("450") && retry, "{reason}");
    assert_eq!(acting.does(json!({ "op": "mail", "to": "a@example.com" })).await, "sent", "the pool goes on");
    assert_eq!(mails.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_password_is_a_secret_and_a_wrong_one_may_be_put_right() {
    // "\0me\0open sesame" in base64.
    let (address, mails) = servers::smtp(Some("AG1lAG9wZW4gc2VzYW1l")).await;
    let sign_in = format!("{}username = \"me\"\npassword_secret = \"password\"", settings(address.port()));
    assert_eq!(acting(&sign_in).await.does(json!({ "op": "mail", "to": "a@example.com" })).await, "sent");
    let wrong = format!("{}username = \"me\"\npassword_secret = \"hook\"", settings(address.port()));
    let (reason, retry) = acting(&wrong).await.fails(json!({ "op": "mail", "to": "a@example.com" })).await;
    assert!(reason.contains("535") && retry, "{reason}");
    assert_eq!(mails.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn no_server_is_said_and_a_dead_one_may_come_back() {
    let mut without = Stage::new("mail = [\"@example.com\"]").instance().await;
    let (reason, retry) = without.fails(json!({ "op": "mail", "to": "a@example.com" })).await;
    assert!(reason == "refused: there is no mail server: [mail] is not configured" && !retry, "{reason}");
    let (reason, retry) =
        acting(&settings(1)).await.fails(json!({ "op": "mail", "to": "a@example.com" })).await;
    assert!(reason.starts_with("unreachable: ") && retry, "{reason}");
}
