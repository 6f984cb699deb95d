//! Writes the line. Apart from the threads that serve, because whoever reads it may be slow.

use std::sync::PoisonError;

use super::config::Config;
use super::render;
use crate::channel::{Sent, SentOutcome};
use crate::channels::outside::Outside;
use crate::rendering::Telling;

pub(super) async fn send(_: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let Some(console) = outside.console.clone() else {
        return Sent::refused("this server has no console");
    };
    let line = render::one_line(telling);
    let writing = tokio::task::spawn_blocking(move || {
        let mut writer = console.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(line.as_bytes()).and_then(|()| writer.flush())
    });
    match tokio::time::timeout(outside.client.timeout(), writing).await {
        Ok(Ok(Ok(()))) => Sent {
            outcome: SentOutcome::Delivered,
            status: 0,
            answer: "written".to_owned(),
            reference: String::new(),
        },
        Ok(Ok(Err(error))) => Sent::later(format!("cannot write: {error}")),
        Ok(Err(_)) => Sent::later("cannot write"),
        Err(_) => Sent::later("nobody reads what is written"),
    }
}
