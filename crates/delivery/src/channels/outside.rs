//! All ways out that a channel may take: HTTP, SMTP, and the console.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lettre::transport::smtp::client::{Certificate, TlsParameters};

use super::{ChannelOptions, Console, Error};
use crate::channel::Sent;
use crate::client::Client;
use crate::client::guard::Guard;

/// Mail servers whose TLS is kept ready; when one more comes, all are forgotten.
const MAIL_HOSTS: usize = 256;

/// All ways out.
#[derive(Clone)]
pub(crate) struct Outside {
    /// HTTP, and the addresses of names.
    pub(crate) client: Client,
    /// Where the console writes.
    pub(crate) console: Option<Console>,
    extra_roots: Vec<Certificate>,
    mail_tls: Arc<Mutex<BTreeMap<String, TlsParameters>>>,
}

impl Outside {
    /// Sets them up.
    pub(super) fn new(options: &ChannelOptions) -> Result<Self, Error> {
        let guard = Guard { allow_private: options.allow_private };
        let roots = &options.extra_roots;
        let client = Client::new(guard, options.timeout, &options.user_agent, roots)?;
        let certificate = |pem: &Vec<u8>| {
            Certificate::from_pem(pem).map_err(|_| crate::client::ClientError::Root)
        };
        let extra_roots = roots.iter().map(certificate).collect::<Result<_, _>>()?;
        Ok(Self { client, console: options.console.clone(), extra_roots, mail_tls: Arc::default() })
    }

    /// TLS to the mail server `host`, made once: reading the machine's roots takes a while.
    ///
    /// # Errors
    /// It cannot be set up.
    pub(crate) async fn mail_tls(&self, host: &str) -> Result<TlsParameters, Sent> {
        let known = self.mail_tls.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut builder = TlsParameters::builder(host.to_owned());
        for root in &self.extra_roots {
            builder = builder.add_root_certificate(root.clone());
        }
        let made = tokio::task::spawn_blocking(move || builder.build_rustls()).await;
        let Ok(Ok(made)) = made else { return Err(Sent::refused("TLS cannot be set up")) };
        let mut kept = self.mail_tls.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAIL_HOSTS {
            kept.clear();
        }
        kept.insert(host.to_owned(), made.clone());
        Ok(made)
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("client", &self.client).finish_non_exhaustive()
    }
}
