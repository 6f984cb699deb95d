//! An escalation policy as the API writes it, and as it reads it.

use model::{Directive, DirectiveBody, DirectiveKind, Duration, Escalation, Step, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::directives::{Shown, TargetLists, read_targets};
use crate::references::References;
use crate::request::Fields;

/// Who is told next when nobody answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Escalation)]
pub(crate) struct EscalationDocument {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// A name for people.
    name: String,
    /// In order.
    steps: Vec<StepDocument>,
    /// How many times the steps are gone through again.
    repeat: u32,
    /// 1 when created, one more with each change; the `ETag`.
    version: u64,
}

/// One step.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = EscalationStep)]
pub(crate) struct StepDocument {
    /// How long after the step before, or after the beginning: `"5m"`.
    after: String,
    /// Who is told.
    #[serde(flatten)]
    targets: TargetLists,
}

/// A page of escalation policies.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EscalationPage {
    /// The policies, by creation.
    pub(super) items: Vec<EscalationDocument>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
    /// How many there are in all.
    pub(super) total: u64,
}

/// An escalation policy to create or to put in another's place.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewEscalation {
    /// A name for people.
    name: String,
    /// 1 to 32 steps, in order.
    steps: Vec<NewStep>,
    /// How many times the steps are gone through again, 0 to 100; 0 where not said.
    repeat: Option<u32>,
    /// The version that was read: 409 when it is another by now. For PUT only.
    version: Option<u64>,
}

/// One step; it tells somebody.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewStep {
    /// How long after the step before, or after the beginning; `"0s"` where not said.
    after: Option<String>,
    /// Endpoints, by id.
    endpoints: Option<Vec<String>>,
    /// Schedules, by id: whoever is on call when it is delivered.
    on_call: Option<Vec<String>>,
    /// Subscribers, by id: by their contact methods.
    people: Option<Vec<String>>,
}

/// Reads everything of an escalation policy but `id` and `version`, its name first.
pub(super) fn read(fields: &mut Fields, references: &mut References<'_>) -> (String, Escalation) {
    let name = fields.required_name("name");
    let mut index = 0;
    let steps = fields.objects("steps", limits::ESCALATION_STEPS, |inner| {
        references.inside(format!("steps[{index}]."));
        index += 1;
        let after = inner.span("after").unwrap_or(Duration::ZERO);
        let targets = read_targets(inner, references);
        let told = ["endpoints", "on_call", "people"];
        if targets.is_empty() && !told.iter().any(|name| inner.is_refused_within(name)) {
            inner.refuse("endpoints", "missing", "name an endpoint, a schedule or a person");
        }
        Some(Step { after, targets })
    });
    references.inside(String::new());
    let steps = steps.unwrap_or_default();
    if steps.is_empty() && !fields.is_refused_within("steps") {
        fields.refuse("steps", "missing", "it needs a step");
    }
    let most = i64::from(limits::ESCALATION_REPEATS);
    let repeat = fields.whole("repeat", 0, most).and_then(|times| u32::try_from(times).ok());
    (name, Escalation { steps, repeat: repeat.unwrap_or(0) })
}

impl Shown for EscalationDocument {
    const KIND: DirectiveKind = DirectiveKind::Escalation;
    const WORD: &'static str = "escalation policy";
    const ROUTE: &'static str = "/v1/escalations";

    fn show(_: &Api, directive: &Directive) -> Option<Self> {
        let DirectiveBody::Escalation(policy) = &directive.body else { return None };
        let step = |step: &Step| StepDocument {
            after: step.after.to_string(),
            targets: TargetLists::from(step.targets.as_slice()),
        };
        Some(Self {
            id: directive.id.to_string(),
            name: directive.name.clone(),
            steps: policy.steps.iter().map(step).collect(),
            repeat: policy.repeat,
            version: directive.version,
        })
    }
}
