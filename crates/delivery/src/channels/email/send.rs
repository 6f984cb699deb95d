//! Hands a mail to a mail server, on a connection of its own.
//!
//! A mail goes to all recipients or, where some will never take it, to the others; while one says "later", to none,
//! because a second try would reach the others twice.

use std::net::SocketAddr;

use lettre::address::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use super::config::{Config, Protection};
use super::render;
use crate::channel::{Sent, SentOutcome};
use crate::channels::outside::Outside;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let (mail, id) = match render::mail(config, telling) {
        Ok(made) => made,
        Err(error) => return Sent::refused(format!("the mail cannot be made: {error}")),
    };
    let addresses = match outside.client.addresses(&config.host, config.port).await {
        Ok(addresses) => addresses,
        Err(sent) => return sent,
    };
    let mail = mail.formatted();
    let handing = hand_over(config, outside, &addresses, &mail);
    match tokio::time::timeout(outside.client.timeout(), handing).await {
        Ok(Ok(taken)) => Sent { reference: id, ..taken },
        Ok(Err(sent)) => sent,
        Err(_) => Sent::later("no answer in time"),
    }
}

async fn hand_over(
    config: &Config,
    outside: &Outside,
    addresses: &[SocketAddr],
    mail: &[u8],
) -> Result<Sent, Sent> {
    let mut connection = connect(config, outside, addresses).await?;
    let from = config.from.as_ref().map(|from| from.email.clone());
    connection.command(Mail::new(from, Vec::new())).await.map_err(|error| failed(&error))?;
    let unwilling = recipients(config, &mut connection).await?;
    connection.command(Data).await.map_err(|error| failed(&error))?;
    let response = connection.message(mail).await.map_err(|error| failed(&error))?;
    connection.abort().await;
    let mut answer = said(&response);
    for (address, why) in unwilling {
        answer.push_str(&format!("; refused for {address}: {why}"));
    }
    let status = status(&response);
    Ok(Sent { outcome: SentOutcome::Delivered, status, answer, reference: String::new() })
}

/// Names all recipients; those that will never take it are handed back.
async fn recipients(
    config: &Config,
    connection: &mut AsyncSmtpConnection,
) -> Result<Vec<(Address, String)>, Sent> {
    let mut unwilling = Vec::new();
    let mut last = None;
    for to in &config.to {
        let named = connection.command(Rcpt::new(to.email.clone(), Vec::new())).await;
        match named {
            Ok(_) => {}
            Err(error) if error.is_permanent() => {
                let sent = failed(&error);
                unwilling.push((to.email.clone(), sent.answer.clone()));
                last = Some(sent);
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    match last {
        Some(sent) if unwilling.len() == config.to.len() => Err(sent),
        Some(_) | None => Ok(unwilling),
    }
}

async fn connect(
    config: &Config,
    outside: &Outside,
    addresses: &[SocketAddr],
) -> Result<AsyncSmtpConnection, Sent> {
    let domain = config.from.as_ref().map_or("localhost", |from| from.email.domain());
    let hello = ClientId::Domain(domain.to_owned());
    let tls = match config.protection {
        Protection::StartTls | Protection::Tls => Some(outside.mail_tls(&config.host).await?),
        Protection::Open => None,
    };
    let (at_once, later) = match config.protection {
        Protection::Tls => (tls, None),
        Protection::StartTls | Protection::Open => (None, tls),
    };
    let timeout = Some(outside.client.timeout());
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(addresses, timeout, &hello, at_once, None)
            .await
            .map_err(|error| failed(&error))?;
    if let Some(tls) = later {
        connection.starttls(tls, &hello).await.map_err(|error| failed(&error))?;
    }
    if let Some((username, password)) = &config.login {
        let credentials = Credentials::new(username.clone(), password.clone());
        connection
            .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
            .await
            .map_err(|error| failed(&error))?;
    }
    Ok(connection)
}

/// 5yz is never, and so is a server that cannot do what is asked; 4yz and everything else is later.
fn failed(error: &Error) -> Sent {
    let never = error.is_permanent() || error.is_client();
    let outcome = if never { SentOutcome::Refused } else { SentOutcome::Retry { after: None } };
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    let status = error.status().map_or(0, u16::from);
    Sent { outcome, status, answer: text, reference: String::new() }
}

fn status(response: &Response) -> u16 {
    response.code().into()
}

fn said(response: &Response) -> String {
    response.message().collect::<Vec<_>>().join(" ")
}
