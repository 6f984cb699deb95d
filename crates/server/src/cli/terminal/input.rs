//! What a command is given as a file, on standard input (`-`), or in its place on the command line.
//!
//! Refuses to know what stands in it. Invariant: no more is read than the server would take.

use std::fs::File;
use std::io::{self, Read};

use serde_json::{Map, Value};

use super::failure::Failure;

/// Bytes of a file that is read: more than the server takes of any.
const FILE_BYTES: u64 = 16 << 20;

/// The bytes of a file, or of standard input where it is `-`.
pub(crate) fn file(name: &str) -> Result<Vec<u8>, Failure> {
    let unusable = |why: String| Failure::Usage(format!("{name}: {why}"));
    let source: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(name).map_err(|error| unusable(error.to_string()))?)
    };
    let mut bytes = Vec::new();
    let read = source.take(FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unusable(error.to_string()))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(unusable(format!("it is larger than {FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The JSON object in a file, or on standard input.
pub(crate) fn object(name: &str) -> Result<Map<String, Value>, Failure> {
    parse(&file(name)?).map_err(|why| Failure::Usage(format!("{name}: {why}")))
}

/// A JSON object that is written out, or in the file behind `@`.
pub(crate) fn said(argument: &str, flag: &str) -> Result<Map<String, Value>, Failure> {
    match argument.strip_prefix('@') {
        Some(name) => object(name),
        None => parse(argument.as_bytes())
            .map_err(|why| Failure::Usage(format!("{flag}: {why}; a file is named as @FILE"))),
    }
}

fn parse(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("it must be a JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_out_or_in_a_file_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"url":"http://a"}"#).expect("it can be written");
        let named = format!("@{}", path.display());
        for argument in [r#"{"url":"http://a"}"#, named.as_str()] {
            let map = said(argument, "--config").expect("it can be read");
            assert_eq!(map["url"], "http://a", "{argument}");
        }
        for wrong in ["[1]", "url=http://a", "@/nowhere/at/all"] {
            assert!(matches!(said(wrong, "--config"), Err(Failure::Usage(_))), "{wrong}");
        }
    }
}
