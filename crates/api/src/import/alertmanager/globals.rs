//! What stands at the top of a configuration: the defaults, and the inhibitions.

use model::directive::{Condition, Field};
use model::limits;

use super::configuration::{Configuration, InhibitRule};
use super::plan::PlannedInhibition;
use super::report::{Report, Verdict};
use crate::alertmanager::Matcher;

/// Says what became of `global`: most of it is taken into the endpoints that use it.
pub(super) fn map(configuration: &Configuration<'_>, report: &mut Report) {
    let Some(globals) = configuration.globals else { return };
    let super::super::yaml::Content::Map(entries) = &globals.content else { return };
    for (key, node) in entries {
        let element = format!("global.{key}");
        let mut say = |verdict, note: &str| {
            report.add(element.as_str(), node.line, verdict, Vec::new(), note);
        };
        match key.as_str() {
            "resolve_timeout" => say(
                Verdict::Approximated,
                "an alert without an end ends five minutes after it was last sent",
            ),
            "http_config" => say(
                Verdict::NotSupported,
                "proxies and certificates of their own are not taken over; credentials stand at the endpoints",
            ),
            "smtp_hello" | "smtp_require_tls" | "smtp_auth_identity" | "smtp_auth_secret"
            | "smtp_tls_config" => {
                say(Verdict::Approximated, "what the endpoints say of the server decides");
            }
            _ if is_default(key) => {
                say(Verdict::Mapped, "taken into every endpoint that says nothing else");
            }
            _ => say(Verdict::NotSupported, "there is no channel that uses it"),
        }
    }
}

fn is_default(key: &str) -> bool {
    const KNOWN: [&str; 10] = [
        "smtp_smarthost",
        "smtp_from",
        "smtp_auth_username",
        "smtp_auth_password",
        "slack_api_url",
        "pagerduty_url",
        "opsgenie_api_url",
        "opsgenie_api_key",
        "telegram_api_url",
        "telegram_bot_token",
    ];
    KNOWN.contains(&key)
}

/// The inhibitions.
pub(super) fn inhibitions(
    configuration: &Configuration<'_>,
    report: &mut Report,
) -> Vec<PlannedInhibition> {
    let mut planned = Vec::new();
    for rule in &configuration.inhibitions {
        let too_many =
            [&rule.source, &rule.target].into_iter().any(|it| it.len() > limits::CONDITIONS);
        if too_many {
            let why = format!("a side may have {} conditions", limits::CONDITIONS);
            report.unsupported(rule.path.as_str(), rule.line, why);
            continue;
        }
        let inhibition = inhibition(rule);
        let into = vec![format!("inhibition {}", inhibition.name)];
        report.add(rule.path.as_str(), rule.line, Verdict::Mapped, into, "");
        planned.push(inhibition);
    }
    planned
}

fn inhibition(rule: &InhibitRule) -> PlannedInhibition {
    let conditions = |matchers: &[Matcher]| -> Vec<Condition> {
        matchers.iter().map(|matcher| matcher.said().condition()).collect()
    };
    PlannedInhibition {
        name: format!("alertmanager {}", rule.path),
        source: conditions(&rule.source),
        target: conditions(&rule.target),
        equal: rule.equal.iter().cloned().map(Field::Label).collect(),
    }
}
