//! A message as an e-mail: plain text, the same as HTML, and headers that make a thread of an incident.
//!
//! Invariant: the `Message-ID` is a function of all that is told and of the endpoint, so that a mail that is sent twice
//! is shown once, and a digest that tells more than the one before is another mail.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};
use model::{Severity, Transition, Trigger};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::escape::{clip, html};
use crate::rendering::{Brief, Telling, Tone, subject_key};

/// Characters of a subject: more is cut off by most that show it.
const SUBJECT_CHARS: usize = 180;

/// The e-mail and its `Message-ID`.
///
/// # Errors
/// What makes it impossible.
pub(super) fn mail(
    config: &Config,
    telling: &Telling<'_>,
) -> Result<(Message, String), lettre::error::Error> {
    let brief = Brief::of(telling);
    let from = config.from.clone().ok_or(lettre::error::Error::MissingFrom)?;
    let domain = from.email.domain().to_owned();
    let id = |name: &str| format!("<{name}.{}@{domain}>", telling.endpoint.id);
    let message_id = id(&telling.message.key());
    let micros = u64::try_from(telling.message.now.micros()).unwrap_or(0);
    let mut builder = Message::builder()
        .from(from)
        .date(UNIX_EPOCH + Duration::from_micros(micros))
        .message_id(Some(message_id.clone()))
        .subject(subject(telling, &brief))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Stormbell-Transition", word(telling)));
    for to in &config.to {
        builder = builder.to(to.clone());
    }
    if let Some(reply_to) = &config.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    // The root of the thread is never sent: every mail about the subject names it, whether or not the first arrived.
    let root = id(&subject_key(telling.message.notification));
    let first = Some(telling.message.thread).filter(|thread| is_message_id(thread));
    builder = match first {
        Some(first) => builder.references(format!("{root} {first}")).in_reply_to(first.to_owned()),
        None => builder.references(root),
    };
    let text = SinglePart::plain(brief.plain());
    let both = MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(page(&brief)));
    Ok((builder.multipart(both)?, message_id))
}

/// What a program that sorts mail goes by.
fn word(telling: &Telling<'_>) -> &'static str {
    match telling.challenge {
        Some(_) => "verification",
        None => telling.message.notification.transition.word(),
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Whether a text is one identifier of a message and nothing else.
fn is_message_id(text: &str) -> bool {
    let inside = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inside.is_some_and(|inside| {
        inside.len() < 250
            && inside.contains('@')
            && inside.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
    })
}

/// The same for all mails about an incident while its severity stays, because some readers part a thread where the
/// subject changes; `Re:` they look through.
fn subject(telling: &Telling<'_>, brief: &Brief) -> String {
    if telling.challenge.is_some() {
        return clip(&brief.headline, SUBJECT_CHARS);
    }
    let notification = telling.message.notification;
    let again = match notification.transition {
        Transition::Of(Trigger::Opened | Trigger::Signal) => "",
        Transition::Of(
            Trigger::Escalated
            | Trigger::Acknowledged
            | Trigger::Resolved
            | Trigger::Reopened
            | Trigger::Closed
            | Trigger::Unacknowledged(_)
            | Trigger::SignalResolved,
        )
        | Transition::Step { .. } => "Re: ",
    };
    let test = if brief.test { "[test] " } else { "" };
    let more = match telling.message.others.len() {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    let severity = notification.notice.severity;
    format!("{again}{test}[{severity}] {}{more}", clip(&brief.title, SUBJECT_CHARS))
}

/// The message as HTML, with every text escaped and nothing loaded from anywhere.
fn page(brief: &Brief) -> String {
    let mut rows = String::new();
    for (name, value) in &brief.facts {
        rows.push_str(&format!(
            "<tr><td style=\"color:#5f6368;padding:2px 12px 2px 0;vertical-align:top\">{}</td>\
             <td style=\"padding:2px 0\">{}</td></tr>\n",
            html(name),
            html(value),
        ));
    }
    let mut rest = String::new();
    if !brief.others.is_empty() {
        let items = brief.others.iter().map(|other| format!("<li>{}</li>\n", html(other)));
        rest.push_str(&format!("<ul>\n{}</ul>\n", items.collect::<String>()));
    }
    if let Some(page) = &brief.page {
        let label = html(brief.page_label);
        rest.push_str(&format!("<p><a href=\"{}\">{label}</a></p>\n", html(page)));
    }
    let summary = match brief.summary.as_str() {
        "" => String::new(),
        summary => format!("<p style=\"white-space:pre-line\">{}</p>\n", html(summary)),
    };
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"font-family:sans-serif;color:#202124\">\n\
         <h2 style=\"border-left:6px solid {color};padding-left:10px\">{title}</h2>\n\
         {summary}<table style=\"border-collapse:collapse\">\n{rows}</table>\n{rest}</body></html>\n",
        title = html(&brief.headline),
        color = color(brief.tone),
    )
}

const fn color(tone: Tone) -> &'static str {
    match tone {
        Tone::Wrong(Severity::P0) => "#b31412",
        Tone::Wrong(Severity::P1) => "#d93025",
        Tone::Wrong(Severity::P2) => "#f29900",
        Tone::Wrong(Severity::P3) | Tone::Taken => "#1a73e8",
        Tone::Over => "#188038",
    }
}

/// The subject and the plain part.
pub(super) fn preview(_: &Config, telling: &Telling<'_>) -> Preview {
    let brief = Brief::of(telling);
    let text = format!("Subject: {}\n\n{}", subject(telling, &brief), brief.plain());
    Preview { text, remarks: Vec::new() }
}
