//! Parameters of the query and the path, read strictly: an unknown one is refused, so that a misspelt filter never
//! answers with everything.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use model::{SubscriberId, Timestamp, limits};

use crate::instant;
use crate::problem::{Code, Problem};

/// The query of a request as pairs, in order.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Refuses every name that is not in `known`.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some((name, _)) => {
                let shown: String = name.chars().take(80).collect();
                let detail = if known.is_empty() {
                    format!("`{shown}` is not known; this address takes no parameters")
                } else {
                    format!("`{shown}` is not known; there are: {}", known.join(", "))
                };
                Err(Problem::new(Code::UnknownParameter, detail).with("parameter", shown).with(
                    "known",
                    known.iter().map(|&name| name.into()).collect::<Vec<serde_json::Value>>(),
                ))
            }
        }
    }

    /// The values of a parameter that may come again and again, and as a list with commas.
    pub(crate) fn words<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.each(name)
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty())
    }

    /// The values of a parameter that may come again and again.
    pub(crate) fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may come once; empty counts as absent.
    pub(crate) fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Problem> {
        let mut values = self.each(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Problem::parameter(name, "it may be given once only"));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// `limit`: rows of the page, 1 to [`limits::PAGE`].
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.one("limit")? else { return Ok(limits::PAGE_DEFAULT) };
        match text.parse::<usize>() {
            Ok(limit) if (1..=limits::PAGE).contains(&limit) => Ok(limit),
            _ => Err(Problem::parameter(
                "limit",
                format!("it must be a whole number from 1 to {}", limits::PAGE),
            )),
        }
    }

    /// `subscriber`: the id of one.
    pub(crate) fn subscriber(&self) -> Result<Option<SubscriberId>, Problem> {
        self.id("subscriber", SubscriberId::parse)
    }

    /// A parameter that is an id.
    pub(crate) fn id<T>(
        &self,
        name: &str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let read = |text| parse(text).ok_or_else(|| Problem::parameter(name, "it must be an id"));
        self.one(name)?.map(read).transpose()
    }

    /// A parameter that is a point in time.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let read = |text| {
            let message = "write it as 2026-11-20T13:25:16Z (RFC 3339)";
            instant::parse(text).ok_or_else(|| Problem::parameter(name, message))
        };
        self.one(name)?.map(read).transpose()
    }

    /// A short text to compare with.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.one(name)? {
            Some(text) if text.chars().count() > limits::NAME_CHARS => Err(Problem::parameter(
                name,
                format!("it may have {} characters", limits::NAME_CHARS),
            )),
            Some(text) if text.contains('\0') => {
                Err(Problem::parameter(name, "it may hold no NUL character"))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }
}

/// The parameter in the path of a route; the last one, where the key stands in the path too.
#[derive(Debug)]
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(mut named) =
            path.map_err(|rejection| Problem::new(Code::InvalidParameter, rejection.body_text()))?;
        let last = named.pop().ok_or_else(|| {
            Problem::new(Code::Internal, "the route has no parameter in its path")
        })?;
        Ok(Self(last.1))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map(|Query(pairs)| Self(pairs))
            .map_err(|rejection| Problem::new(Code::InvalidParameter, rejection.body_text()))
    }
}
