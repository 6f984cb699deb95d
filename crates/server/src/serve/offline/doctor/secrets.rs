//! Whether the key of secrets is there, is private, and opens what is sealed.

use delivery::Seal;

use super::{Finding, Patient};
use crate::serve::sealed::{self, KEY_FILE, secrets_of};

/// Looks at `secret.key`, after the store.
pub(super) fn secrets(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    if let Some(nothing) = patient.nothing_yet()? {
        return Ok(nothing);
    }
    let Some(sealed) = &patient.sealed else {
        return Ok(Finding::fail("not known, because the store could not be read"));
    };
    let config = patient.config;
    let path = config.folder(KEY_FILE);
    if sealed.is_empty() {
        let found = match Seal::read_file(&path)? {
            Some(_) => format!("{} is there, and no endpoint has secrets", path.display()),
            None => "no endpoint has secrets; the next start makes their key".to_owned(),
        };
        return Ok(Finding::ok(found));
    }
    let (_, closed) = sealed::try_key(config, sealed)?;
    let (all, shown) = (secrets_of(sealed.len()), path.display());
    if closed == sealed.len() {
        return Ok(Finding::fail(sealed::other_key(config, closed)));
    }
    if closed > 0 {
        let (opened, closed) = (secrets_of(sealed.len() - closed), secrets_of(closed));
        return Ok(Finding::fail(format!(
            "{shown} opens {opened}, but not {closed}: put the key back that does, or give them up with \
             `stormbell doctor --forget-lost-secrets` and give them again"
        )));
    }
    Ok(Finding::ok(format!("{shown} is private and opens {all}") + &patient.beside()))
}
