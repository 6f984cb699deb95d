//! Grouping policies in force, compiled: which policy a signal falls under, and its key.

use std::collections::BTreeMap;

use matching::Glob;
use model::id::KeyHasher;
use model::{GroupingKey, GroupingPolicy, KeyField, Mode, PolicyId, ProjectId, Signal};

/// The policies of all projects. A project that never had one uses the built-in policy.
#[derive(Debug)]
pub(crate) struct Policies {
    projects: BTreeMap<ProjectId, Vec<Compiled>>,
    built_in: Compiled,
}

/// A policy and its matcher in the form that is fast to run.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) policy: GroupingPolicy,
    conditions: Vec<(KeyField, Vec<Pattern>)>,
    /// The names of the key's fields.
    names: Vec<String>,
}

#[derive(Debug)]
enum Pattern {
    Exact(String),
    Glob(Glob),
}

impl Default for Policies {
    fn default() -> Self {
        // The built-in policy names no project: keys get theirs from the signal.
        let built_in = Compiled::new(GroupingPolicy::built_in(ProjectId(0)));
        Self { projects: BTreeMap::new(), built_in }
    }
}

impl Policies {
    /// The first policy of the project that fits, or the built-in one.
    pub(crate) fn for_signal(&self, project: ProjectId, signal: &Signal<'_>) -> &Compiled {
        let own = self.projects.get(&project).map_or(&[][..], Vec::as_slice);
        own.iter().find(|compiled| compiled.fits(signal)).unwrap_or(&self.built_in)
    }

    pub(crate) fn get(&self, project: ProjectId, id: PolicyId) -> Option<&GroupingPolicy> {
        self.of(project).iter().map(|compiled| &compiled.policy).find(|policy| policy.id == id)
    }

    pub(crate) fn count(&self, project: ProjectId) -> usize {
        self.of(project).len()
    }

    /// Puts a policy in force from the next entry on.
    pub(crate) fn put(&mut self, policy: GroupingPolicy) {
        let own = self.projects.entry(policy.project).or_default();
        own.retain(|compiled| compiled.policy.id != policy.id);
        own.push(Compiled::new(policy));
        own.sort_by_key(|compiled| (compiled.policy.position, compiled.policy.id));
    }

    pub(crate) fn remove(&mut self, project: ProjectId, id: PolicyId) -> Option<GroupingPolicy> {
        let own = self.projects.get_mut(&project)?;
        let index = own.iter().position(|compiled| compiled.policy.id == id)?;
        Some(own.remove(index).policy)
    }

    /// All policies, by project and position.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &GroupingPolicy> {
        self.projects.values().flatten().map(|compiled| &compiled.policy)
    }

    fn of(&self, project: ProjectId) -> &[Compiled] {
        self.projects.get(&project).map_or(&[], Vec::as_slice)
    }
}

impl Compiled {
    fn new(policy: GroupingPolicy) -> Self {
        let pattern = |text: &String| {
            if text.contains(['*', '?']) {
                Pattern::Glob(Glob::new(text))
            } else {
                Pattern::Exact(text.clone())
            }
        };
        let compile = |(field, values): &(KeyField, Vec<String>)| {
            (field.clone(), values.iter().map(pattern).collect())
        };
        let conditions = policy.matcher.0.iter().map(compile).collect();
        let names = policy.key.iter().map(KeyField::to_string).collect();
        Self { policy, conditions, names }
    }

    fn fits(&self, signal: &Signal<'_>) -> bool {
        self.conditions.iter().all(|(field, patterns)| {
            let value = field_value(signal, field);
            patterns.iter().any(|pattern| match pattern {
                Pattern::Exact(text) => text == value,
                Pattern::Glob(glob) => glob.matches(value),
            })
        })
    }

    /// The grouping key, version 1: project, policy, mode, and name and value of each key field, so that
    /// incidents from before and after a change of what a policy groups by never share a key. A key
    /// without fields, or whose fields are all empty on this signal, falls back to identity.
    pub(crate) fn key(&self, project: ProjectId, signal: &Signal<'_>) -> GroupingKey {
        let mut hasher = KeyHasher::for_project(project);
        hasher.part(&self.policy.id.to_bytes());
        hasher.part(&[u8::from(self.policy.mode == Mode::Window)]);
        let mut empty = true;
        for (field, name) in self.policy.key.iter().zip(&self.names) {
            let value = field_value(signal, field);
            empty &= value.is_empty();
            hasher.part(name.as_bytes()).part(value.as_bytes());
        }
        if empty {
            hasher.part(&signal.identity(project).0.to_be_bytes());
        }
        GroupingKey(hasher.finish())
    }

    /// The grouping key for people.
    pub(crate) fn key_text(&self, project: ProjectId, signal: &Signal<'_>) -> String {
        let named: Vec<String> = self
            .policy
            .key
            .iter()
            .filter(|field| !field_value(signal, field).is_empty())
            .map(|field| format!("{field}={}", field_value(signal, field)))
            .collect();
        if named.is_empty() {
            format!("identity={:032x}", signal.identity(project).0)
        } else {
            named.join(",")
        }
    }
}

fn field_value<'s>(signal: &'s Signal<'_>, field: &KeyField) -> &'s str {
    match field {
        KeyField::Component => &signal.component,
        KeyField::ComponentType => signal.component_type.as_str(),
        KeyField::Environment => &signal.environment,
        KeyField::Kind => signal.kind.as_str(),
        KeyField::Severity => signal.severity.as_str(),
        KeyField::Source => &signal.source,
        KeyField::ErrorCode => &signal.error_code,
        KeyField::TraceId => &signal.trace_id,
        KeyField::Summary => &signal.summary,
        KeyField::Label(name) => signal.label(name).unwrap_or(""),
    }
}
