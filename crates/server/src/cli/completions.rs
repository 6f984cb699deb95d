//! `stormbell completions SHELL`: a script for the shell, on standard output.

use super::terminal::failure::Failure;
use super::terminal::output::Output;

/// For which shell.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

/// Runs `stormbell completions`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut super::command(), "stormbell", &mut script);
    output.bytes(&script)
}
