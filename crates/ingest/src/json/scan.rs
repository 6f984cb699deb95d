//! The inner loops of the cursor: finding the end of a string and of a number, and remembering
//! which containers are open.

/// Which containers are open, one bit each, so that no nesting can exhaust a stack. A text of n
/// bytes takes at most n / 8 bytes here.
#[derive(Default)]
pub(super) struct Levels {
    open: usize,
    deepest: usize,
    word: u64,
    full_words: Vec<u64>,
}

impl Levels {
    pub(super) fn enter(&mut self, object: bool) {
        if self.open > 0 && self.open.is_multiple_of(64) {
            self.full_words.push(self.word);
            self.word = 0;
        }
        self.word = self.word << 1 | u64::from(object);
        self.open += 1;
        self.deepest = self.deepest.max(self.open);
    }

    pub(super) fn leave(&mut self) {
        self.open -= 1;
        if self.open.is_multiple_of(64) {
            self.word = self.full_words.pop().unwrap_or(0);
        } else {
            self.word >>= 1;
        }
    }

    /// Whether the innermost open container is an object; `None` when none is open.
    pub(super) fn innermost(&self) -> Option<bool> {
        (self.open > 0).then_some(self.word & 1 == 1)
    }

    pub(super) fn deepest(&self) -> usize {
        self.deepest
    }
}

/// Offset of the first quote, backslash or control character from `at` on, or the length.
/// Eight bytes are looked at together.
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special_bytes(u64::from_le_bytes(*chunk));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let plain = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    plain.map_or(bytes.len(), |offset| at + offset)
}

/// The high bit of each byte that is a quote, a backslash or a control character. Bits above the
/// lowest one that is set may be wrong, because a subtraction borrows upwards.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let backslashes = backslash.wrapping_sub(ONES) & !backslash;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH_BITS
}

/// Offset after the number that begins at `at`, or of the byte where it stops being one.
pub(super) fn number_end(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    at += usize::from(bytes.get(at) == Some(&b'-'));
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits_end(bytes, at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits_end(bytes, at)?;
    }
    Ok(at)
}

fn digits_end(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let digits = bytes.get(at..).unwrap_or_default();
    match digits.iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => Err(at),
        count => Ok(at + count),
    }
}
