//! Names to addresses, with the forbidden ones left out. What is handed back is what is connected to, so
//! there is no second look-up that could say something else.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::{Forbidden, Guard};

/// Resolves names for the HTTP client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardedResolver {
    /// What it leaves out.
    pub(crate) guard: Guard,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard;
        Box::pin(async move {
            let found = look_up(guard, name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why a name has no address that may be spoken to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookUpError {
    /// It has only forbidden ones.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It cannot be resolved now.
    #[error("cannot resolve the name")]
    Unresolved(#[from] std::io::Error),
}

/// The addresses of `host` that may be spoken to, each with `port`.
///
/// # Errors
/// It cannot be resolved, or all its addresses are forbidden.
pub(crate) async fn look_up(
    guard: Guard,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, LookUpError> {
    let found = tokio::net::lookup_host((host, port)).await?;
    Ok(guard.filter(host, found, |address| address.ip())?)
}
