//! What an endpoint of e-mail says: a mail server, who we are there, and from whom to whom.

use lettre::message::Mailbox;

use crate::channels::fields::Fields;

/// Recipients of one endpoint.
const RECIPIENTS: usize = 50;
/// Characters of an address with a name.
const MAILBOX_CHARS: usize = 320;

/// A way to a mail server, and the addresses.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    /// Name and password, where the server wants to know.
    pub(super) login: Option<(String, String)>,
    pub(super) from: Option<Mailbox>,
    pub(super) to: Vec<Mailbox>,
    pub(super) reply_to: Option<Mailbox>,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// It begins in the open and turns to TLS before anything is said; without that, nothing is sent.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: for a relay on the same machine or in the same rack.
    Open,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let host = fields.text("host", 253);
        if host.contains(['/', '@', ' ']) {
            fields.refuse("host", "invalid", "this is the name of a mail server, without a port");
        }
        let (protection, usual) = match fields.word("tls", &["starttls", "tls", "none"]) {
            "tls" => (Protection::Tls, 465),
            "none" => (Protection::Open, 25),
            _ => (Protection::StartTls, 587),
        };
        let port = fields.number("port", 1, u64::from(u16::MAX));
        let login = login(fields, protection);
        let from = fields.text("from", MAILBOX_CHARS);
        let from = mailbox(fields, "from", &from);
        let to = fields.texts("to", RECIPIENTS, MAILBOX_CHARS);
        if to.is_empty() && !fields.has("to") {
            fields.refuse("to", "missing", "this is needed");
        }
        let reply_to = fields.optional_text("reply_to", MAILBOX_CHARS);
        Self {
            host,
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual),
            protection,
            login,
            from,
            to: to.iter().filter_map(|text| mailbox(fields, "to", text)).collect(),
            reply_to: reply_to.and_then(|text| mailbox(fields, "reply_to", &text)),
        }
    }
}

fn login(fields: &mut Fields<'_>, protection: Protection) -> Option<(String, String)> {
    let username = fields.optional_text("username", 256);
    let Some(username) = username else {
        if fields.optional_text("password", 1_024).is_some() {
            fields.refuse("username", "missing", "a password needs a user name");
        }
        return None;
    };
    if protection == Protection::Open {
        fields.refuse("tls", "insecure", "a password is sent over TLS only");
    }
    Some((username, fields.text("password", 1_024)))
}

/// An address that every mail server takes: ASCII, with or without a name.
fn mailbox(fields: &mut Fields<'_>, name: &'static str, text: &str) -> Option<Mailbox> {
    if text.is_empty() {
        return None;
    }
    let mailbox = text.parse::<Mailbox>().ok().filter(|mailbox| {
        let address: &str = mailbox.email.as_ref();
        address.is_ascii()
    });
    if mailbox.is_none() {
        let message = format!("`{text}` is not an address such as Name <name@example.com>");
        fields.refuse(name, "invalid_address", message);
    }
    mailbox
}
