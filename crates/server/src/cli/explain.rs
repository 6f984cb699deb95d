//! `stormbell explain`: who was told about something and who was not, decision by decision.

use serde::Deserialize;

use super::remote::client::Connection;
use super::remote::conditions::Condition;
use super::remote::names::{self, Kind, Names};
use super::remote::told::{self, Subject, Target};
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;

/// What to explain, and to whom.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// signal:ID, incident:ID or notification:ID; a bare id is looked for as any of them
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// Whose rules, by name or id; needed unless the subject is a notification
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Every decision about a subject.
#[derive(Debug, Deserialize)]
struct Explanation {
    subject: Subject,
    subscriber_id: String,
    incident_id: Option<String>,
    decisions: Vec<Decision>,
    truncated: bool,
}

/// One decision, with what applies to it.
#[derive(Debug, Deserialize)]
struct Decision {
    decision: String,
    rule: Option<String>,
    condition: Option<FailedCondition>,
    cel: Option<String>,
    on: Option<Vec<String>>,
    transition: Option<String>,
    by: Option<String>,
    target: Option<Target>,
    attempt: Option<u32>,
    at: Option<String>,
    status: Option<u16>,
    answer: Option<String>,
}

/// A condition that does not hold, and what there is instead.
#[derive(Debug, Deserialize)]
struct FailedCondition {
    #[serde(flatten)]
    condition: Condition,
    actual: String,
}

/// Runs `stormbell explain`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let subscriber = names::optional(&client, Kind::Subscriber, options.subscriber.as_deref())?;
    let mut query = vec![("subject", options.subject.trim_start_matches('#'))];
    query.extend(subscriber.iter().map(|id| ("subscriber", id.as_str())));
    let answer = client.get("/v1/explain", &query)?;
    let Some(explanation) = output.document::<Explanation>(&answer.bytes)? else { return Ok(()) };
    let names = Names::of(&client, &[Kind::Subscriber, Kind::Endpoint, Kind::Schedule])?;
    print(&explanation, &names, output)
}

fn print(explanation: &Explanation, names: &Names, output: &mut Output) -> Result<(), Failure> {
    let subject = explanation.subject.text();
    let whose = names.of_id(&explanation.subscriber_id);
    output.line(format!("{subject}, for {}", output.paint(Ink::Bold, whose)))?;
    if explanation.decisions.is_empty() {
        output.line("  there is no rule, so nobody is told")?;
    }
    let mut table = Table::new(&["", "", ""]).wrapped();
    for decision in &explanation.decisions {
        let word = decision.decision.replace('_', " ");
        table.row([
            Cell::inked(format!("  {word}"), told::ink(&decision.decision)),
            Cell::plain(decision.about(names)),
            Cell::plain(decision.why()),
        ]);
    }
    output.table(table)?;
    if explanation.truncated {
        output.line("  … and more than is shown")?;
    }
    if let Some(incident) = &explanation.incident_id
        && !subject.starts_with("incident")
    {
        let lead = "what was told about its incident:";
        output.line(format!(
            "{lead} stormbell explain incident:{incident} --subscriber {}",
            explanation.subscriber_id
        ))?;
    }
    Ok(())
}

impl Decision {
    /// What it is about: a rule, a notification or a target.
    fn about(&self, names: &Names) -> String {
        let attempt = |attempt: u32| format!(", try {attempt}");
        match (&self.rule, &self.target, &self.transition) {
            (Some(rule), _, _) => format!("rule {rule}"),
            (None, Some(target), _) => {
                format!("{}{}", target.text(names), self.attempt.map_or_else(String::new, attempt))
            }
            (None, None, Some(transition)) => transition.clone(),
            (None, None, None) => String::new(),
        }
    }

    /// Why, when, and with what answer, as far as it is said.
    fn why(&self) -> String {
        let mut parts = Vec::new();
        if let Some(failed) = &self.condition {
            let actual = match failed.actual.as_str() {
                "" => "it is not there".to_owned(),
                text => format!("it is `{text}`"),
            };
            parts.push(format!("{} does not hold: {actual}", failed.condition));
        }
        parts.extend(self.cel.iter().map(|cel| format!("cel is not true: {cel}")));
        parts.extend(self.on.iter().map(|on| format!("it asks for {}", on.join(", "))));
        parts.extend(self.by.iter().map(|by| format!("by {by}")));
        parts.extend(self.at.iter().map(|at| times::exact(at)));
        parts.extend(self.status.iter().map(|status| format!("status {status}")));
        parts.extend(self.answer.iter().filter(|text| !text.is_empty()).cloned());
        parts.join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_says_what_it_is_about_and_why() {
        let said = |json: &str| {
            let decision: Decision = serde_json::from_str(json).expect("a decision");
            (decision.about(&Names::default()), decision.why())
        };
        let unmatched = r#"{"decision":"not_matched","rule":"all db","condition":
            {"field":"component","op":"equals","value":"db","negate":false,"actual":"web"}}"#;
        let (about, why) = said(unmatched);
        assert_eq!(
            (about.as_str(), why.as_str()),
            ("rule all db", "component=db does not hold: it is `web`")
        );
        let failed = r#"{"decision":"failed","notification_id":"n","target":{"kind":"on_call","id":"s"},
            "attempt":2,"at":"2026-11-20T13:25:16Z","status":503,"answer":"away"}"#;
        let (about, why) = said(failed);
        assert_eq!(about, "on call by s, try 2");
        assert_eq!(why, "2026-11-20 13:25:16Z  status 503  away");
    }
}
