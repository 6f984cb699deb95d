//! The dashboard and the alert rules ask only for metrics that exist, with labels that exist.
//!
//! `deploy/metrics.txt` is the one list: the server exports it, and what is shipped beside the
//! server is checked against it here. A line is `name{labels} type help…`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Problem;
use crate::repository::File;

const LIST: &str = "deploy/metrics.txt";
const DASHBOARDS: &str = "deploy/grafana/";
const RULES: &str = "deploy/prometheus/";

/// What Prometheus itself adds to every series, and the bound of a histogram's bucket.
const LABELS_OF_ALL: [&str; 3] = ["instance", "job", "le"];

/// Checks the list, the dashboards and the rules.
pub(crate) fn check(files: &[File]) -> Vec<Problem> {
    let text_under = |folder: &'static str| {
        let inside = files.iter().filter(move |file| file.path.starts_with(folder));
        inside.filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    };
    let Some((_, list)) = text_under(LIST).next() else {
        return vec![Problem::new(LIST, "missing: it names every metric the server exports")];
    };
    let (metrics, mut problems) = parse(list);
    for folder in [DASHBOARDS, RULES] {
        if text_under(folder).next().is_none() {
            problems.push(Problem::new(folder, "nothing is shipped here"));
        }
    }
    for (path, text) in text_under(DASHBOARDS) {
        match serde_json::from_str::<Value>(text) {
            Ok(dashboard) => {
                let mut queries = Vec::new();
                collect_queries(&dashboard, &mut queries);
                if queries.is_empty() {
                    problems.push(Problem::new(path, "a dashboard without a query"));
                }
                let found = queries.iter().flat_map(|query| complaints(query, &metrics));
                problems.extend(found.map(|message| Problem::new(path, message)));
            }
            Err(error) => problems.push(Problem::new(path, format!("not JSON: {error}"))),
        }
    }
    for (path, text) in text_under(RULES) {
        for (index, line) in text.lines().enumerate() {
            let found = complaints(line, &metrics);
            problems.extend(found.into_iter().map(|why| Problem::at_line(path, index + 1, why)));
        }
    }
    problems
}

struct Metric {
    is_histogram: bool,
    labels: BTreeSet<String>,
}

type Metrics = BTreeMap<String, Metric>;

fn parse(list: &str) -> (Metrics, Vec<Problem>) {
    let mut metrics = Metrics::new();
    let mut problems = Vec::new();
    for (index, line) in list.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line) {
            Some((name, metric)) => {
                if metrics.insert(name.clone(), metric).is_some() {
                    let message = format!("`{name}` is listed twice");
                    problems.push(Problem::at_line(LIST, index + 1, message));
                }
            }
            None => {
                let wanted = "not `name{labels} counter|gauge|histogram help…`";
                problems.push(Problem::at_line(LIST, index + 1, wanted));
            }
        }
    }
    (metrics, problems)
}

fn parse_line(line: &str) -> Option<(String, Metric)> {
    let mut words = line.split_whitespace();
    let (series, kind, _help) = (words.next()?, words.next()?, words.next()?);
    if !["counter", "gauge", "histogram"].contains(&kind) {
        return None;
    }
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}')?.split(',').collect()),
        None => (series, Vec::new()),
    };
    let valid = is_ours(name) && labels.iter().all(|label| !label.is_empty());
    let labels = labels.into_iter().map(str::to_owned).collect();
    valid.then(|| (name.to_owned(), Metric { is_histogram: kind == "histogram", labels }))
}

fn is_ours(name: &str) -> bool {
    name.starts_with("stormbell_") || name.starts_with("process_")
}

/// Every value of `expr` and of `query`, however deep.
fn collect_queries<'a>(value: &'a Value, queries: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "expr" || key == "query" => queries.push(text),
                    _ => collect_queries(value, queries),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_queries(item, queries)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a query asks for that does not exist.
fn complaints(query: &str, metrics: &Metrics) -> Vec<String> {
    let mut complaints = Vec::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut rest = query;
    while let Some(start) = rest.find(is_name) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        if !is_ours(name) {
            continue;
        }
        match find(name, metrics) {
            None => complaints.push(format!("`{name}` is not in {LIST}")),
            Some(metric) => {
                let unknown = selected_labels(after).into_iter().filter(|label| {
                    !metric.labels.contains(*label) && !LABELS_OF_ALL.contains(label)
                });
                complaints.extend(unknown.map(|label| format!("`{name}` has no label `{label}`")));
            }
        }
    }
    complaints
}

/// A histogram is asked for by its parts.
fn find<'a>(name: &str, metrics: &'a Metrics) -> Option<&'a Metric> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    match base.and_then(|base| metrics.get(base)) {
        Some(metric) if metric.is_histogram => Some(metric),
        Some(_) | None => metrics.get(name).filter(|metric| !metric.is_histogram),
    }
}

/// The labels of the selector `{…}` that `after` begins with, if it does.
fn selected_labels(after: &str) -> Vec<&str> {
    let selector = after.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let Some((selector, _)) = selector else { return Vec::new() };
    let mut labels = Vec::new();
    // Every second part between quotes is a value.
    for outside in selector.split('"').step_by(2) {
        let label = outside.trim_start_matches(',').trim().trim_end_matches(['=', '~', '!']).trim();
        if !label.is_empty() {
            labels.push(label);
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# names\n\
        stormbell_lake_files gauge Files.\n\
        stormbell_transitions_total{to,reason} counter Moves.\n\
        stormbell_sync_seconds histogram How long.\n";

    fn said(list: &str, query: &str) -> Vec<String> {
        let dashboard = serde_json::json!({"panels": [{"targets": [{"expr": query}]}]}).to_string();
        let files = [
            File::new("deploy/metrics.txt", list),
            File::new("deploy/grafana/a.json", &dashboard),
            File::new("deploy/prometheus/alerts.yml", "groups: []\n"),
        ];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn metrics_of_the_list_pass_with_their_labels_and_parts() {
        let queries = [
            "stormbell_lake_files{instance=~\"$instance\"} / 2",
            "sum by (to) (rate(stormbell_transitions_total{to=\"OPEN\", reason!~\"a,b\"}[5m]))",
            "histogram_quantile(0.99, sum by (le) (rate(stormbell_sync_seconds_bucket[5m])))",
        ];
        for query in queries {
            assert_eq!(said(METRICS, query), Vec::<String>::new());
        }
    }

    #[test]
    fn unknown_metrics_and_labels_are_named() {
        let wanted = ["deploy/grafana/a.json: `stormbell_gone` is not in deploy/metrics.txt"];
        assert_eq!(said(METRICS, "stormbell_gone"), wanted);
        let wanted = ["deploy/grafana/a.json: `stormbell_transitions_total` has no label `by`"];
        assert_eq!(said(METRICS, "stormbell_transitions_total{by=\"x\"}"), wanted);
    }

    #[test]
    fn a_histogram_has_parts_and_nothing_else_has() {
        assert_eq!(said(METRICS, "stormbell_sync_seconds").len(), 1);
        assert_eq!(said(METRICS, "stormbell_lake_files_count").len(), 1);
    }

    #[test]
    fn the_list_itself_is_checked() {
        let wanted = ["deploy/metrics.txt:1: not `name{labels} counter|gauge|histogram help…`"];
        assert_eq!(said("stormbell_a gauge\n", "1"), wanted);
        assert_eq!(said("stormbell_a{b gauge Help.\n", "1"), wanted);
        let twice = "stormbell_a gauge Help.\nstormbell_a gauge Help.\n";
        assert_eq!(said(twice, "1"), ["deploy/metrics.txt:2: `stormbell_a` is listed twice"]);
    }

    #[test]
    fn an_empty_shelf_is_a_problem() {
        let problems = check(&[File::new("deploy/metrics.txt", METRICS)]);
        let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["deploy/grafana/", "deploy/prometheus/"]);
    }

    #[test]
    fn rules_are_checked_by_line_and_a_broken_dashboard_is_said() {
        let files = [
            File::new("deploy/metrics.txt", METRICS),
            File::new("deploy/prometheus/alerts.yml", "a:\n  expr: stormbell_gone > 1\n"),
            File::new("deploy/grafana/a.json", "{"),
        ];
        let problems = check(&files);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].to_string().starts_with("deploy/grafana/a.json: not JSON"));
        assert_eq!(problems[1].place, "deploy/prometheus/alerts.yml:2");
    }
}
