//! The courier as a whole, in a world of its own whose time passes only when nothing else is to be done.

mod ahead;
mod book;
mod crashes;
mod endpoints;
mod people;
mod plans;
mod world;
