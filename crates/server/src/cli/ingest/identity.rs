//! Ids for signals that came without one: functions of the signal's text and its place in the file, so
//! that the same file sent again is the same signals again.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use sha2::{Digest, Sha256};

/// Gives ids to the signals of one source, in order.
pub(crate) struct Identities {
    salt: String,
    /// The line of the last signal, and how many began in it: a place that stays the same when
    /// another line is corrected.
    place: (u64, u64),
}

/// Whether an object has an id, under either of its names.
struct HasId(bool);

impl Identities {
    /// Ids for a source; `salt` tells apart sources with the same text.
    pub(crate) fn new(salt: &str) -> Self {
        Self { salt: salt.to_owned(), place: (0, 0) }
    }

    /// The signal, which is a JSON object that begins in `line`, with an id. What is no JSON goes as it
    /// is: the server says what is wrong with it.
    pub(crate) fn identified<'a>(&mut self, signal: &'a str, line: u64) -> Cow<'a, str> {
        self.place = if self.place.0 == line { (line, self.place.1 + 1) } else { (line, 0) };
        match serde_json::from_str::<HasId>(signal) {
            Ok(HasId(false)) => {}
            Ok(HasId(true)) | Err(_) => return Cow::Borrowed(signal),
        }
        let id = self.id(signal);
        let rest = signal.trim_start().trim_start_matches('{').trim_start();
        let comma = if rest.starts_with('}') { "" } else { "," };
        Cow::Owned(format!("{{\"id\":\"{id}\"{comma}{rest}"))
    }

    fn id(&self, signal: &str) -> uuid::Uuid {
        let mut hasher = Sha256::new();
        hasher.update((self.salt.len() as u64).to_le_bytes());
        hasher.update(self.salt.as_bytes());
        hasher.update(self.place.0.to_le_bytes());
        hasher.update(self.place.1.to_le_bytes());
        hasher.update(signal.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl<'de> Deserialize<'de> for HasId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = HasId;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HasId, A::Error> {
                let mut found = false;
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    if name == "id" || name == "signal_id" {
                        // A null stands for none at all.
                        found |= map.next_value::<Option<IgnoredAny>>()?.is_some();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(HasId(found))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_gives_the_same_ids_and_the_same_line_twice_gives_two() {
        let line = r#"{"component":"db"}"#;
        let ids = |salt: &str| {
            let mut identities = Identities::new(salt);
            [1, 1].map(|at| identities.identified(line, at).into_owned())
        };
        assert_eq!(ids(""), ids(""));
        assert_ne!(ids("")[0], ids("")[1]);
        assert_ne!(ids(""), ids("another"));
        expect_test::expect![[r#"{"id":"81b1d009-8e78-8ed3-ab84-fe99e4fb2152","component":"db"}"#]]
            .assert_eq(&ids("")[0]);
    }

    #[test]
    fn a_given_id_and_what_is_no_json_stay_as_they_are() {
        let mut identities = Identities::new("");
        for text in [
            r#"{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"db"}"#,
            r#"{"component":"db","signal_id":""}"#,
            r#"{"component":tru}"#,
        ] {
            assert_eq!(identities.identified(text, 1), text);
        }
        let with_null = identities.identified(r#"{"id":null}"#, 2).into_owned();
        assert!(
            with_null.starts_with("{\"id\":\"") && with_null.ends_with(",\"id\":null}"),
            "{with_null}"
        );
        let empty = identities.identified(" { } ", 3).into_owned();
        assert!(serde_json::from_str::<serde_json::Value>(&empty).is_ok(), "{empty}");
    }
}
