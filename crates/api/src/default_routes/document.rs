//! A default route as the API writes it.

use model::{Directive, DirectiveBody, DirectiveKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::directives::{ConditionDocument, Shown, TargetLists, documents};

/// What a subscriber hears of while the project has no rule.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DefaultRoute)]
pub(crate) struct DefaultRouteDocument {
    /// Its id, as notifications list it among their `rule_ids`.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// Whose endpoints they are.
    #[schema(format = "uuid")]
    pub(crate) subscriber_id: String,
    /// Which route: `default route for P0`.
    pub(crate) name: String,
    /// What happens.
    pub(crate) on: Vec<String>,
    /// Which severities.
    pub(crate) r#match: Vec<ConditionDocument>,
    /// Who is told.
    #[serde(flatten)]
    pub(crate) targets: TargetLists,
    /// 1 when created, one more with each change.
    pub(crate) version: u64,
}

/// A page of default routes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DefaultRoutePage {
    /// The routes.
    pub(crate) items: Vec<DefaultRouteDocument>,
    /// Whether they are in force: the project has no rule, not even a disabled one.
    pub(crate) in_force: bool,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many there are in all.
    pub(crate) total: u64,
}

impl Shown for DefaultRouteDocument {
    const KIND: DirectiveKind = DirectiveKind::DefaultRoute;
    const WORD: &'static str = "default route";
    const ROUTE: &'static str = "/v1/default-routes";

    fn show(_: &Api, directive: &Directive) -> Option<Self> {
        let DirectiveBody::DefaultRoute(rule) = &directive.body else { return None };
        Some(Self {
            id: directive.id.to_string(),
            subscriber_id: rule.subscriber.to_string(),
            name: directive.name.clone(),
            on: rule.on.iter().map(ToString::to_string).collect(),
            r#match: documents(&rule.conditions),
            targets: TargetLists::from(rule.targets.as_slice()),
            version: directive.version,
        })
    }
}
