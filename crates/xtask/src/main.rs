//! `cargo xtask`: the chores of the repository that are not the product.
//!
//! `tidy` checks what the compiler and clippy cannot see: which room may use which, how long files
//! and functions are, words, links, licences, generated files. `codegen` writes the gRPC types.
//! It refuses to know what Stormbell does: every rule is read from a file a person can read
//! (`ARCHITECTURE.md`, `deny.toml`, `deploy/metrics.txt`, the two lists beside this crate's
//! manifest) or is a constant in the module that checks it.

#![allow(clippy::print_stdout, reason = "a command for people at a terminal")]

mod codegen;
mod metadata;
mod repository;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use repository::Repository;

const USAGE: &str = "\
cargo xtask tidy              check the repository; says every problem with its place
cargo xtask codegen           write the generated code of crates/proto from proto/
cargo xtask codegen --check   fail when the generated code is stale";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tidy"] => tidy(),
        ["codegen"] => codegen(),
        ["codegen", "--check"] => codegen_check(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        [] | [_, ..] => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tidy() -> Result<bool> {
    let repository = Repository::open()?;
    let packages = metadata::load(repository.root())?;
    let report = tidy::check(&repository, &packages)?;
    for note in &report.notes {
        println!("tidy: {note}");
    }
    for problem in &report.problems {
        println!("{problem}");
    }
    match report.problems.len() {
        0 => println!("tidy: nothing to complain about"),
        1 => println!("tidy: 1 problem"),
        count => println!("tidy: {count} problems"),
    }
    Ok(report.problems.is_empty())
}

fn codegen() -> Result<bool> {
    let repository = Repository::open()?;
    for path in codegen::write(repository.root())? {
        println!("codegen: wrote {path}");
    }
    Ok(true)
}

fn codegen_check() -> Result<bool> {
    let repository = Repository::open()?;
    let stale = codegen::stale(repository.root())?;
    for path in &stale {
        println!("{path}: {}", codegen::STALE);
    }
    Ok(stale.is_empty())
}
