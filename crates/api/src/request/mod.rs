//! What a handler reads out of a request: who calls, with which parameters, body, version and
//! idempotency key. Everything that is not as it must be becomes a [`Problem`](crate::problem::Problem).

mod body;
mod call;
mod credential;
mod cursor;
mod fields;
mod parameters;

pub(crate) use body::JsonBody;
pub(crate) use call::{Behind, Call};
pub(crate) use cursor::CursorKind;
pub(crate) use fields::Fields;
pub(crate) use parameters::{Id, Parameters};
