//! The licence of every package that is built, against the list in `deny.toml`.
//!
//! `cargo deny check licenses` reads the same list, so there is one truth; this check needs nothing
//! but cargo.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, spdx};
use crate::metadata::Package;

const PATH: &str = "deny.toml";

/// Checks every package that is not ours. `deny` is the text of `deny.toml`.
pub(crate) fn check(deny: Option<&str>, packages: &[Package]) -> Vec<Problem> {
    let rules = match deny.ok_or_else(|| "missing".to_owned()).and_then(Rules::parse) {
        Ok(rules) => rules,
        Err(why) => return vec![Problem::new(PATH, why)],
    };
    let theirs = packages.iter().filter(|package| !package.ours);
    theirs.filter_map(|package| rules.complaint(package)).collect()
}

#[derive(Debug)]
struct Rules {
    allow: BTreeSet<String>,
    /// What single packages may have beside that.
    exceptions: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    fn parse(text: &str) -> Result<Rules, String> {
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let licenses = table.get("licenses").ok_or("no table [licenses]")?;
        let allow = strings(licenses.get("allow")).ok_or("[licenses] needs `allow`, a list")?;
        let mut exceptions = BTreeMap::new();
        let listed = licenses.get("exceptions").and_then(toml::Value::as_array);
        for exception in listed.into_iter().flatten() {
            let name = exception.get("crate").and_then(toml::Value::as_str);
            let name = name.ok_or("an exception in [licenses] needs `crate`")?;
            let allow = strings(exception.get("allow"));
            let allow = allow.ok_or_else(|| format!("the exception for `{name}` needs `allow`"))?;
            exceptions.insert(name.to_owned(), allow);
        }
        Ok(Rules { allow, exceptions })
    }

    fn complaint(&self, package: &Package) -> Option<Problem> {
        let Package { name, version, .. } = package;
        let place = format!("Cargo.lock: {name} {version}");
        let Some(expression) = &package.license else {
            return Some(Problem::new(place, "its manifest names no licence"));
        };
        let own = self.exceptions.get(name);
        let allowed = |licence: &str| {
            self.allow.contains(licence) || own.is_some_and(|own| own.contains(licence))
        };
        let message = match spdx::is_met(expression, &allowed) {
            Ok(true) => return None,
            Ok(false) => format!("`{expression}` is not allowed by {PATH}"),
            Err(why) => format!("`{expression}` is no licence expression: {why}"),
        };
        Some(Problem::new(place, message))
    }
}

fn strings(value: Option<&toml::Value>) -> Option<BTreeSet<String>> {
    value?.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "[licenses]\nallow = [\"MIT\"]\n\
                        [[licenses.exceptions]]\ncrate = \"roots\"\nallow = [\"MPL-2.0\"]\n";

    fn package(name: &str, license: Option<&str>, ours: bool) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            ours,
            folder: String::new(),
            dependencies: Vec::new(),
        }
    }

    fn said(deny: Option<&str>, package: Package) -> Vec<String> {
        check(deny, &[package]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn allowed_licences_and_our_own_crates_pass() {
        let passes = Vec::<String>::new();
        assert_eq!(said(Some(DENY), package("bytes", Some("MIT OR GPL-3.0"), false)), passes);
        assert_eq!(said(Some(DENY), package("model", Some("Apache-2.0"), true)), passes);
    }

    #[test]
    fn a_licence_that_is_not_allowed_names_the_package() {
        assert_eq!(
            said(Some(DENY), package("copy", Some("GPL-3.0"), false)),
            ["Cargo.lock: copy 1.0.0: `GPL-3.0` is not allowed by deny.toml"]
        );
        assert_eq!(
            said(Some(DENY), package("copy", None, false)),
            ["Cargo.lock: copy 1.0.0: its manifest names no licence"]
        );
    }

    #[test]
    fn an_exception_is_for_one_package() {
        assert_eq!(
            said(Some(DENY), package("roots", Some("MPL-2.0"), false)),
            Vec::<String>::new()
        );
        assert_eq!(said(Some(DENY), package("other", Some("MPL-2.0"), false)).len(), 1);
    }

    #[test]
    fn a_missing_or_broken_list_is_a_problem() {
        let bytes = || package("bytes", Some("MIT"), false);
        assert_eq!(said(None, bytes()), ["deny.toml: missing"]);
        assert_eq!(said(Some(""), bytes()), ["deny.toml: no table [licenses]"]);
        let no_list = said(Some("[licenses]\nallow = 1"), bytes());
        assert_eq!(no_list, ["deny.toml: [licenses] needs `allow`, a list"]);
    }
}
