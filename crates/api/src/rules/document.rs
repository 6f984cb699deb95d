//! A rule as the API writes it, and as it documents what may be sent.

use model::{Directive, DirectiveBody, DirectiveKind, Rule, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::directives::{ConditionDocument, Shown, TargetLists, documents};

/// What a subscriber wants to hear of.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Rule)]
pub(crate) struct RuleDocument {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// Who owns it and is told.
    #[schema(format = "uuid")]
    pub(crate) subscriber_id: String,
    /// A name for people.
    pub(crate) name: String,
    /// What happens: `opened`, `escalated`, `acknowledged`, `resolved`, `reopened`, `closed`,
    /// `unacknowledged_for(5m)`, `signal`, `signal_resolved`.
    pub(crate) on: Vec<String>,
    /// All of them must hold.
    pub(crate) r#match: Vec<ConditionDocument>,
    /// Says that everything is meant, and no condition.
    pub(crate) match_all: bool,
    /// A CEL expression that must be true too.
    #[schema(required)]
    pub(crate) cel: Option<String>,
    /// Who is told.
    #[serde(flatten)]
    pub(crate) targets: TargetLists,
    /// The escalation policy that runs until somebody acknowledges.
    #[schema(required, format = "uuid")]
    pub(crate) escalation_id: Option<String>,
    /// Calendars during which it tells nobody.
    pub(crate) muted_by: Vec<String>,
    /// How often it tells at most.
    #[schema(required)]
    pub(crate) at_most: Option<AtMostDocument>,
    /// How long delivery is tried: `"24h"`.
    pub(crate) deadline: String,
    /// Whether it is in force.
    pub(crate) enabled: bool,
    /// 1 when created, one more with each change; the `ETag`.
    pub(crate) version: u64,
}

/// So many notifications in so long.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AtMost)]
pub(crate) struct AtMostDocument {
    /// How many; at least 1.
    pub(crate) count: u32,
    /// In how long, from the first: `"1h"`.
    pub(crate) within: String,
}

/// A page of rules.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RulePage {
    /// The rules, by creation.
    pub(crate) items: Vec<RuleDocument>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many there are in all.
    pub(crate) total: u64,
}

/// A rule to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewRule {
    /// Who owns it and is told.
    #[schema(format = "uuid")]
    subscriber_id: String,
    /// A name for people.
    name: String,
    /// What happens, at least one of: `opened`, `escalated`, `acknowledged`, `resolved`, `reopened`, `closed`,
    /// `unacknowledged_for(5m)`, `signal`, `signal_resolved`. `incident.opened` is `opened`.
    on: Vec<String>,
    /// Conditions that must all hold.
    r#match: Option<Vec<ConditionDocument>>,
    /// Must be `true` for a rule with neither condition nor expression, so that nobody asks for everything
    /// by mistake.
    match_all: Option<bool>,
    /// A CEL expression that must be true too.
    cel: Option<String>,
    /// Endpoints, by id. A rule needs an endpoint, a schedule, a person or an escalation policy.
    endpoints: Option<Vec<String>>,
    /// Schedules, by id: whoever is on call when it is delivered.
    on_call: Option<Vec<String>>,
    /// Subscribers, by id: by their contact methods.
    people: Option<Vec<String>>,
    /// The escalation policy to run from `opened` and `reopened` until somebody acknowledges.
    #[schema(format = "uuid")]
    escalation_id: Option<String>,
    /// Calendars, by id, during which it tells nobody.
    muted_by: Option<Vec<String>>,
    /// How often it tells at most; without bound where not said.
    at_most: Option<AtMostDocument>,
    /// How long delivery is tried; `"24h"` where not said.
    deadline: Option<String>,
    /// `true` where not said.
    enabled: Option<bool>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

impl RuleDocument {
    /// The document of a rule.
    pub(crate) fn of(directive: &Directive, rule: &Rule) -> Self {
        Self {
            id: directive.id.to_string(),
            subscriber_id: rule.subscriber.to_string(),
            name: directive.name.clone(),
            on: rule.on.iter().map(ToString::to_string).collect(),
            r#match: documents(&rule.conditions),
            match_all: rule.match_all,
            cel: (!rule.cel.is_empty()).then(|| rule.cel.clone()),
            targets: TargetLists::from(rule.targets.as_slice()),
            escalation_id: rule.escalation.map(|id| id.to_string()),
            muted_by: rule.muted_by.iter().map(ToString::to_string).collect(),
            at_most: rule.at_most.map(|at_most| AtMostDocument {
                count: at_most.count,
                within: at_most.within.to_string(),
            }),
            deadline: rule.deadline.to_string(),
            enabled: rule.enabled,
            version: directive.version,
        }
    }
}

impl Shown for RuleDocument {
    const KIND: DirectiveKind = DirectiveKind::Rule;
    const WORD: &'static str = "rule";
    const ROUTE: &'static str = "/v1/rules";

    fn show(_: &Api, directive: &Directive) -> Option<Self> {
        let DirectiveBody::Rule(rule) = &directive.body else { return None };
        Some(Self::of(directive, rule))
    }
}

/// A rule about which nothing is said yet.
pub(crate) fn blank() -> Rule {
    Rule {
        subscriber: model::SubscriberId(0),
        on: Vec::new(),
        conditions: Vec::new(),
        match_all: false,
        cel: String::new(),
        targets: Vec::new(),
        escalation: None,
        muted_by: Vec::new(),
        at_most: None,
        deadline: limits::DELIVERY_DEADLINE,
        enabled: true,
    }
}
