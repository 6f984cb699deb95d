//! E-mail against a strict server of our own, and against one that others wrote.

use std::path::Path;
use std::time::Duration;

use delivery::ChannelOptions;
use delivery::channel::{Message, Sent, SentOutcome};
use expect_test::expect_file;
use model::{Transition, Trigger};
use serde_json::{Value, json};

use super::tls::certificate;
use crate::messages::{
    HOSTILE, channels, channels_with, endpoint, message, notification, opened, options, send,
    transitions,
};
use crate::servers::real_mail::RealMail;
use crate::servers::smtp::{Behaviour, Greeting, MailServer, Protection, headers, parts};

fn config(port: u16) -> Value {
    json!({
        "host": "127.0.0.1", "port": port, "tls": "none", "from": "Stormbell <bell@stormbell.example>",
        "to": ["On call <oncall@example.com>", "second@example.com"], "reply_to": "ops@example.com",
    })
}

async fn sent_to(behaviour: Behaviour) -> (Sent, MailServer) {
    let server = MailServer::start(behaviour).await;
    let sent = send(&channels(), "email", &config(server.port), &opened()).await;
    (sent, server)
}

#[tokio::test]
async fn a_mail_has_both_parts_and_every_header() {
    let (sent, server) = sent_to(Behaviour::default()).await;
    assert_eq!((sent.outcome, sent.status), (SentOutcome::Delivered, 250), "{}", sent.answer);
    let taken = server.taken().remove(0);
    assert_eq!(taken.from, "bell@stormbell.example");
    assert_eq!(taken.to, ["oncall@example.com", "second@example.com"]);
    let shown = |name: &str| format!("{name}: {}\n", headers(&taken.mail, name).join(" | "));
    let names = [
        "From",
        "To",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "References",
        "In-Reply-To",
        "Auto-Submitted",
    ];
    let head: String = names.into_iter().map(shown).collect();
    let parts = parts(&taken.mail);
    assert_eq!(headers(&taken.mail, "message-id"), [sent.reference]);
    assert!(parts[0].0.starts_with("text/plain") && parts[1].0.starts_with("text/html"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/email");
    let [plain, html] = [0, 1].map(|at: usize| parts[at].1.replace("\r\n", "\n"));
    expect_file![folder.join("mail.txt")].assert_eq(&format!("{head}\n{plain}\n"));
    expect_file![folder.join("mail.html")].assert_eq(&html);
}

#[tokio::test]
async fn all_mails_about_an_incident_are_one_thread() {
    let server = MailServer::start(Behaviour::default()).await;
    let channels = channels();
    let endpoint = endpoint(&channels, "email", &config(server.port));
    let first = channels.send(&endpoint, &message(&opened())).await;
    let again = channels.send(&endpoint, &message(&opened())).await;
    assert_eq!(first.reference, again.reference, "a mail sent twice is the same mail");
    let resolved = notification(Transition::Of(Trigger::Resolved), "Payment database is down");
    let next = Message { thread: &first.reference, ..message(&resolved) };
    channels.send(&endpoint, &next).await;

    let taken = server.taken();
    let root = headers(&taken[0].mail, "references").remove(0);
    assert_eq!(headers(&taken[2].mail, "references"), [format!("{root} {}", first.reference)]);
    assert_eq!(headers(&taken[2].mail, "in-reply-to"), [first.reference]);
    let subject = |at: usize| headers(&taken[at].mail, "subject").remove(0);
    assert_eq!(subject(2), format!("Re: {}", subject(0)));
}

#[tokio::test]
async fn a_digest_that_tells_more_than_the_one_before_is_another_mail() {
    let server = MailServer::start(Behaviour::default()).await;
    let channels = channels();
    let endpoint = endpoint(&channels, "email", &config(server.port));
    let told = opened();
    let others = [Trigger::Signal, Trigger::Resolved]
        .map(|trigger| notification(Transition::Of(trigger), "x"));
    for others in [&[][..], &others[..1], &others[..1], &others] {
        let sent = channels.send(&endpoint, &Message { others, ..message(&told) }).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    }
    let taken = server.taken();
    let ids: Vec<_> =
        taken.iter().map(|taken| headers(&taken.mail, "message-id").remove(0)).collect();
    assert_eq!(ids[1], ids[2], "a digest that is sent twice is the same mail");
    assert!(ids[0] != ids[1] && ids[1] != ids[3] && ids[0] != ids[3], "{ids:?}");
}

#[tokio::test]
async fn hostile_text_makes_no_header_no_recipient_and_no_command() {
    let server = MailServer::start(Behaviour::default()).await;
    let channels = channels();
    let endpoint = endpoint(&channels, "email", &config(server.port));
    for transition in transitions() {
        let told = notification(transition, HOSTILE);
        let odd = Message { thread: "<x@y>\r\nBcc: evil@example.com", ..message(&told) };
        let sent = channels.send(&endpoint, &odd).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    }
    let taken = server.taken();
    assert_eq!(taken.len(), transitions().len());
    for mail in taken {
        assert_eq!(mail.to.len(), 2);
        assert!(headers(&mail.mail, "bcc").is_empty());
        assert_eq!(headers(&mail.mail, "subject").len(), 1);
        let html = &parts(&mail.mail)[1].1;
        assert!(
            !html.contains("<b>") && !html.contains("<!channel>") && html.contains("&lt;b&gt;")
        );
    }
}

#[tokio::test]
async fn a_long_mail_keeps_the_limits_of_lines() {
    let server = MailServer::start(Behaviour::default()).await;
    let text = format!(".{}", "Störung 😀 . ".repeat(400));
    let told = notification(Transition::Of(Trigger::Opened), &text);
    let sent = send(&channels(), "email", &config(server.port), &told).await;
    assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    assert!(parts(&server.taken()[0].mail)[0].1.contains("Störung 😀"));
}

#[tokio::test]
async fn replies_mean_later_or_never() {
    let later = SentOutcome::Retry { after: None };
    for (after_data, outcome, status) in [
        ("451 4.3.0 try again", later, 451),
        ("452 4.2.2 mailbox full", later, 452),
        ("550 5.7.1 spam", SentOutcome::Refused, 550),
        ("554 5.6.0 no", SentOutcome::Refused, 554),
    ] {
        let behaviour = Behaviour { after_data: Some(after_data), ..Behaviour::default() };
        let (sent, _) = sent_to(behaviour).await;
        assert_eq!((sent.outcome, sent.status), (outcome, status), "{}", sent.answer);
        assert!(sent.reference.is_empty());
    }
}

#[tokio::test]
async fn some_recipients_may_be_refused_and_none_is_told_twice() {
    let (gone, full) =
        (("oncall@example.com", "550 5.1.1 gone"), ("second@example.com", "452 4.2.2 full"));
    let also_gone = ("second@example.com", "550 5.1.1 gone");
    for (recipients, outcome, mails) in [
        (vec![gone], SentOutcome::Delivered, 1),
        (vec![full], SentOutcome::Retry { after: None }, 0),
        (vec![gone, full], SentOutcome::Retry { after: None }, 0),
        (vec![gone, also_gone], SentOutcome::Refused, 0),
    ] {
        let behaviour = Behaviour { recipients: recipients.clone(), ..Behaviour::default() };
        let (sent, server) = sent_to(behaviour).await;
        assert_eq!(sent.outcome, outcome, "{recipients:?}: {}", sent.answer);
        assert_eq!(server.taken().len(), mails, "{recipients:?}");
        assert!(
            mails == 0 || sent.answer.contains("refused for oncall@example.com"),
            "{}",
            sent.answer
        );
    }
}

#[tokio::test]
async fn no_greeting_a_busy_server_and_nobody_there_are_tried_later() {
    let impatient = ChannelOptions { timeout: Duration::from_millis(200), ..options() };
    let channels = channels_with(impatient);
    for greeting in [Greeting::Busy, Greeting::Hang, Greeting::Cut] {
        let server = MailServer::start(Behaviour { greeting, ..Behaviour::default() }).await;
        let sent = send(&channels, "email", &config(server.port), &opened()).await;
        assert_eq!(sent.outcome, SentOutcome::Retry { after: None }, "{}", sent.answer);
    }
    let sent = send(&channels, "email", &config(1), &opened()).await;
    assert_eq!(sent.outcome, SentOutcome::Retry { after: None }, "{}", sent.answer);
}

#[tokio::test]
async fn a_private_mail_server_is_not_spoken_to_unless_it_is_allowed() {
    let server = MailServer::start(Behaviour::default()).await;
    let channels = channels_with(ChannelOptions { allow_private: false, ..options() });
    for host in ["127.0.0.1", "localhost"] {
        let mut config = config(server.port);
        config["host"] = json!(host);
        let sent = send(&channels, "email", &config, &opened()).await;
        assert_eq!(sent.outcome, SentOutcome::Refused);
        assert!(sent.answer.contains("forbidden"), "{}", sent.answer);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_password_is_said_over_tls_in_either_way() {
    let (pem, _, acceptor) = certificate("localhost");
    let believing = || ChannelOptions { extra_roots: vec![pem.clone().into_bytes()], ..options() };
    for (tls, auth) in
        [("tls", "PLAIN"), ("tls", "LOGIN"), ("starttls", "PLAIN"), ("starttls", "LOGIN")]
    {
        let protection = match tls {
            "tls" => Protection::Tls(acceptor.clone()),
            _ => Protection::StartTls(acceptor.clone()),
        };
        let behaviour = Behaviour { protection, auth: Some(auth), ..Behaviour::default() };
        let server = MailServer::start(behaviour).await;
        let mut config = config(server.port);
        let login = |config: &mut Value, password: &str| {
            config["host"] = json!("localhost");
            config["tls"] = json!(tls);
            config["username"] = json!("stormbell");
            config["password"] = json!(password);
        };
        login(&mut config, "hunter22");
        let sent = send(&channels_with(believing()), "email", &config, &opened()).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{tls} {auth}: {}", sent.answer);
        let taken = server.taken().remove(0);
        assert_eq!((taken.encrypted, taken.user.as_str()), (true, "stormbell"));

        login(&mut config, "hunter23");
        let sent = send(&channels_with(believing()), "email", &config, &opened()).await;
        assert_eq!((sent.outcome, sent.status), (SentOutcome::Refused, 535), "{}", sent.answer);
    }
}

#[tokio::test]
async fn without_the_tls_that_was_asked_for_nothing_is_sent() {
    let (pem, _, acceptor) = certificate("other.example");
    let believing = ChannelOptions { extra_roots: vec![pem.into_bytes()], ..options() };
    let channels = channels_with(believing);
    for (protection, outcome) in [
        (Protection::None, SentOutcome::Refused),
        // A certificate of another name may be mended.
        (Protection::StartTls(acceptor), SentOutcome::Retry { after: None }),
    ] {
        let server = MailServer::start(Behaviour { protection, ..Behaviour::default() }).await;
        let mut config = config(server.port);
        config["host"] = json!("localhost");
        config["tls"] = json!("starttls");
        let sent = send(&channels, "email", &config, &opened()).await;
        assert_eq!(sent.outcome, outcome, "{}", sent.answer);
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn a_mail_server_that_others_wrote_takes_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, key, _) = certificate("localhost");
    let server = RealMail::start(folder.path(), &pem, &key).await;
    let believing = ChannelOptions { extra_roots: vec![pem.into_bytes()], ..options() };
    let channels = channels_with(believing);
    let mut config = config(server.port);
    config["host"] = json!("localhost");
    config["tls"] = json!("starttls");
    for text in ["Payment database is down", HOSTILE] {
        let told = notification(Transition::Of(Trigger::Opened), text);
        let sent = send(&channels, "email", &config, &told).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    }
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        let mail = mail.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(headers(&mail, "x-rcptto"), ["oncall@example.com, second@example.com"]);
        assert_eq!(parts(&mail).len(), 2);
    }
}
