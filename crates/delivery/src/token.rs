//! Tokens by which the owner of an endpoint confirms it: sealed, so that they need not be kept anywhere.
//!
//! A token is what the seal makes of 44 bytes (project, endpoint, until when in microseconds, where it sends), in
//! hexadecimal: 170 digits that no markup takes for anything else. Refuses to know: how it reaches the owner.
//! Invariant: it confirms one endpoint, at the address it was sent to, until it is too old.

use model::{Duration, EndpointId, ProjectId, Timestamp};

use crate::seal::{Seal, SealError};

/// How long a token is good for: a day.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// What tokens are sealed for. Secrets of endpoints are sealed for places that begin otherwise, so neither can
/// stand for the other.
const PLACE: &[u8] = b"verification";
/// Digits of a text that may be a token, with room for what a later version adds.
const DIGITS_MOST: usize = 512;

/// A digest of where an endpoint sends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub [u8; 16]);

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose endpoint.
    pub project: ProjectId,
    /// Which.
    pub endpoint: EndpointId,
    /// Where it sent to when the token was made.
    pub address: Address,
}

/// Why a text confirms nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token, was changed, or was made under another key.
    #[error("it is no token of this server")]
    Unknown,
    /// It was one, and is too old.
    #[error("the token is too old")]
    Expired,
}

/// Makes a token that is good until `expires_at`.
///
/// # Errors
/// The machine gives no randomness.
pub(crate) fn make(seal: &Seal, claim: &Claim, expires_at: Timestamp) -> Result<String, SealError> {
    let mut plain = Vec::with_capacity(44);
    plain.extend(claim.project.0.to_be_bytes());
    plain.extend(claim.endpoint.to_bytes());
    plain.extend(expires_at.micros().to_be_bytes());
    plain.extend(claim.address.0);
    let sealed = seal.seal(&plain, PLACE)?;
    Ok(sealed.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads a token; upper case counts as lower, and white space around it not at all.
///
/// # Errors
/// It is none of ours, or too old.
pub(crate) fn read(seal: &Seal, text: &str, now: Timestamp) -> Result<Claim, TokenError> {
    let sealed = bytes(text.trim()).ok_or(TokenError::Unknown)?;
    let plain = seal.open(&sealed, PLACE).map_err(|_| TokenError::Unknown)?;
    let (claim, expires_at) = parse(&plain).ok_or(TokenError::Unknown)?;
    if now >= expires_at { Err(TokenError::Expired) } else { Ok(claim) }
}

fn parse(plain: &[u8]) -> Option<(Claim, Timestamp)> {
    let (project, rest) = plain.split_first_chunk::<4>()?;
    let (endpoint, rest) = rest.split_first_chunk::<16>()?;
    let (expires_at, rest) = rest.split_first_chunk::<8>()?;
    let claim = Claim {
        project: ProjectId(u32::from_be_bytes(*project)),
        endpoint: EndpointId(u128::from_be_bytes(*endpoint)),
        address: Address(rest.try_into().ok()?),
    };
    Some((claim, Timestamp::from_micros(i64::from_be_bytes(*expires_at))))
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() > DIGITS_MOST || !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim =
        Claim { project: ProjectId(7), endpoint: EndpointId(0xe1), address: Address([9; 16]) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_token_says_what_it_was_made_of_until_it_is_too_old() {
        let seal = Seal::with_key([7; 32]);
        let token = make(&seal, &CLAIM, at(100)).unwrap();
        assert_eq!(token.len(), 170);
        for text in [token.clone(), token.to_uppercase(), format!(" {token}\r\n")] {
            assert_eq!(read(&seal, &text, at(99)), Ok(CLAIM), "{text}");
            assert_eq!(read(&seal, &text, at(100)), Err(TokenError::Expired), "{text}");
        }
    }

    #[test]
    fn what_was_changed_shortened_or_sealed_for_something_else_is_no_token() {
        let seal = Seal::with_key([7; 32]);
        let token = make(&seal, &CLAIM, at(100)).unwrap();
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read(&seal, &changed, at(1)), Err(TokenError::Unknown), "digit {place}");
            assert_eq!(read(&seal, &token[..place], at(1)), Err(TokenError::Unknown), "{place}");
        }
        let secret = seal.seal(&[1; 44], b"endpoint/7/1").unwrap();
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let foreign = make(&Seal::with_key([8; 32]), &CLAIM, at(100)).unwrap();
        let long = "0".repeat(100_000);
        for text in ["", "x", "zz", "é", "0", "00", &secret, &foreign, &long] {
            assert_eq!(read(&seal, text, at(1)), Err(TokenError::Unknown), "{text:.20}");
        }
    }
}
