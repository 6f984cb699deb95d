//! Logs: for a person or as JSON, to standard error, filtered by `STORMBELL_LOG` (default `info,sqlx=warn`).

use std::env::{self, VarError};
use std::io::IsTerminal;

use anyhow::{Context, anyhow};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// The variable of the environment that filters.
const VARIABLE: &str = "STORMBELL_LOG";
/// What is logged where nobody says.
const USUAL: &str = "info,sqlx=warn";

/// Sets logging up for the process. A second call changes nothing. A filter that cannot be read is an error: whoever
/// asked for more than the usual would look for it in vain.
pub(crate) fn init(format: LogFormat) -> anyhow::Result<()> {
    let filter = filter(env::var(VARIABLE))?;
    let colour = std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    // An error means that logging is set up already, as in a process that starts two servers.
    let _already = match format {
        LogFormat::Human => builder.with_target(false).compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn filter(said: Result<String, VarError>) -> anyhow::Result<EnvFilter> {
    match said {
        Ok(text) => EnvFilter::builder().parse(&text).with_context(|| {
            format!("{VARIABLE}={text} cannot be read as a filter, such as {USUAL}")
        }),
        Err(VarError::NotPresent) => Ok(EnvFilter::new(USUAL)),
        Err(VarError::NotUnicode(text)) => {
            Err(anyhow!("{VARIABLE}={} is not UTF-8", text.to_string_lossy()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        assert!(filter(Err(VarError::NotPresent)).is_ok());
        assert!(filter(Ok("info,http=debug".to_owned())).is_ok());
        for wrong in ["http=debugg", "foo=bar=baz"] {
            let error = filter(Ok(wrong.to_owned())).err().map(|error| format!("{error:#}"));
            assert!(error.is_some_and(|text| text.contains(wrong)), "{wrong}");
        }
    }
}
