//! The fields of an incident and of a policy, two of them side by side.

use std::fmt::Debug;

use model::{GroupingPolicy, Incident, Timestamp};

/// A field by name, as the one and the other have it.
pub(super) type Pair = (&'static str, String, String);

/// The fields in which two incidents differ.
pub(super) fn of_incidents(one: &Incident, other: &Incident) -> Vec<Pair> {
    different(texts(one), texts(other))
}

/// The fields in which two policies differ.
pub(super) fn of_policies(one: &GroupingPolicy, other: &GroupingPolicy) -> Vec<Pair> {
    different(policy_texts(one), policy_texts(other))
}

fn different(one: Vec<(&'static str, String)>, other: Vec<(&'static str, String)>) -> Vec<Pair> {
    let pairs = one.into_iter().zip(other).map(|((name, one), (_, other))| (name, one, other));
    pairs.filter(|(_, one, other)| one != other).collect()
}

/// Taken apart by name, so that a new field cannot be forgotten here.
fn texts(incident: &Incident) -> Vec<(&'static str, String)> {
    let Incident {
        id,
        project,
        number,
        title,
        status,
        severity,
        severity_pinned,
        component,
        component_type,
        environment,
        policy,
        key,
        grouping_key,
        signal_count,
        first_signal_at,
        last_signal_at,
        opened_at,
        assignee,
        acknowledged_at,
        resolved_at,
        closed_at,
        mtta_seconds,
        mttr_seconds,
        merged_into,
        split_from,
        links,
        changed_seq,
    } = incident;
    vec![
        ("id", id.to_string()),
        ("project", project.to_string()),
        ("number", number.to_string()),
        ("title", quoted(title)),
        ("status", status.as_str().to_owned()),
        ("severity", severity.as_str().to_owned()),
        ("severity_pinned", severity_pinned.to_string()),
        ("component", quoted(component)),
        ("component_type", component_type.as_str().to_owned()),
        ("environment", quoted(environment)),
        ("policy", policy.to_string()),
        ("key", format!("{:032x}", key.0)),
        ("grouping_key", quoted(grouping_key)),
        ("signal_count", signal_count.to_string()),
        ("first_signal_at", time(*first_signal_at)),
        ("last_signal_at", time(*last_signal_at)),
        ("opened_at", time(*opened_at)),
        ("assignee", quoted(assignee)),
        ("acknowledged_at", maybe_time(*acknowledged_at)),
        ("resolved_at", maybe_time(*resolved_at)),
        ("closed_at", maybe_time(*closed_at)),
        ("mtta_seconds", quoted(mtta_seconds)),
        ("mttr_seconds", quoted(mttr_seconds)),
        ("merged_into", merged_into.map_or_else(|| "none".to_owned(), |id| id.to_string())),
        ("split_from", split_from.map_or_else(|| "none".to_owned(), |id| id.to_string())),
        ("links", quoted(links)),
        ("changed_seq", changed_seq.to_string()),
    ]
}

fn policy_texts(policy: &GroupingPolicy) -> Vec<(&'static str, String)> {
    let GroupingPolicy {
        id,
        project,
        name,
        matcher,
        key,
        mode,
        window,
        cap,
        quiet,
        reopen_within,
        open_when,
        auto_lifecycle,
        resolve_with_alerts,
        position,
        version,
    } = policy;
    vec![
        ("id", id.to_string()),
        ("project", project.to_string()),
        ("name", quoted(name)),
        ("matcher", quoted(&matcher.0)),
        ("key", quoted(key)),
        ("mode", quoted(mode)),
        ("window", window.to_string()),
        ("cap", cap.to_string()),
        ("quiet", quiet.to_string()),
        ("reopen_within", reopen_within.to_string()),
        ("open_when", format!("{} within {}", open_when.count, open_when.within)),
        ("auto_lifecycle", auto_lifecycle.to_string()),
        ("resolve_with_alerts", resolve_with_alerts.to_string()),
        ("position", position.to_string()),
        ("version", version.to_string()),
    ]
}

fn quoted(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn time(at: Timestamp) -> String {
    format!("{} µs", at.micros())
}

fn maybe_time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "none".to_owned(), time)
}
