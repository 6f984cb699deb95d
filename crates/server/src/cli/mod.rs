//! The command line: everything a person runs. One module per command; each turns what was said into
//! calls of a server's API (or of `serve`, on a data folder) and prints the answer. How that looks is in `terminal`,
//! the way to a server and what it answers in `remote`.
//!
//! Refuses to know how anything is decided or kept: what the commands know, the API told them. Only `simulate`
//! predicts by itself, so that there is something to hold a server's decisions against.

mod ack;
mod backup;
mod comment;
mod completions;
mod configuration;
mod dead_letters;
mod demo;
mod doctor;
mod endpoints;
mod explain;
mod import;
mod incident;
mod incidents;
mod ingest;
mod keys;
mod notifications;
mod oncall;
mod projects;
mod rca;
mod remote;
mod replay;
mod rules;
mod schedules;
mod silence;
mod simulate;
mod subscribers;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::config::{Config, Flags};
use crate::serve;
use terminal::failure::{EXIT_CODES, Failure};
use terminal::output::{Colour, Output};

/// A storm of signals, one bell: takes alerts and signals in durably, folds them into incidents, and lets
/// none close before its cause is written down.
#[derive(Debug, Parser)]
#[command(
    name = "stormbell",
    version,
    after_help = EXIT_CODES,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct CommandLine {
    /// Print the server's JSON unchanged instead of text for people
    #[arg(long, global = true)]
    json: bool,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the server
    Serve(Flags),
    /// Show it all: start a throw-away server, break three things, stay up
    Demo(demo::Options),
    /// Check a data folder, its disk and its configuration
    Doctor(doctor::Options),
    /// Simulate three outages and hold the incidents against the prediction
    Simulate(simulate::Options),
    /// Send signals from a file or from standard input
    Ingest(ingest::Options),
    /// List incidents
    Incidents(incidents::Options),
    /// Show one incident: facts, timeline, last signals, next steps
    Incident(incident::Options),
    /// Acknowledge an incident: OPEN becomes INVESTIGATING
    Ack(ack::Ack),
    /// Say who has an incident, without moving it
    Assign(ack::Assign),
    /// Resolve an incident: INVESTIGATING becomes RESOLVED
    Resolve(ack::Resolve),
    /// Open a resolved incident again
    Reopen(ack::Reopen),
    /// Write the root cause analysis, which closes a resolved incident
    Rca(rca::Options),
    /// Comment on an incident
    Comment(comment::Options),
    /// List, make and remove subscribers: who owns rules and is told
    Subscribers(subscribers::Options),
    /// List, make, try and remove endpoints: where notifications are sent
    Endpoints(endpoints::Options),
    /// List, make, try and carry over rules: what a subscriber wants to hear of
    Rules(rules::Options),
    /// Make, list, try and end silences: what nobody is told for a while
    Silence(silence::Options),
    /// Show who was told what, and with what result
    Notifications(notifications::Options),
    /// List messages that were given up, and send them again
    DeadLetters(dead_letters::Options),
    /// Explain who was told about something, who was not, and why
    Explain(explain::Options),
    /// Ask a schedule who is on call, and who will be
    Oncall(oncall::Options),
    /// List, make and show on-call schedules
    Schedules(schedules::Options),
    /// Bring over the configuration of another tool
    Import(import::Options),
    /// List, make and revoke API keys
    Keys(keys::Options),
    /// List and make projects
    Projects(projects::Options),
    /// Apply the journal again into a fresh store and compare
    Replay(replay::Options),
    /// Copy everything into a folder
    Backup(backup::Backup),
    /// Make a data folder from a backup
    Restore(backup::Restore),
    /// Print what a shell needs to complete commands
    Completions(completions::Options),
    /// Check, print and describe the configuration
    Config(configuration::Options),
}

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let line = CommandLine::parse();
    let mut output = Output::standard(line.json, line.color);
    let done = line.command.run(&mut output).and_then(|()| output.flush());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.end(&mut output),
    }
}

impl Command {
    fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Serve(flags) => serve(&flags),
            Self::Demo(options) => demo::run(options, output),
            Self::Doctor(options) => doctor::run(&options, output),
            Self::Simulate(options) => simulate::run(&options, output),
            Self::Ingest(options) => ingest::run(&options, output),
            Self::Incidents(options) => incidents::run(&options, output),
            Self::Incident(options) => incident::run(&options, output),
            Self::Ack(options) => options.run(output),
            Self::Assign(options) => options.run(output),
            Self::Resolve(options) => options.run(output),
            Self::Reopen(options) => options.run(output),
            Self::Rca(options) => rca::run(&options, output),
            Self::Comment(options) => comment::run(&options, output),
            Self::Subscribers(options) => subscribers::run(&options, output),
            Self::Endpoints(options) => endpoints::run(&options, output),
            Self::Rules(options) => rules::run(&options, output),
            Self::Silence(options) => silence::run(&options, output),
            Self::Notifications(options) => notifications::run(&options, output),
            Self::DeadLetters(options) => dead_letters::run(&options, output),
            Self::Explain(options) => explain::run(&options, output),
            Self::Oncall(options) => oncall::run(&options, output),
            Self::Schedules(options) => schedules::run(&options, output),
            Self::Import(options) => import::run(&options, output),
            Self::Keys(options) => keys::run(&options, output),
            Self::Projects(options) => projects::run(&options, output),
            Self::Replay(options) => replay::run(&options, output),
            Self::Backup(options) => options.run(output),
            Self::Restore(options) => options.run(output),
            Self::Completions(options) => completions::run(&options, output),
            Self::Config(options) => configuration::run(&options, output),
        }
    }
}

/// Runs the server, once both its configuration and the filter of its log can be read.
fn serve(flags: &Flags) -> Result<(), Failure> {
    let config = configured(flags)?;
    serve::init_logging(config.log_format).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    Ok(serve::run(config)?)
}

/// The configuration that file, environment and flags give.
fn configured(flags: &Flags) -> Result<Config, Failure> {
    Config::load(flags).map_err(|error| Failure::Usage(format!("configuration: {error:#}")))
}

/// The command for completions and tests.
fn command() -> clap::Command {
    <CommandLine as clap::CommandFactory>::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_in_itself() {
        command().debug_assert();
    }

    #[test]
    fn every_command_takes_json() {
        for words in [
            vec!["incidents"],
            vec!["doctor"],
            vec!["keys", "list"],
            vec!["config", "dump"],
            vec!["rules"],
            vec!["silence", "list"],
        ] {
            let line = ["stormbell"].into_iter().chain(words.clone()).chain(["--json"]);
            let parsed = CommandLine::try_parse_from(line);
            assert!(parsed.is_ok_and(|line| line.json), "{words:?}");
        }
    }
}
