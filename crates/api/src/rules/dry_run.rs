//! `POST /v1/rules/test`: what a rule would have told in the last hours, had it been in force.
//!
//! It holds the rule against signals as they came, and against incidents as they stand now with the
//! signal that opened them. Silences, inhibitions and what was told by other rules are left out. One goes on
//! in a project at a time, for so long at most, and only while somebody waits for it ([`super::bounds`]).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lake::StoredSignal;
use matching::{CompiledRule, Facts, Fit};
use model::{
    AtMost, Directive, DirectiveBody, Duration, Incident, IncidentId, ProjectId, Rule, Scope,
    Signal, SignalId, SignalStatus, Timestamp, Trigger,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::bounds::{Going, Waiting};
use super::document::{NewRule, RuleDocument};
use super::history::{self, Walked};
use super::reader::{self, Spelling};
use crate::notifications::SubjectDocument;
use crate::problem::{Code, Problem};
use crate::references::References;
use crate::request::{Call, Fields, JsonBody, Parameters};
use crate::{Api, directives, instant};

/// Hours a dry run looks back at most: a week.
const HOURS: i64 = 168;
/// Examples shown.
const EXAMPLES: usize = 20;
/// Incidents opened before the hours looked at, and incidents that fit, that are looked at closely.
const CLOSELY: u64 = 1_000;

/// What a rule would have told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DryRun {
    /// Signals of these hours that fit, whatever `on` says.
    matched_signals: u64,
    /// Incidents to which something happened in these hours that fit, whatever `on` says.
    matched_incidents: u64,
    /// Notifications it would have sent, `on` and `at_most` obeyed.
    would_have_sent: u64,
    /// The newest of what it would have told of.
    examples: Vec<Example>,
    /// Signals looked at, newest first.
    scanned: u64,
    /// Incidents looked at.
    scanned_incidents: u64,
    /// How far back signals were looked at: these hours, or until when it came.
    #[schema(format = DateTime)]
    looked_back_to: String,
    /// Whether everything in these hours was looked at: it stops after 10 seconds, and where `truncated`.
    complete: bool,
    /// Whether there was more in these hours than is looked at: 200 000 signals, 10 000 incidents.
    truncated: bool,
}

/// One thing it would have told of.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DryRunExample)]
pub(crate) struct Example {
    /// What about.
    subject: SubjectDocument,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What happened.
    transition: String,
    /// One line for people.
    summary: String,
}

/// What to try.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct DryRunOf {
    /// A rule as one would create it; name, subscriber and targets may be left out.
    rule: Option<NewRule>,
    /// Or a rule that there is.
    #[schema(format = "uuid")]
    rule_id: Option<String>,
    /// How far to look back, 1 to 168; 24 where not said.
    hours: Option<u32>,
}

/// One moment at which it would have told, and about what.
struct Moment {
    at: Timestamp,
    trigger: Trigger,
    subject: SubjectDocument,
    summary: String,
}

/// Moments counted, the newest kept whole.
#[derive(Default)]
struct Moments {
    times: Vec<Timestamp>,
    newest: Vec<Moment>,
}

/// Test a rule on the past
///
/// What the rule would have told in the last hours. Nothing is sent and nothing is kept. Incidents are
/// held against the rule as they stand now; silences and inhibitions are left out. It looks for 10 seconds at
/// most, and says so; in a project one test is carried out at a time.
#[utoipa::path(
    post, path = "/v1/rules/test", tag = "rules",
    request_body = DryRunOf,
    responses((status = 200, description = "What it would have told", body = DryRun), (status = 422, description = "`invalid_fields` with every bad field"), (status = 429, description = "`rate_limited`: another test of the project is carried out; `Retry-After` says when to come back")),
)]
pub(super) async fn test_rule(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Json<DryRun>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let (rule, hours) = read(&api, &call, body.object()?).await?;
    let compiled = CompiledRule::compile(&rule)
        .map_err(|errors| Problem::fields(Code::InvalidFields, &errors))?;
    let back = i64::try_from(Duration::from_secs(hours * 3_600).micros()).unwrap_or(i64::MAX);
    let begun = api.dry_runs().begin(call.project(), Arc::clone(&api.ports().clock));
    let (going, waiting) = begun.ok_or_else(|| {
        let detail = "another test of this project is carried out; one at a time";
        Problem::rate_limited(detail, Duration::from_secs(1))
    })?;
    let since = Timestamp::from_micros(going.began().micros().saturating_sub(back));
    let scan = Scan::new(rule, compiled, going);
    Ok(Json(run(&api, call.project(), scan, waiting, since).await?))
}

async fn read(api: &Api, call: &Call, mut fields: Fields) -> Result<(Rule, u64), Problem> {
    let hours = fields.whole("hours", 1, HOURS).and_then(|hours| u64::try_from(hours).ok());
    let mut rule = None;
    if let Some(id) = fields.text("rule_id") {
        match directives::find::<RuleDocument>(api, call.project(), &id).await {
            Ok(Directive { body: DirectiveBody::Rule(found), .. }) => rule = Some(found),
            _ => fields.refuse("rule_id", "unknown_value", "there is no such rule in this project"),
        }
    }
    match fields.object("rule") {
        Some(_) if rule.is_some() => {
            fields.refuse("rule", "contradiction", "give either `rule` or `rule_id`");
        }
        Some(map) => rule = Some(read_rule(api, call, &mut fields, map).await?),
        None if rule.is_none() && !fields.is_refused("rule") && !fields.is_refused("rule_id") => {
            fields.refuse("rule", "missing", "give `rule` or `rule_id`");
        }
        None => {}
    }
    fields.finish()?;
    let rule = rule.ok_or_else(|| Problem::new(Code::Internal, "no rule was read"))?;
    Ok((rule, hours.unwrap_or(24)))
}

async fn read_rule(
    api: &Api,
    call: &Call,
    fields: &mut Fields,
    map: serde_json::Map<String, Value>,
) -> Result<Rule, Problem> {
    let mut inner = Fields::new(map);
    let mut references = References::by_id();
    let (_, rule) = reader::read(&mut inner, &mut references, Spelling::IDS);
    inner.version();
    inner.echoed(None, &[]);
    references.check(api, call.project(), &mut inner).await?;
    inner.forgive_missing(&["name", "subscriber_id", "endpoints"]);
    fields.absorb("rule", inner);
    Ok(rule)
}

/// Looks for as long as it is waited for.
async fn run(
    api: &Api,
    project: ProjectId,
    mut scan: Scan,
    _waiting: Waiting,
    since: Timestamp,
) -> Result<DryRun, Problem> {
    let (incidents, mut truncated) = history::incidents(api, project, since).await?;
    scan.opened = incidents.iter().map(|incident| (incident.id, incident.opened_at)).collect();
    let lake = api.ports().lake.clone();
    let scanned = tokio::task::spawn_blocking(move || scan.over(lake.as_ref(), project, since));
    let scanned = scanned.await.map_err(|error| Problem::internal(&error))?;
    let (mut scan, walked) = scanned.map_err(|error| Problem::internal(&error))?;
    let followed = scan.incidents(api, &incidents, since, &mut truncated).await?;
    let truncated = truncated || walked.truncated;
    let back_to = if walked.truncated || walked.stopped {
        walked.last.unwrap_or(scan.going.began())
    } else {
        since
    };
    Ok(DryRun {
        matched_signals: scan.matched,
        matched_incidents: followed.matched,
        would_have_sent: sent(&mut scan.moments.times, scan.rule.at_most),
        examples: scan.moments.examples(),
        scanned: walked.scanned,
        scanned_incidents: followed.scanned,
        looked_back_to: instant::write(back_to),
        complete: !(truncated || walked.stopped || followed.stopped),
        truncated,
    })
}

/// How far it got with the incidents.
#[derive(Debug, Default)]
struct Followed {
    scanned: u64,
    matched: u64,
    stopped: bool,
}

/// A rule on its way through the past.
struct Scan {
    rule: Rule,
    compiled: CompiledRule,
    /// When each incident was opened.
    opened: HashMap<IncidentId, Timestamp>,
    /// The signals that opened them, as far as they were met.
    opening: HashMap<IncidentId, Signal<'static>>,
    matched: u64,
    moments: Moments,
    going: Going,
}

impl Scan {
    fn new(rule: Rule, compiled: CompiledRule, going: Going) -> Self {
        let (opened, opening) = (HashMap::new(), HashMap::new());
        Self { rule, compiled, opened, opening, matched: 0, moments: Moments::default(), going }
    }

    /// Holds the rule against the signals. Blocks on the disk.
    fn over(
        mut self,
        lake: &dyn lake::Lake,
        project: ProjectId,
        since: Timestamp,
    ) -> Result<(Self, Walked), lake::Error> {
        let Self { rule, compiled, opened, opening, matched, moments, going } = &mut self;
        let has_to_stop = || going.is_over();
        let walked = history::walk_signals(lake, project, since, has_to_stop, |row| {
            if compiled.fits(&Facts::of_signal(&row.signal)) == Fit::Matches {
                *matched += 1;
                moments.of_signal(&row, &rule.on);
            }
            // Newest first: of two received in the same moment the earlier one stays.
            let opens = |id: &IncidentId| opened.get(id) == Some(&row.received_at);
            if let Some(id) = row.incident.filter(opens) {
                opening.insert(id, row.signal);
            }
        })?;
        Ok((self, walked))
    }

    /// Holds the rule against the incidents.
    async fn incidents(
        &mut self,
        api: &Api,
        incidents: &[Incident],
        since: Timestamp,
        truncated: &mut bool,
    ) -> Result<Followed, Problem> {
        let blank = Signal::new(SignalId(0), "", "");
        let (mut followed, mut older) = (Followed::default(), 0);
        for incident in incidents {
            // An expression may take a while: others get their turn between two of them.
            tokio::task::yield_now().await;
            if self.going.is_over() {
                followed.stopped = true;
                break;
            }
            followed.scanned += 1;
            let mut opening = self.opening.remove(&incident.id);
            if opening.is_none() && incident.opened_at < since && older < CLOSELY {
                older += 1;
                opening = history::opened_by(api, incident).await?;
            }
            let facts = Facts::of_incident(incident, opening.as_ref().unwrap_or(&blank));
            if self.compiled.fits(&facts) != Fit::Matches {
                continue;
            }
            followed.matched += 1;
            if followed.matched <= CLOSELY {
                self.follow(api, incident, since).await?;
            }
        }
        *truncated |= older >= CLOSELY || followed.matched > CLOSELY;
        Ok(followed)
    }

    async fn follow(
        &mut self,
        api: &Api,
        incident: &Incident,
        since: Timestamp,
    ) -> Result<(), Problem> {
        if self.rule.on.iter().all(|trigger| trigger.is_of_signal()) {
            return Ok(());
        }
        for (at, trigger) in history::happened(api, incident, &self.rule.on, since).await? {
            let subject = SubjectDocument::incident(incident.id);
            self.moments.add(at, trigger, subject, &incident.title);
        }
        Ok(())
    }
}

impl Moments {
    fn of_signal(&mut self, row: &StoredSignal, on: &[Trigger]) {
        let trigger = match row.signal.status {
            SignalStatus::Firing => Trigger::Signal,
            SignalStatus::Resolved => Trigger::SignalResolved,
        };
        if on.contains(&trigger) {
            let subject = SubjectDocument::signal(row.signal.id);
            self.add(row.received_at, trigger, subject, &row.signal.summary);
        }
    }

    fn add(&mut self, at: Timestamp, trigger: Trigger, subject: SubjectDocument, summary: &str) {
        self.times.push(at);
        let oldest = self.newest.iter().map(|moment| moment.at).min();
        if self.newest.len() >= 2 * EXAMPLES && oldest.is_some_and(|oldest| at <= oldest) {
            return;
        }
        self.newest.push(Moment { at, trigger, subject, summary: summary.to_owned() });
        if self.newest.len() > 2 * EXAMPLES {
            self.newest.sort_by_key(|moment| std::cmp::Reverse(moment.at));
            self.newest.truncate(EXAMPLES);
        }
    }

    fn examples(&mut self) -> Vec<Example> {
        self.newest.sort_by_key(|moment| std::cmp::Reverse(moment.at));
        let shown = self.newest.drain(..).take(EXAMPLES);
        shown
            .map(|moment| Example {
                subject: moment.subject,
                at: instant::write(moment.at),
                transition: moment.trigger.to_string(),
                summary: moment.summary,
            })
            .collect()
    }
}

/// How many notifications so many moments make, where a rule tells so often at most.
fn sent(times: &mut [Timestamp], at_most: Option<AtMost>) -> u64 {
    let Some(AtMost { count, within }) = at_most else { return times.len() as u64 };
    times.sort_unstable();
    let (mut sent, mut in_span, mut began) = (0, 0, None);
    for &at in times.iter() {
        if began.is_none_or(|began| at.since(began) >= within) {
            (began, in_span) = (Some(at), 0);
        }
        if in_span < count {
            in_span += 1;
            sent += 1;
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_tells_so_often_in_each_span_that_begins_with_a_notification() {
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let mut times: Vec<Timestamp> = [90, 0, 1, 2, 60, 61, 200].map(at).to_vec();
        assert_eq!(sent(&mut times, None), 7);
        let most = |count| Some(AtMost { count, within: Duration::from_secs(60) });
        assert_eq!(sent(&mut times, most(1)), 3);
        assert_eq!(sent(&mut times, most(2)), 5);
        assert_eq!(sent(&mut times, most(9)), 7);
    }
}
