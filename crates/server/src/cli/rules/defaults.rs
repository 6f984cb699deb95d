//! `stormbell rules defaults`: what endpoints hear of while the project has no rule.

use serde::Deserialize;

use super::Listing;
use crate::cli::remote::conditions::{self, Condition};
use crate::cli::remote::documents;
use crate::cli::remote::names::{self, Kind, Names};
use crate::cli::remote::pages;
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::output::{Ink, Output};
use crate::cli::terminal::table::{Cell, Table};

const PATH: &str = "/v1/default-routes";

/// A default route.
#[derive(Debug, Deserialize)]
struct DefaultRoute {
    id: String,
    subscriber_id: String,
    name: String,
    #[serde(rename = "match")]
    conditions: Vec<Condition>,
    endpoints: Vec<String>,
}

/// Whether they are in force.
#[derive(Debug, Deserialize)]
struct Force {
    in_force: bool,
}

/// Runs `stormbell rules defaults`.
pub(super) fn run(listing: &Listing, output: &mut Output) -> Result<(), Failure> {
    let client = listing.connection.open()?;
    let owner = names::optional(&client, Kind::Subscriber, listing.subscriber.as_deref())?;
    let filter = pages::filter([("subscriber", owner)]);
    let listed = pages::listed::<DefaultRoute>(&client, PATH, &filter, listing.limit, output)?;
    let Some(listed) = listed else { return Ok(()) };
    if listed.items.is_empty() {
        return output.line(
            "There is no default route: no endpoint of the channels pagerduty, slack and console.",
        );
    }
    let names = Names::of(&client, &[Kind::Subscriber, Kind::Endpoint])?;
    let mut table = Table::new(&["NAME", "SUBSCRIBER", "CONDITIONS", "TELLS", "ID"]).whole(4);
    for route in &listed.items {
        table.row([
            Cell::plain(&route.name),
            Cell::plain(names.of_id(&route.subscriber_id)),
            Cell::plain(conditions::on_one_line(&route.conditions)),
            Cell::plain(names.of_ids(&route.endpoints)),
            Cell::inked(&route.id, Ink::Dim),
        ]);
    }
    output.table(table)?;
    listed.note_rest("default routes", output)?;
    let force: Force = documents::read(&client.get(PATH, &[("limit", "1")])?.bytes)?;
    output.note(match force.in_force {
        true => "they are in force: the project has no rule",
        false => "they are not in force: the project has rules of its own",
    });
    Ok(())
}
