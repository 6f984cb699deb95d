//! One scale of four steps, read in every vocabulary the field uses.

use std::fmt;

/// How bad it is; `P0` is the worst and sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// critical
    P0,
    /// high
    P1,
    /// medium
    P2,
    /// low
    P3,
}

impl Severity {
    /// All four, worst first.
    pub const ALL: [Self; 4] = [Self::P0, Self::P1, Self::P2, Self::P3];

    /// Reads `P0`…`P3` and the words of other tools, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const WORDS: [(&str, Severity); 20] = [
            ("p0", Severity::P0),
            ("critical", Severity::P0),
            ("fatal", Severity::P0),
            ("emergency", Severity::P0),
            ("page", Severity::P0),
            ("p1", Severity::P1),
            ("high", Severity::P1),
            ("error", Severity::P1),
            ("major", Severity::P1),
            ("p2", Severity::P2),
            ("medium", Severity::P2),
            ("warning", Severity::P2),
            ("warn", Severity::P2),
            ("minor", Severity::P2),
            ("p3", Severity::P3),
            ("low", Severity::P3),
            ("info", Severity::P3),
            ("informational", Severity::P3),
            ("notice", Severity::P3),
            ("none", Severity::P3),
        ];
        WORDS
            .iter()
            .find(|(word, _)| text.eq_ignore_ascii_case(word))
            .map(|&(_, severity)| severity)
    }

    /// `"P0"` … `"P3"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
        }
    }

    /// 0 for `P0` … 3 for `P3`; the form durable formats hold.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The severity of a rank.
    #[must_use]
    pub const fn from_rank(rank: u8) -> Option<Self> {
        match rank {
            0 => Some(Self::P0),
            1 => Some(Self::P1),
            2 => Some(Self::P2),
            3 => Some(Self::P3),
            _ => None,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.min(other)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
