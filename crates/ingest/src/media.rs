//! What a request's headers say about its body: JSON or NDJSON, and how it is compressed.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::code::Code;
use crate::problem::Problem;

/// What the content type says the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Media {
    /// One JSON text. Also where there is no content type: the first byte tells the rest.
    #[default]
    Json,
    /// One JSON text per line.
    JsonLines,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// It is not.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Media {
    /// Reads the content type.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let text = value.to_str().unwrap_or("unreadable");
        let essence = text.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let suffix = essence.rsplit_once('+').map_or("", |(_, suffix)| suffix);
        if is("application/json") || is("text/json") || suffix.eq_ignore_ascii_case("json") {
            return Ok(Self::Json);
        }
        if ["application/x-ndjson", "application/ndjson", "application/jsonlines"]
            .into_iter()
            .chain(["application/x-jsonlines", "application/jsonl"])
            .any(is)
        {
            return Ok(Self::JsonLines);
        }
        Err(unsupported(essence))
    }
}

fn unsupported(essence: &str) -> Problem {
    let hint = if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        "; with curl say `--json @FILE`, or add `-H 'Content-Type: application/json'`"
    } else {
        ""
    };
    let detail = format!(
        "content type `{}` is not spoken here; send application/json or application/x-ndjson{hint}",
        essence.chars().take(64).collect::<String>()
    );
    Problem::new(Code::UnsupportedMediaType, detail)
}

impl Encoding {
    /// Reads the content encoding.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(Self::Identity) };
        let text = value.to_str().unwrap_or("unreadable").trim();
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        if values.next().is_some() {
            let detail = "a body compressed more than once is not taken";
            return Err(Problem::new(Code::UnsupportedEncoding, detail));
        }
        if is("identity") || text.is_empty() {
            Ok(Self::Identity)
        } else if is("gzip") || is("x-gzip") {
            Ok(Self::Gzip)
        } else if is("zstd") {
            Ok(Self::Zstd)
        } else {
            let detail = format!(
                "content encoding `{}` is not spoken here; send gzip, zstd or none",
                text.chars().take(64).collect::<String>()
            );
            Err(Problem::new(Code::UnsupportedEncoding, detail))
        }
    }
}
