//! `stormbell rules show`: everything about one rule, with names in the place of ids.

use super::{One, Rule};
use crate::cli::remote::names::{Kind, Names};
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::output::{Ink, Output};
use crate::cli::terminal::table::{Cell, Table};
use crate::cli::terminal::times;

/// Runs `stormbell rules show`.
pub(super) fn run(one: &One, output: &mut Output) -> Result<(), Failure> {
    let (client, path) = one.open()?;
    let answer = client.get(&path, &[])?;
    let Some(rule) = output.document::<Rule>(&answer.bytes)? else { return Ok(()) };
    let kinds =
        [Kind::Subscriber, Kind::Endpoint, Kind::Schedule, Kind::Calendar, Kind::Escalation];
    let names = Names::of(&client, &kinds)?;
    let (state, ink) = rule.state();
    let name = output.paint(Ink::Bold, &rule.name);
    let state = output.paint(ink, state);
    output.line(format!("{name}  {state}"))?;
    let mut table = Table::new(&["", ""]).wrapped();
    for (name, value) in facts(&rule, &names) {
        table.row([Cell::inked(format!("  {name}"), Ink::Dim), Cell::plain(value)]);
    }
    output.table(table)
}

fn facts(rule: &Rule, names: &Names) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("subscriber", names.of_id(&rule.subscriber_id).to_owned()),
        ("on", rule.on.join(", ")),
    ];
    facts.extend(rule.conditions.iter().map(|condition| ("if", condition.to_string())));
    facts.extend(rule.cel.iter().map(|cel| ("if", format!("cel: {cel}"))));
    if rule.conditions.is_empty() && rule.cel.is_none() {
        facts.push(("if", "everything".to_owned()));
    }
    facts.push(("tells", rule.told(names)));
    if !rule.muted_by.is_empty() {
        facts.push(("mute during", names.of_ids(&rule.muted_by)));
    }
    if let Some(at_most) = &rule.at_most {
        facts
            .push(("at most", format!("{} in {}", at_most.count, times::lasting(&at_most.within))));
    }
    facts.push(("tried for", times::lasting(&rule.deadline)));
    facts.push(("version", rule.version.to_string()));
    facts.push(("id", rule.id.clone()));
    facts
}
