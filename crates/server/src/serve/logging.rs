//! Logs: for a person or as JSON, to standard error, filtered by `STORMBELL_LOG` (default `info,sqlx=warn`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Sets logging up for the process. A second call changes nothing.
pub(crate) fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_env("STORMBELL_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    // An error means that logging is set up already, as in a process that starts two servers.
    let _already = match format {
        LogFormat::Human => builder.with_target(false).compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
