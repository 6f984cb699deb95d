//! `stormbell config`: what the configuration is, whether it can be run, and what may stand in it.

use anyhow::Context;
use serde_json::json;

use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use crate::config::{self, Config, Flags};
use crate::serve;

/// What to do with the configuration.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Say whether it can be run, and what is wrong by name
    Check(Flags),
    /// Print it as file, environment and flags give it, defaults included
    Dump(Flags),
    /// Print the JSON Schema of the file
    Schema,
}

/// Runs `stormbell config`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    match &options.command {
        Command::Check(flags) => check(&super::configured(flags)?, output),
        Command::Dump(flags) => dump(&super::configured(flags)?, output),
        Command::Schema => print(output, &config::schema()),
    }
}

fn check(config: &Config, output: &mut Output) -> Result<(), Failure> {
    serve::check_files(config)
        .map_err(|error| Failure::Usage(format!("configuration: {error:#}")))?;
    if output.is_json() {
        return print(output, &json!({ "valid": true }));
    }
    let good = output.paint(Ink::Green, "the configuration can be run");
    let data = config.data_dir.display();
    output.line(format!("{good}: data in {data}, HTTP on {}, gRPC on {}", config.http, config.grpc))
}

fn dump(config: &Config, output: &mut Output) -> Result<(), Failure> {
    let text = config.to_toml()?;
    if !output.is_json() {
        return output.line(text);
    }
    let value: serde_json::Value =
        toml::from_str(&text).context("cannot read the configuration back")?;
    print(output, &value)
}

fn print(output: &mut Output, value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    output.json(text.as_bytes())
}
