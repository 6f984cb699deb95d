//! Sends a group to whatever takes Alertmanager's webhook.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::config::{Access, Config};
use super::render;
use crate::channel::Sent;
use crate::channels::outside::Outside;
use crate::client::Call;
use crate::rendering::Telling;

pub(super) async fn send(config: &Config, telling: &Telling<'_>, outside: &Outside) -> Sent {
    let group = render::body(config, telling);
    let mut call = Call::json(config.url.clone(), &group, telling.message.now);
    let access = match &config.access {
        Access::Anybody => None,
        Access::Token(token) => Some(format!("Bearer {token}")),
        Access::User(name, password) => {
            Some(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
        }
    };
    if let Some(access) = access {
        let Ok(access) = HeaderValue::try_from(access) else {
            return Sent::refused("the token is no token");
        };
        call = call.own_header(AUTHORIZATION, access);
    }
    match outside.client.call(call).await {
        Ok(answer) => answer.sent(telling.answered(&answer.body)),
        Err(sent) => sent,
    }
}
