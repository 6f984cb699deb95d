//! What cargo knows of the packages: the crates of this workspace and everything they build on.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One package, ours or from a registry.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression of its manifest.
    pub(crate) license: Option<String>,
    /// Whether it is a crate of this workspace.
    pub(crate) ours: bool,
    /// The folder of its manifest, relative to the root; empty for packages that are not ours.
    pub(crate) folder: String,
    /// The packages its manifest names, for building, testing and running alike, sorted.
    pub(crate) dependencies: Vec<String>,
}

/// Every package that a build for this machine uses.
pub(crate) fn load(root: &Path) -> Result<Vec<Package>> {
    let host = host()?;
    let mut command = Command::new(cargo());
    command.args(["metadata", "--format-version", "1", "--filter-platform", &host]);
    let stdout = run(command.current_dir(root))?;
    parse(&stdout, root)
}

/// The cargo that runs this program, else the one on the path.
pub(crate) fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn host() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = run(Command::new(rustc).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("running {program}"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed no UTF-8"))
}

fn parse(json: &str, root: &Path) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(json).context("reading cargo metadata")?;
    let members: Vec<&str> =
        list(&metadata, "workspace_members").filter_map(Value::as_str).collect();
    list(&metadata, "packages").map(|package| read_package(package, &members, root)).collect()
}

fn read_package(package: &Value, members: &[&str], root: &Path) -> Result<Package> {
    let ours = members.contains(&text(package, "id")?.as_str());
    let manifest = text(package, "manifest_path")?;
    let folder = Path::new(&manifest)
        .parent()
        .and_then(|folder| folder.strip_prefix(root).ok())
        .filter(|_| ours)
        .map(|folder| folder.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut dependencies = list(package, "dependencies")
        .map(|dependency| text(dependency, "name"))
        .collect::<Result<Vec<String>>>()?;
    dependencies.sort_unstable();
    dependencies.dedup();
    Ok(Package {
        name: text(package, "name")?,
        version: text(package, "version")?,
        license: package["license"].as_str().map(str::to_owned),
        ours,
        folder,
        dependencies,
    })
}

fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value[key].as_str().with_context(|| format!("cargo metadata without `{key}`"))?.to_owned())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_with_every_kind_of_dependency() {
        let json = r#"{
            "workspace_members": ["ours"],
            "packages": [
                {"id": "ours", "name": "engine", "version": "0.1.0", "license": "Apache-2.0",
                 "manifest_path": "/clone/crates/engine/Cargo.toml",
                 "dependencies": [
                    {"name": "model", "kind": null}, {"name": "journal", "kind": "dev"},
                    {"name": "model", "kind": "dev"}]},
                {"id": "theirs", "name": "bytes", "version": "1.0.0", "license": null,
                 "manifest_path": "/elsewhere/bytes/Cargo.toml", "dependencies": []}
            ]}"#;
        let packages = parse(json, Path::new("/clone")).expect("the json is complete");
        let [engine, bytes] = packages.as_slice() else { panic!("two packages") };
        assert!(engine.ours && !bytes.ours);
        assert_eq!(engine.folder, "crates/engine");
        assert_eq!(engine.dependencies, ["journal", "model"]);
        assert_eq!(bytes.folder, "");
        assert_eq!(bytes.license, None);
    }
}
