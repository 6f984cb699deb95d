//! Who says that messages may go to an endpoint: whoever manages the project, or its owner, who confirms it with a
//! token that only who reads there has.
//!
//! Refuses to know: how a token reaches the owner. Invariant: what an owner confirmed is confirmed for where the endpoint
//! sent to then, and for nowhere else.

use model::{Actor, ActorKind, Duration, EndpointId};
use serde::Serialize;
use store::{EndpointRow, ErrorKind};
use utoipa::ToSchema;

use super::pace::Unasked;
use super::probe::owner;
use crate::ports::{Claim, TokenError};
use crate::problem::{Code, Problem};
use crate::{Api, default_routes, instant};

/// How often a confirmation is tried while others change the endpoint.
const TRIES: usize = 4;

const HOW: &str = "The message holds a token, and for people a link. Whoever reads it opens the link and presses the button, \
                   or the token is sent to POST /v1/endpoints/verify; a webhook may answer with it. The token is good \
                   for 24 hours.";

/// A challenge that was sent, and how to go on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EndpointChallenge {
    /// Whether the other side took it.
    sent: bool,
    /// Whether the endpoint is verified now: its answer was the token.
    verified: bool,
    /// The status of the protocol: HTTP's, or the reply code of SMTP; 0 where there was none.
    status: u16,
    /// What was answered or what went wrong, cut short.
    answer: String,
    /// How long it took, in milliseconds.
    took_ms: u64,
    /// Until when the token can be handed in; null where none was sent.
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
    /// What the owner does to confirm the endpoint.
    how: &'static str,
}

/// Sets who says that messages may go to `row`, which takes the place of `before`, and whether it is verified; answers
/// whether its owner is to be sent a challenge. What `row` says already holds where nobody has to confirm it.
///
/// # Errors
/// Why it cannot be as was asked, in a sentence.
pub(crate) fn settle(
    api: &Api,
    asked: Option<bool>,
    row: &mut EndpointRow,
    before: Option<&EndpointRow>,
) -> Result<bool, &'static str> {
    let ports = api.ports();
    let address = |row: &EndpointRow| ports.channels.address(row);
    let stays = before.filter(|before| address(before).is_some_and(|it| Some(it) == address(row)));
    let was = before.is_some_and(|before| before.owner_confirms);
    let must = ports.verify_endpoints && (was || stays.is_none());
    if asked == Some(false) && must {
        return Err("on this server the owner of an endpoint has to confirm it");
    }
    row.owner_confirms = asked.unwrap_or(was || must);
    if !row.owner_confirms {
        return Ok(false);
    }
    row.verified_at = stays.filter(|_| was).and_then(|before| before.verified_at);
    Ok(row.verified_at.is_none() && (stays.is_none() || !was))
}

/// Sends a challenge, if none was sent just now; answers the endpoint as it is then.
pub(super) async fn challenge(
    api: &Api,
    row: EndpointRow,
) -> Result<(EndpointRow, EndpointChallenge), Problem> {
    match permitted(api, Unasked::Challenge, &row) {
        Ok(()) => challenge_now(api, row).await,
        Err(wait) => {
            let answer = too_soon(wait);
            let sent = EndpointChallenge {
                sent: false,
                verified: false,
                status: 0,
                answer,
                took_ms: 0,
                expires_at: None,
                how: HOW,
            };
            Ok((row, sent))
        }
    }
}

/// Notes that an endpoint that is not verified is sent something now, if it may be.
pub(super) fn permitted(api: &Api, kind: Unasked, row: &EndpointRow) -> Result<(), Duration> {
    let address = api.ports().channels.address(row).unwrap_or_default();
    api.pace().take(kind, (row.project, row.id, address), api.ports().clock.now())
}

/// Why nothing is sent.
pub(super) fn too_soon(wait: Duration) -> String {
    let seconds = wait.micros().div_ceil(1_000_000);
    format!(
        "an endpoint that is not verified is sent one a minute, those of a project a few at once and then one a \
         minute; ask again in {seconds} s"
    )
}

/// Sends a challenge; answers the endpoint as it is then.
pub(super) async fn challenge_now(
    api: &Api,
    row: EndpointRow,
) -> Result<(EndpointRow, EndpointChallenge), Problem> {
    let ports = api.ports();
    let subscriber = owner(api, &row).await?;
    let challenged = ports.channels.challenge(&row, &subscriber, ports.clock.now()).await;
    let mut said = EndpointChallenge {
        sent: challenged.tested.delivered,
        verified: false,
        status: challenged.tested.status,
        answer: challenged.tested.answer,
        took_ms: challenged.tested.took.micros() / 1_000,
        expires_at: Some(instant::write(challenged.expires_at)),
        how: HOW,
    };
    let Some(address) = ports.channels.address(&row).filter(|_| challenged.confirmed) else {
        return Ok((row, said));
    };
    let claim = Claim { project: row.project, endpoint: row.id, address };
    // Whoever changed it meanwhile has sent a challenge of their own.
    match confirm(api, &claim, ActorKind::Agent).await {
        Ok(row) => {
            said.verified = true;
            Ok((row, said))
        }
        Err(problem) if problem.code() == Code::OutdatedToken => Ok((row, said)),
        Err(problem) => Err(problem),
    }
}

/// The endpoint that a token confirms, as it stands; `wanted` is the one that was meant, where somebody said.
pub(super) async fn find_claimed(
    api: &Api,
    token: &str,
    wanted: Option<EndpointId>,
) -> Result<(Claim, EndpointRow), Problem> {
    let ports = api.ports();
    let claim = ports.channels.claim(token, ports.clock.now()).map_err(refused)?;
    if wanted.is_some_and(|wanted| wanted != claim.endpoint) {
        let detail = "the token confirms another endpoint than the one that was named";
        return Err(Problem::new(Code::ForeignToken, detail));
    }
    let row = claimed(api, &claim).await?;
    Ok((claim, row))
}

/// Verifies the endpoint that was claimed, if it still sends to where it did; once is enough.
pub(super) async fn confirm(
    api: &Api,
    claim: &Claim,
    kind: ActorKind,
) -> Result<EndpointRow, Problem> {
    let (store, now) = (&api.ports().store, api.ports().clock.now());
    let actor = Actor { kind, name: "owner of the endpoint".to_owned() };
    for _ in 0..TRIES {
        let row = claimed(api, claim).await?;
        if row.verified_at.is_some() {
            return Ok(row);
        }
        match store.verify_endpoint(row.project, row.id, row.version, &actor, now).await {
            Ok(version) => {
                let verified_at = Some(now);
                default_routes::follow(api, row.project, Some(row.subscriber), &actor).await;
                return Ok(EndpointRow { version, verified_at, owner_confirms: true, ..row });
            }
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let detail = "the endpoint is being changed; try again in a moment";
    Err(Problem::new(Code::OutdatedToken, detail))
}

/// The endpoint of a claim, where it still sends to where it did.
async fn claimed(api: &Api, claim: &Claim) -> Result<EndpointRow, Problem> {
    let ports = api.ports();
    let row = ports.store.endpoint(claim.project, claim.endpoint).await?;
    let row = row.filter(|row| ports.channels.address(row) == Some(claim.address));
    row.ok_or_else(|| {
        let detail = "the endpoint sends elsewhere by now, or was removed; ask for a new token";
        Problem::new(Code::OutdatedToken, detail)
    })
}

fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Unknown => {
            let detail = "this is no token of this server; take the whole of it, as it was sent";
            Problem::new(Code::InvalidToken, detail)
        }
        TokenError::Expired => {
            let detail = "a token is good for 24 hours; ask for a new one";
            Problem::new(Code::ExpiredToken, detail)
        }
    }
}
