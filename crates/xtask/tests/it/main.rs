//! The repository keeps its promises: `cargo test` is what continuous integration runs.
//!
//! These tests run the programs a person would run, over the checkout this crate lies in.

use std::path::Path;
use std::process::{Command, Output};

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

#[test]
fn the_repository_is_tidy() {
    expect_success(Command::new(XTASK).arg("tidy"));
}

#[test]
fn the_generated_code_is_fresh() {
    expect_success(Command::new(XTASK).args(["codegen", "--check"]));
}

#[test]
fn the_code_is_formatted() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    expect_success(Command::new(cargo).args(["fmt", "--all", "--check"]));
}

#[test]
fn an_unknown_command_is_refused_with_the_usage() {
    let output = run(Command::new(XTASK).arg("tidying"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cargo xtask tidy"));
}

fn expect_success(command: &mut Command) {
    let output = run(command);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
}

fn run(command: &mut Command) -> Output {
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).output().expect("it starts")
}
