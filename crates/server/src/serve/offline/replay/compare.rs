//! Holds the fresh store against the one there is, row by row.
//!
//! A replay that began with a snapshot knows only what its records touched; one that ended before the
//! store's position says nothing of what changed later. Both are left out and never called a difference.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use anyhow::Context;
use model::{AuditRow, Effect, Effects, Incident, IncidentId, ProjectId, Status, Timestamp};
use store::{Admin, IncidentFilter, IncidentView, PageCursor, SqliteStore, Store};

use super::{Difference, Span, fields};

/// Differences that are listed.
pub(super) const LISTED: usize = 100;

/// The incidents that effects were about, each with the counters it had last where they changed.
#[derive(Debug, Default)]
pub(super) struct Touched(BTreeMap<(ProjectId, IncidentId), Option<(u64, Timestamp)>>);

/// What was compared, and what differs.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) incidents: u64,
    pub(super) left_out: u64,
    pub(super) audit_rows: u64,
    pub(super) policies: u64,
    pub(super) alerts: u64,
    pub(super) differences: Vec<Difference>,
    pub(super) total: u64,
}

/// A comparison under way.
pub(super) struct Comparison<'s> {
    real: &'s SqliteStore,
    fresh: &'s SqliteStore,
    span: Span,
    /// The time of the last record that was applied.
    at: Timestamp,
    findings: Findings,
}

impl Touched {
    /// Notes what effects are about.
    pub(super) fn note(&mut self, effects: &Effects) {
        for effect in &effects.0 {
            match effect {
                &Effect::Filed { project, incident: Some(incident), signal_count, at, .. } => {
                    self.0.insert((project, incident), Some((signal_count, at)));
                }
                Effect::Incident(incident) => {
                    let counters = (incident.signal_count, incident.last_signal_at);
                    self.0.insert((incident.project, incident.id), Some(counters));
                }
                Effect::Audited(row) => {
                    if let Some(incident) = row.incident {
                        self.0.entry((row.project, incident)).or_default();
                    }
                }
                Effect::Filed { incident: None, .. }
                | Effect::Skipped { .. }
                | Effect::Moved { .. }
                | Effect::RcaAccepted { .. }
                | Effect::PolicySaved(_)
                | Effect::PolicyRemoved { .. }
                | Effect::AlertFiring(_)
                | Effect::AlertJoined { .. }
                | Effect::AlertRenewed { .. }
                | Effect::AlertResolved { .. }
                | Effect::DirectiveSaved(_)
                | Effect::DirectiveRemoved { .. }
                | Effect::Notified(_)
                | Effect::Attempted { .. }
                | Effect::Replayed { .. }
                | Effect::Replied { .. }
                | Effect::LimitHit { .. } => {}
            }
        }
    }
}

impl<'s> Comparison<'s> {
    pub(super) fn new(
        real: &'s SqliteStore,
        fresh: &'s SqliteStore,
        span: Span,
        at: Timestamp,
    ) -> Self {
        Self { real, fresh, span, at, findings: Findings::default() }
    }

    /// Compares everything that can be.
    pub(super) async fn run(mut self, touched: &Touched) -> anyhow::Result<Findings> {
        for (&(project, id), &counters) in &touched.0 {
            self.incident(project, id, counters).await?;
        }
        if self.is_current() {
            let projects = self.real.projects().await.context("cannot read the projects")?;
            for project in projects {
                if self.is_whole() {
                    self.surplus(project.id, touched).await?;
                }
                self.policies(project.id).await?;
            }
        }
        if self.is_current() && self.is_whole() {
            self.alerts().await?;
        }
        Ok(self.findings)
    }

    /// Whether it began with the journal's first record.
    fn is_whole(&self) -> bool {
        self.span.start.0 == 0
    }

    /// Whether it ended where the store stands.
    fn is_current(&self) -> bool {
        self.span.until == self.span.applied
    }

    async fn incident(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        counters: Option<(u64, Timestamp)>,
    ) -> anyhow::Result<()> {
        let fresh =
            self.fresh.incident(project, id).await.context("cannot read a replayed incident")?;
        let real = self.real.incident(project, id).await.context("cannot read an incident")?;
        let Some(real) = real else {
            let number = fresh.as_ref().map(|view| view.incident.number);
            self.differs(subject(number, id), "it is in the replay, but not in the store");
            return Ok(());
        };
        let name = subject(Some(real.incident.number), id);
        if self.has_changed_since(&real.incident) {
            self.findings.left_out += 1;
        } else {
            self.findings.incidents += 1;
            match (&fresh, counters) {
                (Some(fresh), _) => self.views(&name, &real, fresh),
                (None, Some((count, at))) => {
                    self.value(&name, "signal_count", &real.incident.signal_count, &count);
                    self.value(&name, "last_signal_at", &real.incident.last_signal_at, &at);
                }
                (None, None) => {}
            }
            self.moves(&name, project, id).await?;
        }
        self.timeline(&name, project, id).await
    }

    /// Whether something after the last replayed record touched it. A signal of the same instant may be
    /// a later one, so it counts as one.
    fn has_changed_since(&self, real: &Incident) -> bool {
        !self.is_current() && (real.changed_seq > self.span.until || real.last_signal_at >= self.at)
    }

    fn views(&mut self, name: &str, real: &IncidentView, fresh: &IncidentView) {
        self.fields(name, fields::of_incidents(&real.incident, &fresh.incident));
        // Children, and an analysis that is only cited, may be older than the snapshot.
        if self.is_whole() && self.is_current() && real.children != fresh.children {
            let list = |view: &IncidentView| {
                let ids: Vec<_> = view.children.iter().map(ToString::to_string).collect();
                Plain(ids.join(" "))
            };
            self.value(name, "children", &list(real), &list(fresh));
        }
        let known = fresh.rca.is_some() || self.is_whole();
        if known && self.is_current() && real.rca != fresh.rca {
            self.differs(name.to_owned(), "root cause analysis: it differs");
        }
    }

    async fn timeline(
        &mut self,
        name: &str,
        project: ProjectId,
        id: IncidentId,
    ) -> anyhow::Result<()> {
        let mut real = audit_after(self.real, project, id, self.span).await?;
        let fresh = audit_after(self.fresh, project, id, self.span).await?;
        real.retain(|row| row.seq <= self.span.until);
        self.findings.audit_rows += real.len() as u64;
        let rows = |rows: Vec<AuditRow>| -> BTreeMap<_, _> {
            rows.into_iter().map(|row| ((row.seq, row.index), row)).collect()
        };
        let (real, mut fresh) = (rows(real), rows(fresh));
        for (place, row) in real {
            let what = match fresh.remove(&place) {
                Some(replayed) if replayed == row => continue,
                Some(replayed) => format!("{row:?} in the store, {replayed:?} in the replay"),
                None => "it is in the store, but not in the replay".to_owned(),
            };
            self.differs(format!("{name} audit row {}.{}", place.0, place.1), what);
        }
        for (seq, index) in fresh.into_keys() {
            let what = "it is in the replay, but not in the store";
            self.differs(format!("{name} audit row {seq}.{index}"), what);
        }
        Ok(())
    }

    async fn moves(
        &mut self,
        name: &str,
        project: ProjectId,
        id: IncidentId,
    ) -> anyhow::Result<()> {
        if !(self.is_whole() && self.is_current()) {
            return Ok(());
        }
        let real = self.real.signal_moves(project, &[id]).await.context("cannot read moves")?;
        let fresh = self.fresh.signal_moves(project, &[id]).await.context("cannot read moves")?;
        if real != fresh {
            self.differs(name.to_owned(), "signals that moved in or out: they differ");
        }
        Ok(())
    }

    /// Incidents of the store that no record is about.
    async fn surplus(&mut self, project: ProjectId, touched: &Touched) -> anyhow::Result<()> {
        let ids = (project, IncidentId(0))..=(project, IncidentId(u128::MAX));
        let known = touched.0.range(ids).count() as u64;
        let mut filter = IncidentFilter {
            statuses: Status::ALL.to_vec(),
            limit: model::limits::PAGE,
            ..IncidentFilter::default()
        };
        loop {
            let page =
                self.real.incidents(project, &filter).await.context("cannot list incidents")?;
            // As many as the records are about: none of them is more.
            if page.total == known && filter.after.is_none() && self.findings.total == 0 {
                return Ok(());
            }
            for incident in page.items {
                if !touched.0.contains_key(&(project, incident.id)) {
                    let what = "it is in the store, but not in the replay";
                    self.differs(subject(Some(incident.number), incident.id), what);
                }
            }
            if page.next.is_none() {
                return Ok(());
            }
            filter.after = page.next;
        }
    }

    async fn policies(&mut self, project: ProjectId) -> anyhow::Result<()> {
        let real = self.real.policies(project).await.context("cannot read policies")?;
        let fresh = self.fresh.policies(project).await.context("cannot read policies")?;
        let mut real: BTreeMap<_, _> = real.into_iter().map(|policy| (policy.id, policy)).collect();
        for policy in fresh {
            self.findings.policies += 1;
            let name = format!("policy `{}` ({})", policy.name, policy.id);
            match real.remove(&policy.id) {
                Some(stored) => self.fields(&name, fields::of_policies(&stored, &policy)),
                None => self.differs(name, "it is in the replay, but not in the store"),
            }
        }
        if self.is_whole() {
            for policy in real.into_values() {
                let what = "it is in the store, but not in the replay";
                self.differs(format!("policy `{}` ({})", policy.name, policy.id), what);
            }
        }
        Ok(())
    }

    async fn alerts(&mut self) -> anyhow::Result<()> {
        let real = self.real.firing_alerts().await.context("cannot read alerts")?;
        let fresh = self.fresh.firing_alerts().await.context("cannot read alerts")?;
        let by_identity = |alerts: Vec<model::Alert>| -> BTreeMap<_, _> {
            alerts.into_iter().map(|alert| ((alert.project, alert.identity), alert)).collect()
        };
        let (mut real, fresh) = (by_identity(real), by_identity(fresh));
        for (key, alert) in fresh {
            self.findings.alerts += 1;
            let what = match real.remove(&key) {
                Some(stored) if stored == alert => continue,
                Some(_) => "it is not the same in the store and in the replay",
                None => "it fires in the replay, but not in the store",
            };
            self.differs(format!("alert {:032x}", alert.identity.0), what);
        }
        for alert in real.into_values() {
            let what = "it fires in the store, but not in the replay";
            self.differs(format!("alert {:032x}", alert.identity.0), what);
        }
        Ok(())
    }

    fn fields(&mut self, name: &str, pairs: Vec<fields::Pair>) {
        for (field, real, fresh) in pairs {
            self.value(name, field, &Plain(real), &Plain(fresh));
        }
    }

    fn value<T: PartialEq + Debug>(&mut self, name: &str, field: &str, real: &T, fresh: &T) {
        if real != fresh {
            let what = format!("{field}: {real:?} in the store, {fresh:?} in the replay");
            self.differs(name.to_owned(), what);
        }
    }

    fn differs(&mut self, subject: impl Into<String>, what: impl Into<String>) {
        self.findings.total += 1;
        if self.findings.differences.len() < LISTED {
            let difference = Difference { subject: subject.into(), what: what.into() };
            self.findings.differences.push(difference);
        }
    }
}

/// A text that is shown as it is.
#[derive(PartialEq)]
struct Plain(String);

impl Debug for Plain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(&self.0, formatter)
    }
}

async fn audit_after(
    store: &SqliteStore,
    project: ProjectId,
    id: IncidentId,
    span: Span,
) -> anyhow::Result<Vec<AuditRow>> {
    let mut rows = Vec::new();
    let mut after = Some(PageCursor(span.start.0.cast_signed(), i64::MAX, 0));
    while after.is_some() {
        let page = store.timeline(project, id, after, model::limits::PAGE).await;
        let page = page.context("cannot read audit rows")?;
        rows.extend(page.items);
        after = page.next;
    }
    Ok(rows)
}

fn subject(number: Option<u64>, id: IncidentId) -> String {
    match number {
        Some(number) => format!("incident #{number} ({id})"),
        None => format!("incident {id}"),
    }
}
