//! What a handler reads out of a request: who calls, with which parameters, body, version and
//! idempotency key. Everything that is not as it must be becomes a [`Problem`](crate::problem::Problem).

mod body;
mod call;
mod credential;
mod cursor;
mod fields;
mod parameters;
mod text_body;

pub(crate) use body::JsonBody;
pub(crate) use call::{Behind, Call};
pub(crate) use cursor::{CursorKind, of_directive, to_directive};
pub(crate) use fields::Fields;
pub(crate) use parameters::{Id, Parameters};
pub(crate) use text_body::TextBody;
