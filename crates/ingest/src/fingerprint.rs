//! The fingerprint of a label set as Prometheus and Alertmanager compute it: FNV-1a over the
//! names and values in order of the names, each followed by the byte 0xff.

use std::borrow::Cow;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
const SEPARATOR: [u8; 1] = [0xff];

/// The fingerprint of labels that are sorted by name.
pub(crate) fn of(labels: &[(Cow<'_, str>, Cow<'_, str>)]) -> u64 {
    labels.iter().fold(OFFSET, |hash, (name, value)| {
        let hash = add(add(hash, name.as_bytes()), &SEPARATOR);
        add(add(hash, value.as_bytes()), &SEPARATOR)
    })
}

fn add(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_that_alertmanager_answers() {
        let shown = |pairs: &[(&'static str, &'static str)]| {
            let labels: Vec<_> =
                pairs.iter().map(|&(n, v)| (Cow::Borrowed(n), Cow::Borrowed(v))).collect();
            format!("{:016x}", of(&labels))
        };
        assert_eq!(shown(&[("alertname", "a")]), "d258efc389808447");
        assert_eq!(shown(&[("alertname", "good")]), "fff7f30401697f7b");
    }
}
