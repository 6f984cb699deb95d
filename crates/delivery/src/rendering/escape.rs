//! Texts of strangers made harmless for the place they are shown in, and cut to what that place takes.
//!
//! Refuses to know: messages. Invariant: no text leaves here able to open a tag, a link, a mention or a header line.

/// The mark of a text that was cut.
const ELLIPSIS: char = '…';

/// One line: every run of control characters and white space becomes one space, and what turns the direction of
/// writing around is left out.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !is_direction(character) {
            out.push(character);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Several lines: as [`line`], but line breaks stay, two in a row at most.
pub(crate) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for each in text.lines() {
        let each = line(each);
        empty = if each.is_empty() { empty + 1 } else { 0 };
        if empty > 1 || (each.is_empty() && out.is_empty()) {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&each);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Marks that turn the direction of writing around, with which a text can pretend to be another.
const fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

/// At most `most` characters, with an ellipsis where it was cut.
pub(crate) fn clip(text: &str, most: usize) -> String {
    clip_by(text, most, |_| 1)
}

/// At most `most` bytes of UTF-8, with an ellipsis where it was cut.
pub(crate) fn clip_bytes(text: &str, most: usize) -> String {
    clip_by(text, most, char::len_utf8)
}

/// At most `most` units of UTF-16, with an ellipsis where it was cut: how Discord and Telegram count.
pub(crate) fn clip_units(text: &str, most: usize) -> String {
    clip_by(text, most, char::len_utf16)
}

/// As [`clip_units`], for text that is escaped with `&…;`: nothing is cut within one of those.
pub(crate) fn clip_escaped(text: &str, most: usize) -> String {
    let cut = clip_units(text, most);
    if cut == text {
        return cut;
    }
    match cut.rfind('&') {
        Some(start) if !cut[start..].contains(';') => format!("{}{ELLIPSIS}", &cut[..start]),
        Some(_) | None => cut,
    }
}

/// As [`clip_units`], for text that is escaped with backslashes: no half of an escape is left at its end.
pub(crate) fn clip_marked(text: &str, most: usize) -> String {
    let cut = clip_units(text, most);
    if cut == text {
        return cut;
    }
    let kept = cut.trim_end_matches(ELLIPSIS);
    let slashes = kept.len() - kept.trim_end_matches('\\').len();
    let whole = if slashes % 2 == 1 { &kept[..kept.len() - 1] } else { kept };
    format!("{whole}{ELLIPSIS}")
}

fn clip_by(text: &str, most: usize, size: impl Fn(char) -> usize) -> String {
    let (mut used, mut end) = (0, 0);
    for (start, character) in text.char_indices() {
        used += size(character);
        if used > most {
            let mut cut = text[..end].to_owned();
            if size(ELLIPSIS) <= most {
                cut.push(ELLIPSIS);
            }
            return cut;
        }
        if used + size(ELLIPSIS) <= most {
            end = start + character.len_utf8();
        }
    }
    text.to_owned()
}

/// For HTML, as text or within quotes. Telegram's HTML takes the same.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// For Slack's markup: nothing but these three has a meaning that notifies or links. What only changes the look
/// is broken up with a mark of no width, because there is no way to escape it.
pub(crate) fn mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '*' | '_' | '~' | '`' => {
                out.push('\u{200b}');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}

/// For the Markdown of Discord and Mattermost: every sign that could mean something is escaped, and a mention
/// is broken with a mark of no width.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '#' | '-' | '+' | '[' | ']' | '(' | ')'
            | '!' | '<' | '{' | '}' | '=' => {
                out.push('\\');
                out.push(character);
            }
            '@' => out.push_str("@\u{200b}"),
            _ => out.push(character),
        }
    }
    out
}

/// Text that is shown as it is, but searched for names to notify: those are broken with a mark of no width.
pub(crate) fn unmentioned(text: &str) -> String {
    text.replace('@', "@\u{200b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "<!channel> @everyone <@U1> [x](https://evil) *b* \u{202e}&\r\nBcc: a@b\u{0}";

    #[test]
    fn a_line_is_one_line_without_tricks() {
        assert_eq!(line("  a\r\n\tb\u{0}\u{85}c \u{202e}d\u{feff} "), "a b c d");
        assert_eq!(lines("\n\na\r\n\r\n\r\n b\u{0} \n\n"), "a\n\nb");
    }

    #[test]
    fn what_is_cut_ends_in_an_ellipsis_and_fits() {
        for (text, most, wanted) in
            [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("ééé", 2, "é…"), ("", 0, ""), ("ab", 1, "…")]
        {
            assert_eq!(clip(text, most), wanted);
        }
        assert_eq!(clip_escaped("a&lt;b", 4), "a…");
        assert_eq!(clip_escaped("a&lt;bc", 6), "a&lt;…");
        assert_eq!(clip_escaped("a&lt;b", 6), "a&lt;b");
        assert_eq!(clip_bytes("ééé", 5), "é…");
        assert_eq!(clip_bytes("ééé", 6), "ééé");
        assert_eq!(clip_bytes("abc", 2), "");
        assert_eq!(clip_units("😀😀😀", 5), "😀😀…");
        assert_eq!(clip_units("😀😀😀", 4), "😀…");
    }

    #[test]
    fn hostile_text_is_harmless_everywhere() {
        let text = line(HOSTILE);
        assert!(!html(&text).contains(['<', '>', '"', '\'']));
        assert!(!mrkdwn(&text).contains(['<', '>']));
        let marked = markdown(&text);
        assert!(!marked.contains("@everyone") && !marked.contains("](") && !marked.contains("<!c"));
        assert!(!text.contains(['\r', '\n', '\u{202e}', '\u{0}']));
    }
}
