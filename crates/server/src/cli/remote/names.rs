//! Names instead of ids, both ways: what a person calls a thing is looked up, and what the API calls by id
//! is shown by name.
//!
//! Invariant: a name that several things have is refused, never guessed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::documents::{self, Page};
use super::pages::{self, Filter};
use crate::cli::terminal::failure::{Failure, Problem};

/// Ids listed where a name says too little.
const LISTED: usize = 5;

/// What can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Subscriber,
    Endpoint,
    Rule,
    Schedule,
    Calendar,
    Escalation,
}

/// A thing as far as its name goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Thing {
    id: String,
    name: String,
    /// Its owner, where it has one.
    subscriber_id: Option<String>,
}

/// Names by id.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Kind {
    /// Where things of this kind are.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Subscriber => "/v1/subscribers",
            Self::Endpoint => "/v1/endpoints",
            Self::Rule => "/v1/rules",
            Self::Schedule => "/v1/schedules",
            Self::Calendar => "/v1/calendars",
            Self::Escalation => "/v1/escalations",
        }
    }

    /// The word for people.
    const fn word(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Endpoint => "endpoint",
            Self::Rule => "rule",
            Self::Schedule => "schedule",
            Self::Calendar => "calendar",
            Self::Escalation => "escalation policy",
        }
    }

    fn things(self, client: &Client) -> Result<Vec<Thing>, Failure> {
        match self {
            // These lists have pages.
            Self::Rule | Self::Escalation => pages::all(client, self.path(), &Filter::new()),
            Self::Subscriber | Self::Endpoint | Self::Schedule | Self::Calendar => {
                let answer = client.get(self.path(), &[])?;
                Ok(documents::read::<Page<Thing>>(&answer.bytes)?.items)
            }
        }
    }
}

/// The id of what is called `text`: an id is taken as it is, a name is looked up, and an endpoint may also
/// be called `SUBSCRIBER/NAME`.
pub(crate) fn id(client: &Client, kind: Kind, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if let Ok(id) = Uuid::try_parse(text) {
        return Ok(id.to_string());
    }
    let things = kind.things(client)?;
    let mut found = called(&things, text);
    if found.is_empty() && kind == Kind::Endpoint && text.contains('/') {
        let owners = Kind::Subscriber.things(client)?;
        found = owned(&things, &owners, text);
    }
    match found.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            let word = kind.word();
            Err(refused("not_found", format!("there is no {word} called `{text}`")))
        }
        several => Err(ambiguous(kind, text, several)),
    }
}

/// The id of an optional name.
pub(crate) fn optional(
    client: &Client,
    kind: Kind,
    text: Option<&str>,
) -> Result<Option<String>, Failure> {
    text.map(|text| id(client, kind, text)).transpose()
}

/// The path of what is called `text`, or of something below it.
pub(crate) fn path(
    client: &Client,
    kind: Kind,
    text: &str,
    below: &str,
) -> Result<String, Failure> {
    Ok(format!("{}/{}{below}", kind.path(), id(client, kind, text)?))
}

impl Names {
    /// The names of everything of these kinds.
    pub(crate) fn of(client: &Client, kinds: &[Kind]) -> Result<Self, Failure> {
        let mut names = BTreeMap::new();
        for kind in kinds {
            let things = kind.things(client)?;
            names.extend(things.into_iter().map(|thing| (thing.id, thing.name)));
        }
        Ok(Self(names))
    }

    /// The name; the id itself where there is none.
    pub(crate) fn of_id<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }

    /// The names, in order, with commas; a dash where there are none.
    pub(crate) fn of_ids(&self, ids: &[String]) -> String {
        if ids.is_empty() {
            return "–".to_owned();
        }
        ids.iter().map(|id| self.of_id(id)).collect::<Vec<_>>().join(", ")
    }
}

fn called<'a>(things: &'a [Thing], text: &str) -> Vec<&'a Thing> {
    things.iter().filter(|thing| thing.name == text).collect()
}

/// The endpoints `SUBSCRIBER/NAME`, either of which may hold a slash itself.
fn owned<'a>(things: &'a [Thing], owners: &[Thing], text: &str) -> Vec<&'a Thing> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('/') {
        let (owner, name) = (&text[..at], &text[at + 1..]);
        for owner in called(owners, owner) {
            let own = |thing: &&Thing| thing.subscriber_id.as_ref() == Some(&owner.id);
            found.extend(called(things, name).into_iter().filter(own));
        }
    }
    found
}

fn ambiguous(kind: Kind, text: &str, several: &[&Thing]) -> Failure {
    let ids: Vec<&str> = several.iter().take(LISTED).map(|thing| thing.id.as_str()).collect();
    let rest = if several.len() > LISTED { ", …" } else { "" };
    let (count, word) = (several.len(), kind.word());
    let detail = format!(
        "{count} things of the kind {word} are called `{text}`; say which by its id: {}{rest}",
        ids.join(", ")
    );
    refused("ambiguous", detail)
}

/// A refusal of this side, in the form of one of the server's.
fn refused(code: &str, detail: String) -> Failure {
    let document = json!({ "code": code, "detail": detail });
    let document = document.to_string().into_bytes();
    Failure::Refused(Box::new(Problem {
        code: code.to_owned(),
        detail,
        document,
        ..Problem::default()
    }))
}

/// Puts ids in the place of names where a document refers to others: `name` holds one, or a list of them.
pub(crate) fn put_ids(
    client: &Client,
    map: &mut serde_json::Map<String, Value>,
    name: &str,
    kind: Kind,
) -> Result<(), Failure> {
    match map.get_mut(name) {
        Some(Value::String(text)) => *text = id(client, kind, text)?,
        Some(Value::Array(items)) => {
            for item in items {
                if let Value::String(text) = item {
                    *text = id(client, kind, text)?;
                }
            }
        }
        // What is of a wrong type is the server's to refuse.
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(id: &str, name: &str, owner: Option<&str>) -> Thing {
        let subscriber_id = owner.map(str::to_owned);
        Thing { id: id.to_owned(), name: name.to_owned(), subscriber_id }
    }

    #[test]
    fn an_endpoint_is_found_by_its_owner_and_name_wherever_the_slash_is() {
        let owners = [thing("s1", "a/b", None), thing("s2", "a", None)];
        let things = [
            thing("e1", "hook", Some("s1")),
            thing("e2", "b/hook", Some("s2")),
            thing("e3", "hook", Some("s2")),
        ];
        let ids = |text: &str| -> Vec<&str> {
            owned(&things, &owners, text).into_iter().map(|thing| thing.id.as_str()).collect()
        };
        assert_eq!(ids("a/hook"), ["e3"]);
        assert_eq!(ids("a/b/hook"), ["e2", "e1"], "both can be meant, so both are named");
        assert_eq!(called(&things, "hook").len(), 2);
    }

    #[test]
    fn what_has_no_name_is_shown_by_its_id() {
        let names = Names(BTreeMap::from([("1".to_owned(), "one".to_owned())]));
        assert_eq!(names.of_ids(&["1".to_owned(), "2".to_owned()]), "one, 2");
        assert_eq!(names.of_ids(&[]), "–");
    }
}
