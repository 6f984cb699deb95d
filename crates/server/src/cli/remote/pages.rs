//! Lists of the API: the pages of one, a request each, until there are enough rows or no more.

use serde::de::DeserializeOwned;

use super::client::{Answer, Client};
use super::documents::{self, Page};
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::output::Output;

/// What a list is asked for: names of parameters and their values.
pub(crate) type Filter = Vec<(&'static str, String)>;

/// The rows of a list that were asked for.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// How many rows fit in all.
    pub(crate) total: u64,
}

/// The parameters that were said.
pub(crate) fn filter<const N: usize>(said: [(&'static str, Option<String>); N]) -> Filter {
    said.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

/// Reads up to `limit` rows, all where it is 0. With `--json` the answers are printed instead, one a line,
/// and nothing is returned.
pub(crate) fn listed<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    filter: &Filter,
    limit: usize,
    output: &mut Output,
) -> Result<Option<Listed<T>>, Failure> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut listed = Listed { items: Vec::new(), total: 0 };
    for answer in Pages::new(client, path, filter, limit) {
        let answer = answer?;
        if output.is_json() {
            output.json(&answer.bytes)?;
            continue;
        }
        let page: Page<T> = documents::read(&answer.bytes)?;
        listed.total = page.total;
        listed.items.extend(page.items);
    }
    Ok((!output.is_json()).then_some(listed))
}

/// Reads every row.
pub(crate) fn all<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    filter: &Filter,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for answer in Pages::new(client, path, filter, usize::MAX) {
        all.extend(documents::read::<Page<T>>(&answer?.bytes)?.items);
    }
    Ok(all)
}

impl<T> Listed<T> {
    /// Says on standard error that there are more rows than are shown, where there are.
    pub(crate) fn note_rest(&self, what: &str, output: &mut Output) -> Result<(), Failure> {
        output.flush()?;
        if self.total > self.items.len() as u64 {
            let (shown, total) = (self.items.len(), self.total);
            output.note(&format!("{shown} of {total} {what}; --limit 0 shows all"));
        }
        Ok(())
    }
}

/// The pages of a list until `left` rows or the end.
struct Pages<'a> {
    client: &'a Client,
    path: &'a str,
    filter: &'a Filter,
    left: usize,
    cursor: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(client: &'a Client, path: &'a str, filter: &'a Filter, left: usize) -> Self {
        Self { client, path, filter, left, cursor: None, ended: false }
    }

    fn read(&mut self) -> Result<Answer, Failure> {
        #[derive(serde::Deserialize)]
        struct Extent {
            items: Vec<serde::de::IgnoredAny>,
            next_cursor: Option<String>,
        }
        let limit = self.left.min(model::limits::PAGE).to_string();
        let mut query: Vec<(&str, &str)> =
            self.filter.iter().map(|(name, text)| (*name, text.as_str())).collect();
        query.push(("limit", &limit));
        if let Some(cursor) = &self.cursor {
            query.push(("cursor", cursor));
        }
        let answer = self.client.get(self.path, &query)?;
        let extent: Extent = documents::read(&answer.bytes)?;
        self.left = self.left.saturating_sub(extent.items.len());
        self.ended = extent.next_cursor.is_none() || extent.items.is_empty() || self.left == 0;
        self.cursor = extent.next_cursor;
        Ok(answer)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Answer, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let answer = self.read();
        self.ended |= answer.is_err();
        Some(answer)
    }
}
