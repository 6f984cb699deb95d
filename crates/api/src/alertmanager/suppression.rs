//! What is held back of the alerts that fire: by which silences, and by which alerts that inhibit them.
//!
//! What of an alert fits a silence or a side of an inhibition is found once, for as long as the alert and
//! the directives stay what they are; which silences are in force is looked at anew when one begins or ends.
//!
//! Invariant: what comes out is what would come out if nothing were kept.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use matching::{Binding, Conjunction, Facts};
use model::directive::{Directive, DirectiveBody, DirectiveKind, Field, Inhibition, Silence};
use model::{DirectiveId, ProjectId, Timestamp};
use store::{AlertBody, AlertList};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::{blocking, fragment};
use crate::problem::Problem;
use crate::{Api, directives};

/// What is held back of one list.
#[derive(Debug, Default)]
pub(super) struct Suppressed {
    /// By place in the list.
    held: HashMap<usize, Held>,
}

/// One alert that is held back.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// Silences in force that fit it, ascending.
    pub(super) silenced_by: Vec<DirectiveId>,
    /// Fingerprints of alerts that inhibit it: the first of each inhibition.
    pub(super) inhibited_by: Vec<u64>,
    /// Its JSON.
    pub(super) rendered: Bytes,
}

/// What is kept of a project.
#[derive(Debug, Default)]
pub(super) struct Suppression {
    /// The number of the directives that were read, once they were.
    directives: Option<u64>,
    orders: Orders,
    last: Option<Last>,
}

/// Silences and inhibitions, compiled.
#[derive(Debug, Default)]
struct Orders {
    silences: Vec<SilenceOrder>,
    inhibitions: Vec<InhibitionOrder>,
}

#[derive(Debug)]
struct SilenceOrder {
    id: DirectiveId,
    starts_at: Timestamp,
    ends_at: Timestamp,
    conditions: Conjunction,
}

#[derive(Debug)]
struct InhibitionOrder {
    source: Conjunction,
    target: Conjunction,
    equal: Vec<Field>,
}

/// What came out last.
#[derive(Debug)]
struct Last {
    list: Arc<AlertList>,
    /// From when until when it holds.
    since: Timestamp,
    until: Timestamp,
    marks: Vec<Option<Arc<Mark>>>,
    suppressed: Arc<Suppressed>,
}

/// What an alert fits, by place among the orders; most alerts fit nothing and have none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mark {
    silences: Vec<usize>,
    sources: Vec<usize>,
    targets: Vec<usize>,
}

impl Suppressed {
    /// Why the alert at a place is held back.
    pub(super) fn at(&self, index: usize) -> Option<&Held> {
        // Asked for every alert of every page.
        if self.held.is_empty() { None } else { self.held.get(&index) }
    }

    /// Whether nothing is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

/// What is held back of `list` now.
pub(super) async fn of(
    kept: &Arc<AsyncMutex<Suppression>>,
    api: &Api,
    project: ProjectId,
    list: &Arc<AlertList>,
) -> Result<Arc<Suppressed>, Problem> {
    let mut kept = Arc::clone(kept).lock_owned().await;
    kept.read_directives(api, project, list.directives).await?;
    let now = api.ports().clock.now();
    if let Some(suppressed) = kept.known(list, now) {
        return Ok(suppressed);
    }
    let list = Arc::clone(list);
    blocking(move || update(kept, &list, now)).await
}

fn update(
    mut kept: OwnedMutexGuard<Suppression>,
    list: &Arc<AlertList>,
    now: Timestamp,
) -> Arc<Suppressed> {
    kept.update(list, now)
}

impl Suppression {
    /// Compiles the directives of a project anew.
    pub(super) fn obey(&mut self, number: u64, silences: &[Directive], inhibitions: &[Directive]) {
        let orders = Orders {
            silences: silences.iter().filter_map(silence).collect(),
            inhibitions: inhibitions.iter().filter_map(inhibition).collect(),
        };
        *self = Self { directives: Some(number), orders, last: None };
    }

    /// What is held back, where that is known without looking at the alerts.
    fn known(&self, list: &Arc<AlertList>, now: Timestamp) -> Option<Arc<Suppressed>> {
        if self.orders.silences.is_empty() && self.orders.inhibitions.is_empty() {
            return Some(Arc::default());
        }
        let last = self.last.as_ref()?;
        let is_in_time = last.since <= now && now < last.until;
        let is_same = is_in_time && last.list.alerts.differs_by_renewals(&list.alerts);
        is_same.then(|| Arc::clone(&last.suppressed))
    }

    /// What is held back; what fits what is taken over for alerts that were there before.
    pub(super) fn update(&mut self, list: &Arc<AlertList>, now: Timestamp) -> Arc<Suppressed> {
        if let Some(suppressed) = self.known(list, now) {
            return suppressed;
        }
        let marks = self.marks(list);
        let suppressed = Arc::new(self.orders.hold_back(list, &marks, now));
        let (since, until) = (now, self.orders.next_change(now));
        let list = Arc::clone(list);
        self.last = Some(Last { list, since, until, marks, suppressed: Arc::clone(&suppressed) });
        suppressed
    }

    async fn read_directives(
        &mut self,
        api: &Api,
        project: ProjectId,
        number: u64,
    ) -> Result<(), Problem> {
        // A later one than that of the list was read for a list that was taken later: it is no worse.
        if self.directives.is_some_and(|read| read >= number) {
            return Ok(());
        }
        let silences = directives::all(api, project, DirectiveKind::Silence, None).await?;
        let inhibitions = directives::all(api, project, DirectiveKind::Inhibition, None).await?;
        self.obey(number, &silences, &inhibitions);
        Ok(())
    }

    fn marks(&self, list: &AlertList) -> Vec<Option<Arc<Mark>>> {
        let old =
            self.last.iter().flat_map(|last| last.list.alerts.bodies().iter().zip(&last.marks));
        let mut old = old.peekable();
        let place = |body: &AlertBody| (body.fingerprint, body.identity);
        let bodies = list.alerts.bodies().iter();
        let marks = bodies.map(|body| {
            while old.next_if(|(old, _)| place(old) < place(body)).is_some() {}
            match old.peek() {
                Some((old, mark)) if Arc::ptr_eq(old, body) => (*mark).clone(),
                Some(_) | None => self.orders.mark(body),
            }
        });
        marks.collect()
    }
}

impl Orders {
    fn mark(&self, body: &AlertBody) -> Option<Arc<Mark>> {
        let facts = Facts::of_signal(&body.signal);
        let mut mark = Mark::default();
        let silences = self.silences.iter().enumerate();
        mark.silences.extend(fitting(silences, |it| it.conditions.holds(&facts)));
        let inhibitions = || self.inhibitions.iter().enumerate();
        mark.sources.extend(fitting(inhibitions(), |it| it.source.holds(&facts)));
        mark.targets.extend(fitting(inhibitions(), |it| it.target.holds(&facts)));
        (mark != Mark::default()).then(|| Arc::new(mark))
    }

    /// When the next silence begins or ends.
    fn next_change(&self, now: Timestamp) -> Timestamp {
        let moments = self.silences.iter().flat_map(|it| [it.starts_at, it.ends_at]);
        moments.filter(|at| *at > now).min().unwrap_or(Timestamp::from_micros(i64::MAX))
    }

    fn hold_back(
        &self,
        list: &AlertList,
        marks: &[Option<Arc<Mark>>],
        now: Timestamp,
    ) -> Suppressed {
        let in_force: HashSet<usize> =
            fitting(self.silences.iter().enumerate(), |it| it.starts_at <= now && now < it.ends_at)
                .collect();
        let bodies = list.alerts.bodies();
        let sources = self.sources(bodies, marks);
        let mut held = HashMap::new();
        for (index, (body, mark)) in bodies.iter().zip(marks).enumerate() {
            let Some(mark) = mark else { continue };
            let silences = mark.silences.iter().filter(|place| in_force.contains(place));
            let silenced_by: Vec<DirectiveId> =
                silences.map(|&place| self.silences[place].id).collect();
            let inhibited_by = self.inhibitors(body, mark, &sources);
            if !silenced_by.is_empty() || !inhibited_by.is_empty() {
                let rendered = fragment::of_held(body, &silenced_by, &inhibited_by);
                held.insert(index, Held { silenced_by, inhibited_by, rendered });
            }
        }
        Suppressed { held }
    }

    /// Alerts that inhibit, by inhibition and by what must be the same.
    fn sources(&self, bodies: &[Arc<AlertBody>], marks: &[Option<Arc<Mark>>]) -> Sources {
        let mut sources = Sources::new();
        for (body, mark) in bodies.iter().zip(marks) {
            let Some(mark) = mark else { continue };
            for &place in &mark.sources {
                let found = sources.entry((place, self.shared(place, body))).or_default();
                found.any.get_or_insert(body.fingerprint);
                if !mark.targets.contains(&place) {
                    found.one_sided.get_or_insert(body.fingerprint);
                }
            }
        }
        sources
    }

    /// What must be the same on both for an inhibition.
    fn shared(&self, place: usize, body: &AlertBody) -> Vec<String> {
        let facts = Facts::of_signal(&body.signal);
        let equal = self.inhibitions[place].equal.iter();
        equal.map(|field| facts.text(field).into_owned()).collect()
    }

    fn inhibitors(&self, body: &AlertBody, mark: &Mark, sources: &Sources) -> Vec<u64> {
        let mut inhibitors = Vec::new();
        for &place in &mark.targets {
            let Some(found) = sources.get(&(place, self.shared(place, body))) else { continue };
            // Two alerts that both fit both sides do not inhibit each other, and none inhibits itself.
            let is_two_sided = mark.sources.contains(&place);
            inhibitors.extend(if is_two_sided { found.one_sided } else { found.any });
        }
        inhibitors.sort_unstable();
        inhibitors.dedup();
        inhibitors
    }
}

type Sources = HashMap<(usize, Vec<String>), Inhibitors>;

/// The first alerts that fit the source of an inhibition.
#[derive(Debug, Default)]
struct Inhibitors {
    any: Option<u64>,
    /// One that does not fit the target too.
    one_sided: Option<u64>,
}

fn fitting<'a, T: 'a>(
    orders: impl Iterator<Item = (usize, &'a T)>,
    fits: impl Fn(&T) -> bool,
) -> impl Iterator<Item = usize> {
    orders.filter(move |(_, order)| fits(order)).map(|(place, _)| place)
}

fn silence(directive: &Directive) -> Option<SilenceOrder> {
    let DirectiveBody::Silence(Silence { conditions, starts_at, ends_at, .. }) = &directive.body
    else {
        return None;
    };
    let conditions = compile(directive.id, conditions)?;
    let (starts_at, ends_at) = (*starts_at, *ends_at);
    Some(SilenceOrder { id: directive.id, starts_at, ends_at, conditions })
}

fn inhibition(directive: &Directive) -> Option<InhibitionOrder> {
    let DirectiveBody::Inhibition(Inhibition { source, target, equal, enabled: true }) =
        &directive.body
    else {
        return None;
    };
    let source = compile(directive.id, source)?;
    let target = compile(directive.id, target)?;
    Some(InhibitionOrder { source, target, equal: equal.clone() })
}

/// What cannot be compiled was refused when it was made, and suppresses nothing.
fn compile(id: DirectiveId, conditions: &[model::Condition]) -> Option<Conjunction> {
    let compiled = Conjunction::compile(conditions, Binding::Whole);
    compiled.map_err(|errors| tracing::error!(%id, ?errors, "a directive does not compile")).ok()
}
