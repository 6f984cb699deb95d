//! Which policy a signal falls under, and what makes two signals belong together.

use model::{GroupingPolicy, IdentityKey, IncidentId, KeyField, Mode, PolicyId, ProjectId, Signal};

use super::Auditor;

/// What makes two signals belong together, as values and not as a hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Names and values of the policy's fields; the identity where all values are empty.
    Fields {
        project: ProjectId,
        policy: PolicyId,
        window_mode: bool,
        values: Vec<(String, String)>,
        identity: Option<IdentityKey>,
    },
    /// An incident of its own, split off another.
    Split(IncidentId),
}

impl Auditor {
    /// The first policy that fits, by position and id; the built-in one where none does.
    pub(super) fn policy_for(&self, project: ProjectId, signal: &Signal<'_>) -> GroupingPolicy {
        let mut own = self.policies(project).into_iter();
        own.find(|policy| fits(policy, signal))
            .cloned()
            .unwrap_or_else(|| GroupingPolicy::built_in(project))
    }
}

/// The key of a signal under a policy.
pub(super) fn key(policy: &GroupingPolicy, project: ProjectId, signal: &Signal<'_>) -> Key {
    let values: Vec<(String, String)> =
        policy.key.iter().map(|field| (field.to_string(), value(signal, field))).collect();
    let empty = values.iter().all(|(_, value)| value.is_empty());
    Key::Fields {
        project,
        policy: policy.id,
        window_mode: policy.mode == Mode::Window,
        values,
        identity: empty.then(|| signal.identity(project)),
    }
}

fn fits(policy: &GroupingPolicy, signal: &Signal<'_>) -> bool {
    policy.matcher.0.iter().all(|(field, patterns)| {
        let value = value(signal, field);
        patterns.iter().any(|pattern| glob(pattern.as_bytes(), value.as_bytes()))
    })
}

fn value(signal: &Signal<'_>, field: &KeyField) -> String {
    match field {
        KeyField::Component => signal.component.to_string(),
        KeyField::ComponentType => signal.component_type.to_string(),
        KeyField::Environment => signal.environment.to_string(),
        KeyField::Kind => signal.kind.to_string(),
        KeyField::Severity => signal.severity.to_string(),
        KeyField::Source => signal.source.to_string(),
        KeyField::ErrorCode => signal.error_code.to_string(),
        KeyField::TraceId => signal.trace_id.to_string(),
        KeyField::Summary => signal.summary.to_string(),
        KeyField::Label(name) => signal.label(name).unwrap_or("").to_owned(),
    }
}

/// `*` stands for any text, `?` for one character of it; the workload uses ASCII only.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => glob(rest, text),
        (Some((b'*', rest)), Some((_, shorter))) => glob(rest, text) || glob(pattern, shorter),
        (Some((b'?', rest)), Some((_, shorter))) => glob(rest, shorter),
        (Some((wanted, rest)), Some((found, shorter))) => wanted == found && glob(rest, shorter),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_fits_what_it_says() {
        for (pattern, text, fits) in [
            ("db-*", "db-1", true),
            ("db-*", "api-1", false),
            ("*", "", true),
            ("db-?", "db-12", false),
            ("*-1", "db-1", true),
            ("db", "db", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
    }
}
