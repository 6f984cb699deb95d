//! What is told to whom, as far as several commands show it: subjects, targets, tries.

use serde::Deserialize;

use super::names::Names;
use crate::cli::terminal::output::Ink;

/// What something is about.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Subject {
    kind: String,
    id: String,
}

/// To whom something goes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Target {
    kind: String,
    id: String,
}

/// One try at one target.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) target: Target,
    pub(crate) attempt: u32,
    pub(crate) began_at: String,
    pub(crate) took_ms: u64,
    pub(crate) verdict: String,
    pub(crate) status: u16,
    pub(crate) answer: String,
}

impl Subject {
    /// `signal ID`.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.kind, self.id)
    }
}

impl Target {
    /// `oncall-hook`, `on call by platform`.
    pub(crate) fn text(&self, names: &Names) -> String {
        let name = names.of_id(&self.id);
        match self.kind.as_str() {
            "on_call" => format!("on call by {name}"),
            _ => name.to_owned(),
        }
    }
}

/// The ink of where a notification, a delivery or a try stands, or of a decision about one.
pub(crate) fn ink(word: &str) -> Ink {
    match word {
        "delivered" | "sent" | "matched" | "notified" => Ink::Green,
        "dead" | "failed" => Ink::Red,
        "pending" | "due" | "retry" => Ink::Yellow,
        "held" | "held_back" | "silenced" | "maintenance" | "inhibited" | "rate_limited" => {
            Ink::Blue
        }
        _ => Ink::Dim,
    }
}

/// A status as it is said: ` (503)`; nothing where there was none.
pub(crate) fn status(status: u16) -> String {
    if status == 0 { String::new() } else { format!(" ({status})") }
}
