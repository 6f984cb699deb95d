//! The store from outside: both backends under one list of cases, its files, its crashes.

mod conformance;
mod crash;
mod files;
