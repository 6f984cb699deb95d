//! Answers a query from the hot buffer and the files: which rows fit, the newest of them, and how many.

mod page;
mod picks;
mod plan;

pub(crate) use page::{Sources, page};
pub(crate) use plan::Plan;
