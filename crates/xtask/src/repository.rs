//! The files of the repository, read once: what git tracks and what it would track.
//!
//! Ignored files are not seen. Paths are relative to the root, with `/` between their parts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The checkout that the current directory lies in.
pub(crate) struct Repository {
    root: PathBuf,
    files: Vec<File>,
}

/// One file, with its text unless it is binary.
pub(crate) struct File {
    pub(crate) path: String,
    /// `None` when the bytes are not UTF-8 or hold a NUL.
    pub(crate) text: Option<String>,
}

impl Repository {
    /// Lists and reads every file. Fails outside a git checkout.
    pub(crate) fn open() -> Result<Repository> {
        let root = PathBuf::from(git(Path::new("."), &["rev-parse", "--show-toplevel"])?.trim());
        let listed = git(&root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
        let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            // Listed by the index but removed from the disk: on its way out.
            let on_disk = root.join(path);
            if !on_disk.is_file() {
                continue;
            }
            let bytes = fs::read(&on_disk).with_context(|| format!("reading {path}"))?;
            files.push(File { path: path.to_owned(), text: as_text(bytes) });
        }
        Ok(Repository { root, files })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// The text of the file at `path`, if there is one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }
}

impl File {
    /// A file made up for a test.
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: Some(text.to_owned()) }
    }

    pub(crate) fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    pub(crate) fn is_markdown(&self) -> bool {
        has_extension(&self.path, "md")
    }

    /// Written by a program, so held to no rule of style.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.split('/').any(|part| part == "generated")
    }

    /// Written by a package client to pin versions.
    pub(crate) fn is_lock(&self) -> bool {
        let name = self.name();
        has_extension(name, "lock")
            || ["package-lock.json", "pnpm-lock.yaml", "go.sum"].contains(&name)
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn as_text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn git(directory: &Path, arguments: &[&str]) -> Result<String> {
    // A checkout may belong to another user than the one who runs the checks; they only read.
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .context("running git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("git {} failed: {}", arguments.join(" "), said.trim());
    }
    String::from_utf8(output.stdout).context("git named a path that is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_a_nul_are_not_text() {
        assert_eq!(as_text(b"a\0b".to_vec()), None);
        assert_eq!(as_text(vec![0xff]), None);
        assert_eq!(as_text(b"plain".to_vec()), Some("plain".to_owned()));
    }

    #[test]
    fn lock_and_generated_files_are_known_by_their_names() {
        assert!(File::new("Cargo.lock", "").is_lock());
        assert!(File::new("ui/package-lock.json", "").is_lock());
        assert!(!File::new("crates/store/src/lock.rs", "").is_lock());
        assert!(File::new("crates/proto/src/generated/a.rs", "").is_generated());
        assert!(!File::new("crates/proto/src/lib.rs", "").is_generated());
    }
}
