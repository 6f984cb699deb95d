//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures the bars of the road, each beside a reference of the same run.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What this binary is when it is started as somebody's reference. Each prints its port and ends
/// when its standard input does.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Role {
    /// A minimal responder: reads the body, answers 202
    Responder,
    /// A minimal gRPC server: reads the batch, acknowledges it
    Echo,
}

/// What is measured, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rows to measure; all of them without any
    #[arg(value_name = "ROW")]
    pub(crate) rows: Vec<String>,
    /// Print the rows and end
    #[arg(long)]
    pub(crate) list: bool,
    /// How often each measurement is taken; medians are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=99))]
    pub(crate) runs: u16,
    /// Three short runs and small amounts: to see that it works, not to quote
    #[arg(long)]
    pub(crate) quick: bool,
    /// Also write the table as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The server binary; by default the one beside this binary
    #[arg(long, value_name = "PATH")]
    pub(crate) server: Option<PathBuf>,
    /// The Alertmanager binary
    #[arg(long, value_name = "PATH", default_value = "/usr/bin/prometheus-alertmanager")]
    pub(crate) alertmanager: PathBuf,
    /// Where data is written while measuring; by default the folder of this binary
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// Where raw output is kept; by default a new folder in the one of this binary
    #[arg(long, value_name = "DIR")]
    pub(crate) raw: Option<PathBuf>,
    /// Records in the journal for the row `restart`
    #[arg(long, value_name = "N")]
    pub(crate) records: Option<u64>,
    /// Records stored for the row `stored`
    #[arg(long, value_name = "N")]
    pub(crate) stored: Option<u64>,
}
