//! Cursors: where a page ended, opaque outside.
//!
//! Invariant: a cursor carries a check over project and list, so that garbage, and a cursor of
//! another list, is refused instead of answered with an arbitrary page.

use model::id::KeyHasher;
use model::{DirectiveId, DirectiveKind, IncidentId, ProjectId};
use store::PageCursor;

use crate::problem::{Code, Problem};

/// Which list a cursor is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CursorKind {
    /// Incidents of the project.
    Incidents,
    /// Signals of an incident.
    Signals(IncidentId),
    /// The timeline of an incident.
    Timeline(IncidentId),
    /// Directives of a kind.
    Directives(DirectiveKind),
    /// Notifications.
    Notifications,
    /// Dead letters.
    Letters,
}

const CHECK_BYTES: usize = 6;
const BYTES: usize = 24 + CHECK_BYTES;

impl CursorKind {
    /// Writes a cursor as hexadecimal digits.
    pub(crate) fn write(self, project: ProjectId, cursor: PageCursor) -> String {
        let position = position_bytes(cursor);
        let mut text = String::with_capacity(2 * BYTES);
        for byte in position.iter().chain(&self.check(project, &position)) {
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }

    /// Reads one.
    pub(crate) fn read(self, project: ProjectId, text: &str) -> Result<PageCursor, Problem> {
        self.try_read(project, text).ok_or_else(|| {
            Problem::new(
                Code::InvalidCursor,
                "pass `next_cursor` of the page before as it is, to the same list",
            )
        })
    }

    fn try_read(self, project: ProjectId, text: &str) -> Option<PageCursor> {
        if text.len() != 2 * BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let bytes: Vec<u8> = (0..BYTES)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16))
            .collect::<Result<_, _>>()
            .ok()?;
        let (position, check) = bytes.split_at(24);
        if check != self.check(project, position) {
            return None;
        }
        let part = |at: usize| position[at..at + 8].try_into().map(i64::from_be_bytes).ok();
        Some(PageCursor(part(0)?, part(8)?, part(16)?))
    }

    fn check(self, project: ProjectId, position: &[u8]) -> [u8; CHECK_BYTES] {
        let mut hasher = KeyHasher::for_project(project);
        match self {
            Self::Incidents => hasher.part(b"incidents"),
            Self::Signals(incident) => hasher.part(b"signals").part(&incident.to_bytes()),
            Self::Timeline(incident) => hasher.part(b"timeline").part(&incident.to_bytes()),
            Self::Directives(kind) => hasher.part(b"directives").part(kind.as_str().as_bytes()),
            Self::Notifications => hasher.part(b"notifications"),
            Self::Letters => hasher.part(b"letters"),
        };
        let digest = hasher.part(position).finish().to_be_bytes();
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&digest[..CHECK_BYTES]);
        check
    }
}

/// The place of a directive in a list: the two halves of its id.
pub(crate) fn of_directive(id: DirectiveId) -> PageCursor {
    let halves = id.to_bytes();
    let half = |at: usize| halves[at..at + 8].try_into().map_or(0, i64::from_be_bytes);
    PageCursor(half(0), half(8), 0)
}

/// The directive after which a page starts.
pub(crate) fn to_directive(PageCursor(high, low, _): PageCursor) -> DirectiveId {
    DirectiveId((u128::from(high.cast_unsigned()) << 64) | u128::from(low.cast_unsigned()))
}

fn position_bytes(PageCursor(first, second, third): PageCursor) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    bytes[8..16].copy_from_slice(&second.to_be_bytes());
    bytes[16..].copy_from_slice(&third.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_own_list_and_project_only() {
        let cursor = PageCursor(3, -1_700_000_000_000_000, i64::MAX);
        let text = CursorKind::Incidents.write(ProjectId(1), cursor);
        assert_eq!(CursorKind::Incidents.read(ProjectId(1), &text).ok(), Some(cursor));
        assert!(CursorKind::Incidents.read(ProjectId(2), &text).is_err());
        assert!(CursorKind::Timeline(IncidentId(1)).read(ProjectId(1), &text).is_err());
    }

    #[test]
    fn the_place_of_a_directive_is_its_id() {
        for id in [0, 1, u128::MAX, 0x0190_a5c2_7d5e_7c1f_9c39_2b6f_0f6f_7a11] {
            assert_eq!(to_directive(of_directive(DirectiveId(id))), DirectiveId(id));
        }
    }

    #[test]
    fn a_cursor_with_any_digit_changed_is_refused() {
        let text = CursorKind::Signals(IncidentId(9)).write(ProjectId(1), PageCursor(1, 2, 3));
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            let mut broken = text.clone();
            broken.replace_range(at..=at, other);
            assert!(
                CursorKind::Signals(IncidentId(9)).read(ProjectId(1), &broken).is_err(),
                "{at}"
            );
        }
        for garbage in ["", "x", "é", &"z".repeat(60), &text[1..]] {
            assert!(
                CursorKind::Signals(IncidentId(9)).read(ProjectId(1), garbage).is_err(),
                "{garbage}"
            );
        }
    }
}
