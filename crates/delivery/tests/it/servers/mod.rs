//! Servers of our own for every protocol, strict where the originals are.

pub(crate) mod http;
pub(crate) mod real_mail;
pub(crate) mod smtp;
pub(crate) mod vendors;
