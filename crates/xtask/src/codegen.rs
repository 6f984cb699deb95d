//! The generated code of `crates/proto`: written from `proto/` and compared with what is committed.
//!
//! The protocol compiler is a library, so nothing but cargo is needed. The same input gives the
//! same bytes on every machine: that is what lets `stale` compare them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What a stale file is told.
pub(crate) const STALE: &str = "stale generated file; run `cargo xtask codegen`";

const PROTO: &str = "proto";
const GENERATED: &str = "crates/proto/src/generated";
const DESCRIPTORS: &str = "descriptors.bin";

/// Writes every generated file and removes those that nothing generates any more. Returns the
/// paths that changed, relative to `root`.
pub(crate) fn write(root: &Path) -> Result<Vec<String>> {
    let fresh = generate(root)?;
    let folder = root.join(GENERATED);
    fs::create_dir_all(&folder).with_context(|| format!("creating {GENERATED}"))?;
    let changed = differing(&fresh, &read_folder(&folder)?);
    for name in &changed {
        let path = folder.join(name);
        match fresh.get(name) {
            Some(bytes) => fs::write(&path, bytes),
            None => fs::remove_file(&path),
        }
        .with_context(|| format!("writing {GENERATED}/{name}"))?;
    }
    Ok(in_folder(changed))
}

/// The generated files that are not what `write` would write, relative to `root`.
pub(crate) fn stale(root: &Path) -> Result<Vec<String>> {
    let fresh = generate(root)?;
    Ok(in_folder(differing(&fresh, &read_folder(&root.join(GENERATED))?)))
}

type Files = BTreeMap<String, Vec<u8>>;

fn generate(root: &Path) -> Result<Files> {
    let sources = sources(&root.join(PROTO), "")?;
    let mut compiler = protox::Compiler::new([root.join(PROTO)])?;
    compiler.include_imports(true).open_files(&sources)?;
    let descriptors = compiler.encode_file_descriptor_set();
    // Comments become the documentation of the generated types; reflection does not need them.
    compiler.include_source_info(true);
    let out = tempfile::tempdir().context("creating a temporary folder")?;
    tonic_prost_build::configure()
        .build_client(true)
        .build_server(true)
        // Payloads are not copied on their way in, and maps have one order.
        .bytes(".")
        .btree_map(".")
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(compiler.file_descriptor_set())
        .context("generating the gRPC code")?;
    let mut files = read_folder(out.path())?;
    files.insert(DESCRIPTORS.to_owned(), descriptors);
    Ok(files)
}

/// The `.proto` files under `folder`, relative to the first folder it was called with, sorted.
fn sources(folder: &Path, prefix: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            found.extend(sources(&entry.path(), &format!("{name}/"))?);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "proto") {
            found.push(name);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn read_folder(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// The names whose bytes differ or that only one side has.
fn differing(fresh: &Files, committed: &Files) -> Vec<String> {
    let mut names: Vec<String> = fresh.keys().chain(committed.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| fresh.get(name) != committed.get(name));
    names
}

fn in_folder(names: Vec<String>) -> Vec<String> {
    names.into_iter().map(|name| format!("{GENERATED}/{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clone_with(proto: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("proto/a/v1");
        fs::create_dir_all(&folder).expect("a folder inside it");
        fs::write(folder.join("a.proto"), proto).expect("a file inside it");
        root
    }

    #[test]
    fn what_was_written_is_fresh_until_the_source_changes() {
        let first = "syntax = \"proto3\"; package a.v1; message A { bytes b = 1; }";
        let root = clone_with(first);
        let both = [format!("{GENERATED}/a.v1.rs"), format!("{GENERATED}/{DESCRIPTORS}")];
        assert_eq!(stale(root.path()).expect("it generates"), both);
        assert_eq!(write(root.path()).expect("it generates"), both);
        assert_eq!(stale(root.path()).expect("it generates"), Vec::<String>::new());

        let code = fs::read_to_string(root.path().join(&both[0])).expect("it was written");
        assert!(code.contains("prost::bytes::Bytes"), "{code}");

        let second = first.replace("b = 1", "c = 1");
        fs::write(root.path().join("proto/a/v1/a.proto"), second).expect("the source changes");
        assert_eq!(stale(root.path()).expect("it generates"), both);
    }

    #[test]
    fn a_generated_file_that_nothing_generates_is_stale_and_removed() {
        let root = clone_with("syntax = \"proto3\"; package a.v1; message A {}");
        write(root.path()).expect("it generates");
        let left_over = root.path().join(GENERATED).join("old.v1.rs");
        fs::write(&left_over, "").expect("a left-over file");
        assert_eq!(stale(root.path()).expect("it generates"), [format!("{GENERATED}/old.v1.rs")]);
        write(root.path()).expect("it generates");
        assert!(!left_over.exists());
    }
}
