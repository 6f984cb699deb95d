//! Makes what a plan asks for, in an order in which nothing is named before it is there: subscribers, endpoints,
//! calendars, rules, inhibitions, and the configuration itself in the end.
//!
//! Invariant: what cannot be made is left out and reported, and never made in part: a rule whose calendar or
//! endpoints could not be made would tell at the wrong time or nobody.

use std::collections::{BTreeMap, BTreeSet};

use matching::{Binding, check_conditions, check_rule};
use model::directive::{Directive, DirectiveBody, DirectiveKind, Inhibition, Rule, Target};
use model::id::KeyHasher;
use model::{
    DirectiveId, EndpointId, FieldError, Operation, ProjectId, ScheduleId, SubscriberId, limits,
};
use store::{DocumentKind, DocumentRow, EndpointRow, SubscriberRow};

use super::ORIGINAL;
use super::alertmanager::{Element, Plan, PlannedEndpoint, PlannedRule, Verdict};
use crate::ports::AskedConfig;
use crate::problem::{Code, Problem};
use crate::request::Call;
use crate::{Api, default_routes, directives, endpoints, subscribers};

/// What was done.
pub(super) struct Carried {
    pub(super) elements: Vec<Element>,
    /// Rules and inhibitions.
    pub(super) removed: usize,
}

/// Makes everything, or only looks whether it could be made.
pub(super) async fn carry_out(
    api: &Api,
    call: &Call,
    plan: Plan,
    dry_run: bool,
) -> Result<Carried, Problem> {
    let mut work = Work::begin(api, call, plan).await?;
    work.plan_endpoints();
    work.plan_calendars().await?;
    work.plan_rules();
    work.plan_inhibitions();
    work.plan_removals().await?;
    if !dry_run {
        work.carry_out().await?;
    }
    let mut elements = work.plan.report.0;
    elements.sort_by_key(|element| element.line);
    Ok(Carried { elements, removed: work.removals.len() })
}

/// What is to be done, as far as it is known.
struct Work<'w> {
    api: &'w Api,
    call: &'w Call,
    plan: Plan,
    /// By receiver; the version where it is there already.
    subscribers: BTreeMap<String, (SubscriberRow, bool)>,
    endpoints: Vec<(EndpointRow, Option<u64>)>,
    /// By receiver and place.
    made_endpoints: BTreeMap<(String, usize), EndpointId>,
    calendars: Vec<(DocumentRow, Option<u64>)>,
    made_calendars: BTreeMap<String, ScheduleId>,
    directives: Vec<Directive>,
    removals: Vec<(DirectiveKind, DirectiveId)>,
    /// What there is of rules and inhibitions that an import made.
    before: BTreeMap<DirectiveId, Directive>,
    existing_endpoints: Vec<EndpointRow>,
}

impl<'w> Work<'w> {
    async fn begin(api: &'w Api, call: &'w Call, plan: Plan) -> Result<Self, Problem> {
        let (project, store) = (call.project(), &api.ports().store);
        let there = store.subscribers(project).await?;
        let mut subscribers = BTreeMap::new();
        for receiver in &plan.receivers {
            let known = there.iter().find(|row| row.name == receiver.name);
            let row = known.cloned().unwrap_or_else(|| SubscriberRow {
                project,
                id: SubscriberId(mint(project, "subscriber", &receiver.name)),
                name: receiver.name.clone(),
                contacts: Vec::new(),
                version: 0,
                created_at: api.ports().clock.now(),
            });
            subscribers.insert(receiver.name.clone(), (row, known.is_some()));
        }
        let existing_endpoints = store.endpoints(project).await?;
        Ok(Self {
            api,
            call,
            plan,
            subscribers,
            endpoints: Vec::new(),
            made_endpoints: BTreeMap::new(),
            calendars: Vec::new(),
            made_calendars: BTreeMap::new(),
            directives: Vec::new(),
            removals: Vec::new(),
            before: BTreeMap::new(),
            existing_endpoints,
        })
    }

    fn project(&self) -> ProjectId {
        self.call.project()
    }

    fn plan_endpoints(&mut self) {
        for receiver in self.plan.receivers.clone() {
            let Some((owner, _)) = self.subscribers.get(&receiver.name) else { continue };
            let owner = owner.id;
            for (place, planned) in receiver.endpoints.iter().enumerate() {
                let (element, line) = (planned.element.clone(), planned.line);
                let mut said = Element {
                    element,
                    line,
                    verdict: Verdict::Mapped,
                    into: vec![format!("endpoint {}", planned.name)],
                    note: planned.note.clone(),
                };
                match self.endpoint(&receiver.name, owner, planned) {
                    Ok(id) => {
                        self.made_endpoints.insert((receiver.name.clone(), place), id);
                        if !said.note.is_empty() {
                            said.verdict = Verdict::Approximated;
                        }
                    }
                    Err(why) => {
                        said.verdict = Verdict::NotSupported;
                        said.into.clear();
                        said.note = why;
                    }
                }
                self.plan.report.0.push(said);
            }
        }
    }

    fn endpoint(
        &mut self,
        receiver: &str,
        owner: SubscriberId,
        planned: &PlannedEndpoint,
    ) -> Result<EndpointId, String> {
        let (project, now) = (self.project(), self.api.ports().clock.now());
        let (channels, channel) = (&self.api.ports().channels, planned.channel);
        if !channels.names().contains(&channel) {
            return Err(format!("there is no channel `{channel}` here"));
        }
        let id = EndpointId(mint(project, "endpoint", &format!("{receiver}\n{}", planned.name)));
        let config = &planned.config;
        let asked = AskedConfig { channel, project, endpoint: id, config, before: None };
        let checked = channels.check(&asked).map_err(|errors| sentence(&errors))?;
        let before = self.existing_endpoints.iter().find(|row| row.id == id);
        let mut row = EndpointRow {
            project,
            id,
            subscriber: owner,
            channel: channel.to_owned(),
            name: planned.name.clone(),
            config: checked.config,
            secrets: checked.secrets,
            verified_at: Some(now),
            owner_confirms: false,
            version: 0,
            created_at: before.map_or(now, |row| row.created_at),
        };
        let is_namesake = |other: &EndpointRow| {
            other.id != id && (other.subscriber, &other.name) == (owner, &planned.name)
        };
        if self.existing_endpoints.iter().any(is_namesake) {
            row.name = format!("{} (alertmanager)", planned.name);
        }
        endpoints::settle(self.api, None, &mut row, before)?;
        self.endpoints.push((row, before.map(|row| row.version)));
        Ok(id)
    }

    async fn plan_calendars(&mut self) -> Result<(), Problem> {
        let (project, store) = (self.project(), &self.api.ports().store);
        let there = store.documents(project, DocumentKind::Calendar).await?;
        for planned in self.plan.calendars.clone() {
            let id = mint(project, "calendar", &planned.name);
            let before = there.iter().find(|row| row.id == id);
            let mut document = planned.document;
            if there.iter().any(|row| row.id != id && row.name == planned.name) {
                document.name = format!("{} (alertmanager)", planned.name);
            }
            if let Err(errors) = oncall::Calendar::new(&document) {
                let sought = format!("calendar {}", planned.name);
                self.fail(&sought, &sentence(&errors));
                continue;
            }
            let body =
                serde_json::to_string(&document).map_err(|error| Problem::internal(&error))?;
            let row = DocumentRow {
                project,
                kind: DocumentKind::Calendar,
                id,
                name: document.name,
                body,
                version: 0,
                updated_at: self.api.ports().clock.now(),
            };
            let unchanged = before.is_some_and(|it| it.body == row.body && it.name == row.name);
            if !unchanged {
                self.calendars.push((row, before.map(|row| row.version)));
            }
            self.made_calendars.insert(planned.name, ScheduleId(id));
        }
        Ok(())
    }

    fn plan_rules(&mut self) {
        for planned in self.plan.rules.clone() {
            match self.rule(&planned) {
                Ok(rule) => self.direct("rule", &planned.name, DirectiveBody::Rule(rule)),
                Err(why) => self.fail(&format!("rule {}", planned.name), &why),
            }
        }
    }

    fn rule(&self, planned: &PlannedRule) -> Result<Rule, String> {
        let (subscriber, _) =
            self.subscribers.get(&planned.receiver).ok_or("its receiver could not be made")?;
        let endpoints = planned.endpoints.iter();
        let mut targets: Vec<Target> = endpoints
            .filter_map(|place| self.made_endpoints.get(&(planned.receiver.clone(), *place)))
            .map(|id| Target::Endpoint(*id))
            .collect();
        targets.sort_unstable();
        if targets.is_empty() {
            return Err("none of the endpoints of its receiver could be made".to_owned());
        }
        let muted_by = planned.muted_by.iter().map(|name| {
            let made = self.made_calendars.get(name).copied();
            made.ok_or_else(|| format!("the calendar `{name}` could not be made"))
        });
        let rule = Rule {
            subscriber: subscriber.id,
            on: planned.on.clone(),
            conditions: planned.conditions.clone(),
            match_all: planned.conditions.is_empty() && planned.cel.is_empty(),
            cel: planned.cel.clone(),
            targets,
            escalation: None,
            muted_by: muted_by.collect::<Result<_, _>>()?,
            at_most: None,
            deadline: limits::DELIVERY_DEADLINE,
            enabled: true,
        };
        let errors = check_rule(&rule);
        if errors.is_empty() { Ok(rule) } else { Err(sentence(&errors)) }
    }

    fn plan_inhibitions(&mut self) {
        for planned in self.plan.inhibitions.clone() {
            let mut errors = check_conditions("source", &planned.source, Binding::Whole);
            errors.extend(check_conditions("target", &planned.target, Binding::Whole));
            if !errors.is_empty() {
                self.fail(&format!("inhibition {}", planned.name), &sentence(&errors));
                continue;
            }
            let body = DirectiveBody::Inhibition(Inhibition {
                source: planned.source,
                target: planned.target,
                equal: planned.equal,
                enabled: true,
            });
            self.direct("inhibition", &planned.name, body);
        }
    }

    fn direct(&mut self, kind: &str, name: &str, body: DirectiveBody) {
        let id = DirectiveId(mint(self.project(), kind, name));
        let (project, name) = (self.project(), name.to_owned());
        self.directives.push(Directive { id, project, name, version: 0, body });
    }

    /// Finds rules and inhibitions of an earlier import: those whose id follows from their name.
    async fn plan_removals(&mut self) -> Result<(), Problem> {
        let (api, project) = (self.api, self.project());
        let mut owners: BTreeSet<SubscriberId> = self
            .subscribers
            .values()
            .filter(|(_, is_there)| *is_there)
            .map(|(row, _)| row.id)
            .collect();
        for row in api.ports().store.subscribers(project).await? {
            if row.id == SubscriberId(mint(project, "subscriber", &row.name)) {
                owners.insert(row.id);
            }
        }
        let mut found = Vec::new();
        for owner in owners {
            let kind = DirectiveKind::Rule;
            found.extend(directives::all(api, project, kind, Some(owner)).await?);
        }
        found.extend(directives::all(api, project, DirectiveKind::Inhibition, None).await?);
        let planned: BTreeSet<DirectiveId> = self.directives.iter().map(|it| it.id).collect();
        for directive in found {
            let kind = directive.body.kind();
            let is_ours =
                directive.id == DirectiveId(mint(project, kind.as_str(), &directive.name));
            if is_ours && !planned.contains(&directive.id) {
                self.removals.push((kind, directive.id));
            }
            self.before.insert(directive.id, directive);
        }
        Ok(())
    }

    /// Takes something out of the report that was to be made.
    fn fail(&mut self, into: &str, why: &str) {
        for element in &mut self.plan.report.0 {
            if element.into.iter().any(|made| made == into) {
                element.into.retain(|made| made != into);
                element.note = why.to_owned();
                element.verdict = match element.into.is_empty() {
                    true => Verdict::NotSupported,
                    false => Verdict::Approximated,
                };
            }
        }
    }

    async fn carry_out(&self) -> Result<(), Problem> {
        let (api, actor) = (self.api, self.call.actor());
        for (row, is_there) in self.subscribers.values() {
            if !is_there {
                subscribers::save(api, row.clone(), None, &actor).await?;
            }
        }
        for (row, version) in &self.endpoints {
            endpoints::save(api, row.clone(), *version, &actor).await?;
        }
        let (store, now) = (&api.ports().store, api.ports().clock.now());
        for (row, version) in &self.calendars {
            store.put_document(row, *version, &actor, now).await?;
        }
        for directive in &self.directives {
            self.put(directive).await?;
        }
        for &(kind, id) in &self.removals {
            let operation = Operation::DeleteDirective { kind, id, expected_version: None };
            match directives::submit(api, self.call.command_without_key(operation)).await {
                Err(problem) if problem.code() == Code::NotFound => {}
                removed => removed.map(drop)?,
            }
        }
        default_routes::follow(api, self.project(), None, &actor).await;
        self.keep_original().await
    }

    async fn put(&self, directive: &Directive) -> Result<(), Problem> {
        let before = self.before.get(&directive.id);
        if before.is_some_and(|it| it.body == directive.body && it.name == directive.name) {
            return Ok(());
        }
        let expected_version = before.map(|directive| directive.version);
        let directive = Box::new(directive.clone());
        let operation = Operation::PutDirective { directive, expected_version };
        directives::submit(self.api, self.call.command_without_key(operation)).await.map(drop)
    }

    async fn keep_original(&self) -> Result<(), Problem> {
        let (project, kind) = (self.project(), DocumentKind::Original);
        let (store, now) = (&self.api.ports().store, self.api.ports().clock.now());
        let before = store.document(project, kind, ORIGINAL).await?;
        let row = DocumentRow {
            project,
            kind,
            id: ORIGINAL,
            name: "alertmanager".to_owned(),
            body: self.plan.masked.clone(),
            version: 0,
            updated_at: now,
        };
        let expected = before.map(|row| row.version);
        store.put_document(&row, expected, &self.call.actor(), now).await?;
        Ok(())
    }
}

/// The id of what is made of an element, the same every time.
fn mint(project: ProjectId, kind: &str, element: &str) -> u128 {
    let mut hasher = KeyHasher::for_project(project);
    hasher.part(b"import/alertmanager").part(kind.as_bytes()).part(element.as_bytes());
    uuid::Builder::from_custom_bytes(hasher.finish().to_be_bytes()).into_uuid().as_u128()
}

fn sentence(errors: &[FieldError]) -> String {
    let texts: Vec<String> =
        errors.iter().take(8).map(|error| format!("{}: {}", error.field, error.message)).collect();
    texts.join("; ")
}
