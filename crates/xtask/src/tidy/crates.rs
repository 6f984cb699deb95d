//! The shape of every crate: its folder, its manifest, its tests.

use super::Problem;
use crate::metadata::Package;
use crate::repository::File;

/// Checks the crates of this workspace against the files of the repository.
pub(crate) fn check(files: &[File], packages: &[Package]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in packages.iter().filter(|package| package.ours) {
        problems.extend(check_manifest(files, package));
    }
    problems.extend(files.iter().filter_map(check_test_binary));
    problems
}

fn check_manifest(files: &[File], package: &Package) -> Vec<Problem> {
    let mut problems = Vec::new();
    let path = format!("{}/Cargo.toml", package.folder);
    if package.folder != format!("crates/{}", package.name) {
        let wanted = format!("the crate `{0}` belongs in `crates/{0}`", package.name);
        problems.push(Problem::new(path.clone(), wanted));
    }
    let text = files.iter().find(|file| file.path == path).and_then(|file| file.text.as_deref());
    let Some(text) = text else {
        problems.push(Problem::new(path, "not a file that git would track"));
        return problems;
    };
    match text.parse::<toml::Table>() {
        Err(error) => problems.push(Problem::new(path, error.message().to_owned())),
        Ok(manifest) if !inherits_lints(&manifest) => {
            problems.push(Problem::new(path, "needs `[lints]` with `workspace = true`"));
        }
        Ok(_) => {}
    }
    problems
}

fn inherits_lints(manifest: &toml::Table) -> bool {
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    lints.and_then(toml::Value::as_bool) == Some(true)
}

/// Each file right under `tests/` is one more program to link.
fn check_test_binary(file: &File) -> Option<Problem> {
    let parts: Vec<&str> = file.path.split('/').collect();
    let ["crates", _, "tests", _] = parts.as_slice() else { return None };
    file.is_rust().then(|| {
        let wanted = "a crate has one integration test binary; this is a module of `tests/it/`";
        Problem::new(file.path.clone(), wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn package(name: &str, folder: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            ours: true,
            folder: folder.to_owned(),
            dependencies: Vec::new(),
        }
    }

    fn said(files: &[File], package: Package) -> Vec<String> {
        check(files, &[package]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_crate_in_its_folder_with_the_lints_passes() {
        let files = [File::new("crates/lake/Cargo.toml", LINTS)];
        assert_eq!(said(&files, package("lake", "crates/lake")), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_folder_and_missing_lints_are_two_problems() {
        let files = [File::new("crates/sea/Cargo.toml", "[lints]\nworkspace = false\n")];
        assert_eq!(
            said(&files, package("lake", "crates/sea")),
            [
                "crates/sea/Cargo.toml: the crate `lake` belongs in `crates/lake`",
                "crates/sea/Cargo.toml: needs `[lints]` with `workspace = true`",
            ]
        );
    }

    #[test]
    fn a_second_test_binary_is_refused() {
        let binary = File::new("crates/lake/tests/scan.rs", "");
        let module = File::new("crates/lake/tests/it/main.rs", "");
        assert!(check_test_binary(&binary).is_some());
        assert!(check_test_binary(&module).is_none());
    }
}
