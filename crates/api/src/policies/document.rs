//! A grouping policy as the API writes it, and as it documents what may be sent.

use std::collections::BTreeMap;

use model::GroupingPolicy;
use serde::Serialize;
use utoipa::ToSchema;

use crate::words;

/// A grouping policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PolicyDocument {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// A name for people.
    pub(crate) name: String,
    /// Which signals it is for; empty fits everything.
    pub(crate) matcher: BTreeMap<String, MatcherValues>,
    /// What makes two signals belong together; empty means identity.
    pub(crate) key: Vec<String>,
    /// `ongoing` or `window`.
    pub(crate) mode: words::Mode,
    /// Length of a window: `"10s"`.
    pub(crate) window: String,
    /// Signals a window holds at most.
    pub(crate) cap: u32,
    /// Quiet after which the system moves an incident on, with `auto_lifecycle`.
    pub(crate) quiet: String,
    /// How long after its resolution the same key reopens an incident.
    pub(crate) reopen_within: String,
    /// How many signals within what time it takes to open.
    pub(crate) open_when: OpenWhenDocument,
    /// Whether the system moves incidents on when they are quiet.
    pub(crate) auto_lifecycle: bool,
    /// Whether an incident resolves when everything that fired in it has resolved.
    pub(crate) resolve_with_alerts: bool,
    /// Order among the policies of the project, lowest first; null for the built-in one, which is last.
    #[schema(required)]
    pub(crate) position: Option<i64>,
    /// 1 when created, one more with each change; the `ETag`.
    pub(crate) version: u64,
    /// Whether it is the one that cannot be changed.
    pub(crate) built_in: bool,
}

/// What a field is compared with: a value or a glob (`*`, `?`), or a list of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum MatcherValues {
    /// One value or glob.
    One(String),
    /// Any of these.
    Any(Vec<String>),
}

/// How many signals within what time it takes to open.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OpenWhenDocument {
    /// 1 to 1000; 1 opens at once.
    pub(crate) count: u32,
    /// The time they may take: `"30s"`.
    pub(crate) within: String,
}

/// A grouping policy to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewPolicy {
    /// A name for people.
    name: String,
    /// `component`, `component_type`, `environment`, `kind`, `severity`, `source`, `error_code`,
    /// `trace_id`, `summary` or `labels.NAME`, each with what it is compared with. Empty fits everything.
    matcher: Option<BTreeMap<String, MatcherValues>>,
    /// The same fields; `["environment", "component"]` where not said, identity where empty.
    key: Option<Vec<String>>,
    /// `ongoing` where not said.
    mode: Option<words::Mode>,
    /// `"10s"` where not said.
    window: Option<String>,
    /// 1 to 1 000 000; 100 where not said.
    cap: Option<u32>,
    /// `"60s"` where not said.
    quiet: Option<String>,
    /// `"300s"` where not said.
    reopen_within: Option<String>,
    /// The first signal opens where not said.
    open_when: Option<OpenWhenDocument>,
    /// `false` where not said.
    auto_lifecycle: Option<bool>,
    /// `true` where not said.
    resolve_with_alerts: Option<bool>,
    /// After all others where not said; where it was, when one is replaced.
    position: Option<i64>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

impl From<&GroupingPolicy> for PolicyDocument {
    fn from(policy: &GroupingPolicy) -> Self {
        let built_in = policy.id == GroupingPolicy::DEFAULT_ID;
        let matcher = policy.matcher.0.iter().map(|(field, values)| {
            let values = match values.as_slice() {
                [only] => MatcherValues::One(only.clone()),
                many => MatcherValues::Any(many.to_vec()),
            };
            (field.to_string(), values)
        });
        Self {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            matcher: matcher.collect(),
            key: policy.key.iter().map(ToString::to_string).collect(),
            mode: policy.mode.into(),
            window: policy.window.to_string(),
            cap: policy.cap,
            quiet: policy.quiet.to_string(),
            reopen_within: policy.reopen_within.to_string(),
            open_when: OpenWhenDocument {
                count: policy.open_when.count,
                within: policy.open_when.within.to_string(),
            },
            auto_lifecycle: policy.auto_lifecycle,
            resolve_with_alerts: policy.resolve_with_alerts,
            position: (!built_in).then_some(policy.position),
            version: policy.version,
            built_in,
        }
    }
}
