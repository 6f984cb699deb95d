//! Rows to test with: each a function of a few numbers, every field set and different.

use std::sync::Arc;

use model::effect::AuditAction;
use model::{
    ActionItem, Actor, ActorKind, Alert, AlertLease, AuditRow, ComponentType, Duration, Effect,
    Effects, GroupingKey, GroupingPolicy, IdentityKey, Incident, IncidentId, KeyField, KeyId,
    Matcher, Mode, OpenWhen, PolicyId, ProjectId, Rca, Reason, Scope, Seq, Severity, Signal,
    SignalId, Status, Timestamp,
};

use crate::{Commit, Error, KeyRow, PartitionId, Store};

/// The project of a new store.
pub const HERE: ProjectId = ProjectId(1);

/// A stand-in for the pipeline: commits batches one after another.
pub struct Road {
    store: Arc<dyn Store>,
    stands: Seq,
}

impl Road {
    /// The road to a store to which nothing was written yet.
    #[must_use]
    pub fn new(store: &Arc<dyn Store>) -> Self {
        Self { store: Arc::clone(store), stands: Seq(0) }
    }

    /// Commits a batch, one entry further on.
    ///
    /// # Panics
    /// When the store refuses.
    pub async fn commit(&mut self, effects: Vec<Effect>) {
        let effects = Effects(effects);
        self.try_commit(&effects).await.expect("the store takes the commit");
    }

    /// Commits a batch, one entry further on if the store takes it.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn try_commit(&mut self, effects: &Effects) -> Result<(), Error> {
        let through = self.stands.next();
        let at = time(through.0);
        let partition = PartitionId(0);
        self.store
            .commit(Commit { partition, expected: self.stands, through, at, effects })
            .await?;
        self.stands = through;
        Ok(())
    }
}

/// A reproducible run of numbers (xorshift64*).
pub struct Chance(u64);

impl Chance {
    /// The run that begins at `seed`, which is not 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }

    /// One of several.
    pub fn of<'t, T>(&mut self, these: &'t [T]) -> &'t T {
        &these[usize::try_from(self.below(these.len() as u64)).expect("below the length")]
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A moment, later for a larger number.
#[must_use]
pub fn time(number: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + number.cast_signed() * 1_000)
}

/// The id of incident `number` of a project.
#[must_use]
pub fn incident_id(project: ProjectId, number: u64) -> IncidentId {
    IncidentId::mint(project, Seq(number), time(number))
}

/// Incident `number` of a project, open, with every optional field set.
#[must_use]
pub fn incident(project: ProjectId, number: u64) -> Incident {
    Incident {
        id: incident_id(project, number),
        project,
        number,
        title: format!("Component {number} fails: 100% of \"calls\" · ünavailable"),
        status: Status::Open,
        severity: Severity::P1,
        severity_pinned: true,
        component: format!("component-{number}"),
        component_type: ComponentType::McpHost,
        environment: "prod".to_owned(),
        policy: PolicyId(u128::MAX - u128::from(number)),
        key: GroupingKey(u128::from(number) << 100),
        grouping_key: format!("environment=prod,component=component-{number}"),
        signal_count: 1,
        first_signal_at: time(number),
        last_signal_at: time(number + 1),
        opened_at: time(number + 2),
        assignee: Some("ada@example.com".to_owned()),
        acknowledged_at: Some(time(number + 3)),
        resolved_at: Some(time(number + 4)),
        closed_at: Some(time(number + 5)),
        mtta_seconds: Some(0),
        mttr_seconds: Some(u64::from(u32::MAX)),
        merged_into: Some(incident_id(project, number + 1_000_000)),
        split_from: Some(incident_id(project, number + 2_000_000)),
        links: vec![("Runbook".to_owned(), "https://example.com/?a=1&b='2'".to_owned())],
        changed_seq: Seq(number),
    }
}

/// Incident `number` of a project, open, with no optional field set.
#[must_use]
pub fn bare_incident(project: ProjectId, number: u64) -> Incident {
    Incident {
        severity_pinned: false,
        assignee: None,
        acknowledged_at: None,
        resolved_at: None,
        closed_at: None,
        mtta_seconds: None,
        mttr_seconds: None,
        merged_into: None,
        split_from: None,
        links: Vec::new(),
        ..incident(project, number)
    }
}

/// The effect that writes an incident.
#[must_use]
pub fn opened(incident: &Incident) -> Effect {
    Effect::Incident(Box::new(incident.clone()))
}

/// The effect of the signal at `seq` that is number `signal_count` of `incident`.
#[must_use]
pub fn filed(seq: u64, incident: &Incident, signal_count: u64) -> Effect {
    Effect::Filed {
        seq: Seq(seq),
        project: incident.project,
        signal: SignalId(u128::from(seq)),
        identity: IdentityKey(7),
        incident: Some(incident.id),
        reason: Reason::OpenIncident,
        signal_count,
        at: time(seq),
    }
}

/// An audit row of an entry.
#[must_use]
pub fn audit(project: ProjectId, seq: u64, index: u32, incident: Option<IncidentId>) -> AuditRow {
    AuditRow {
        seq: Seq(seq),
        index,
        project,
        incident,
        at: time(seq),
        actor: person("grace"),
        action: AuditAction::Commented,
        reason: Reason::ByHand,
        text: format!("said {seq}.{index}"),
    }
}

/// The effect that writes an audit row.
#[must_use]
pub fn audited(row: &AuditRow) -> Effect {
    Effect::Audited(Box::new(row.clone()))
}

/// A complete analysis.
#[must_use]
pub fn rca(cause: &str) -> Rca {
    Rca {
        root_cause_category: "CODE_DEFECT".to_owned(),
        fix_applied: format!("{cause}: the pool was made larger"),
        prevention_steps: "an alert on the pool's free connections".to_owned(),
        incident_start: Some(time(1)),
        incident_end: None,
        timeline_note: "quiet until noon".to_owned(),
        action_items: vec![ActionItem {
            title: "Load test".to_owned(),
            owner: "ada".to_owned(),
            due: "2026-01-31".to_owned(),
        }],
    }
}

/// The effect of an accepted analysis.
#[must_use]
pub fn rca_accepted(project: ProjectId, incident: IncidentId, cause: &str) -> Effect {
    let (submitted_by, at, rca) = (person("ada"), time(99), Box::new(rca(cause)));
    Effect::RcaAccepted { incident, project, submitted_by, at, rca }
}

/// A policy with every field set.
#[must_use]
pub fn policy(project: ProjectId, id: u128, position: i64) -> GroupingPolicy {
    let label = KeyField::Label("team.name".to_owned());
    GroupingPolicy {
        id: PolicyId(id),
        project,
        name: format!("policy {id}"),
        matcher: Matcher(vec![
            (KeyField::Component, vec!["db-*".to_owned(), "cache".to_owned()]),
            (label.clone(), Vec::new()),
        ]),
        key: vec![KeyField::Environment, label],
        mode: Mode::Window,
        window: Duration::from_secs(10),
        cap: 100,
        quiet: Duration::from_secs(60),
        reopen_within: Duration::from_micros(1),
        open_when: OpenWhen { count: 3, within: Duration::from_secs(5) },
        auto_lifecycle: true,
        resolve_with_alerts: false,
        position,
        version: 2,
    }
}

/// Alert `number` of a project.
#[must_use]
pub fn alert(project: ProjectId, number: u64) -> Alert {
    let signal = Signal {
        labels: vec![("alertname".into(), "Down".into()), ("n".into(), number.to_string().into())],
        payload: br#"{"labels":{"alertname":"Down"}}"#.as_slice().into(),
        incident_id: Some(incident_id(project, number)),
        links: vec!["https://example.com/graph".into()],
        ..Signal::new(SignalId(u128::from(number)), "db", "prod")
    };
    Alert {
        project,
        identity: IdentityKey(u128::from(number) << 64),
        lease: AlertLease {
            fingerprint: u64::MAX - number,
            starts_at: time(number),
            ends_at: time(number + 300_000),
        },
        updated_at: time(number + 1),
        incident: Some(incident_id(project, number)),
        signal,
    }
}

/// The effect of an alert that fires.
#[must_use]
pub fn firing(alert: &Alert) -> Effect {
    Effect::AlertFiring(Box::new(alert.clone()))
}

/// Key `number` of a project, never used, never expiring.
#[must_use]
pub fn key(project: ProjectId, number: u8) -> KeyRow {
    KeyRow {
        id: KeyId(u128::from(number) << 120 | u128::from(project.0)),
        project,
        name: format!("key {number}"),
        prefix: "sb_abcdef".to_owned(),
        digest: crate::keys::digest(&format!("{project}/{number}")),
        scopes: [Scope::Ingest, Scope::Manage].into_iter().collect(),
        rate_per_second: Some(u32::MAX),
        created_at: time(u64::from(number)),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

/// A person.
#[must_use]
pub fn person(name: &str) -> Actor {
    Actor { kind: ActorKind::Person, name: name.to_owned() }
}
