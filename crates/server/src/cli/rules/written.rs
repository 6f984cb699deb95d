//! A rule as a person writes it in a file: the document of the API, in which names may stand for ids.

use serde_json::{Map, Value};

use crate::cli::remote::client::Client;
use crate::cli::remote::names::{self, Kind};
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::input;

/// Where a rule refers to others.
const REFERENCES: [(&str, Kind); 6] = [
    ("subscriber_id", Kind::Subscriber),
    ("endpoints", Kind::Endpoint),
    ("on_call", Kind::Schedule),
    ("people", Kind::Subscriber),
    ("escalation_id", Kind::Escalation),
    ("muted_by", Kind::Calendar),
];

/// Words that a file may also use for a reference, as the YAML of `rules export` does.
const ALIASES: [(&str, &str); 2] =
    [("subscriber", "subscriber_id"), ("escalation", "escalation_id")];

/// Reads the file, or standard input where it is `-`.
pub(super) fn read(file: &str) -> Result<Map<String, Value>, Failure> {
    let mut map = input::object(file)?;
    for (alias, name) in ALIASES {
        if !map.contains_key(name)
            && let Some(value) = map.remove(alias)
        {
            map.insert(name.to_owned(), value);
        }
    }
    Ok(map)
}

/// The rule with ids in the place of names.
pub(super) fn with_ids(
    client: &Client,
    mut map: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    for (name, kind) in REFERENCES {
        names::put_ids(client, &mut map, name, kind)?;
    }
    Ok(map)
}
