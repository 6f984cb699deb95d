//! Paths as they may be shown. Some clients can say their key in the path only, and people put it into wrong places
//! of one: answers and logs are kept by others, so no key is repeated in them.

/// What every key that the server makes begins with.
const KEY: &str = "sb_";
/// The first segment of a path in which a key follows.
const BEFORE_KEY: &str = "k";
/// What is shown in place of a key.
const BLANK: &str = "…";

/// The path with every segment blanked that is a key: it begins like one, or stands where one belongs.
#[must_use]
pub fn without_keys(path: &str) -> String {
    let (mut is_first, mut key_follows) = (true, false);
    let shown = path.split('/').map(|segment| {
        // A base address with a slash at its end leaves empty ones, which change nothing about the others.
        if segment.is_empty() {
            return segment;
        }
        let is_key = key_follows || segment.starts_with(KEY);
        key_follows = is_first && segment == BEFORE_KEY;
        is_first = false;
        if is_key { BLANK } else { segment }
    });
    shown.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_blanked_wherever_it_stands_in_a_path() {
        for (path, shown) in [
            ("/k/sb_secret/api/v2/alerts", "/k/…/api/v2/alerts"),
            ("/k/sb_secret", "/k/…"),
            ("/k/another/api/v2/alerts", "/k/…/api/v2/alerts"),
            ("//k/sb_secret/api/v2/alerts", "//k/…/api/v2/alerts"),
            ("/k//sb_secret/", "/k//…/"),
            ("/K/sb_secret/x", "/K/…/x"),
            ("/v1/sb_secret", "/v1/…"),
            ("/v1/signals", "/v1/signals"),
            ("/v1/k/x", "/v1/k/x"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(without_keys(path), shown);
        }
    }
}
