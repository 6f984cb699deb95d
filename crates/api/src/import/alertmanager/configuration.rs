//! The configuration as Alertmanager reads it: its parts, and what it would refuse.
//!
//! Refuses to know what becomes of them.

use std::collections::BTreeSet;

use super::super::yaml::{Content, Node};
use super::report::Report;
use crate::alertmanager::{Matcher, MatcherDocument};

/// Routes of one configuration.
const ROUTES: usize = 5_000;
/// Receivers of one configuration.
const RECEIVERS: usize = 2_000;

/// A configuration.
#[derive(Debug)]
pub(super) struct Configuration<'n> {
    pub(super) globals: Option<&'n Node>,
    pub(super) route: Route,
    pub(super) receivers: Vec<Receiver<'n>>,
    pub(super) inhibitions: Vec<InhibitRule>,
    /// What stands under `time_intervals` and `mute_time_intervals`.
    pub(super) intervals: Vec<(&'static str, &'n Node)>,
    /// The names of the intervals.
    pub(super) interval_names: BTreeSet<String>,
}

/// A node of the routing tree.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Where it stands: `route.routes[0]`.
    pub(super) path: String,
    pub(super) line: usize,
    /// Its own, or the next above.
    pub(super) receiver: String,
    pub(super) matchers: Vec<Matcher>,
    /// Whether later siblings are tried too.
    pub(super) proceeds: bool,
    pub(super) routes: Vec<Self>,
    pub(super) mute: Vec<String>,
    pub(super) active: Vec<String>,
    /// Where it says `group_by`: its labels.
    pub(super) group_by: Option<Vec<String>>,
    /// `group_wait`, `group_interval`, `repeat_interval` as far as it says them.
    pub(super) pace: Vec<(&'static str, String)>,
}

/// A receiver and its integrations by kind.
#[derive(Debug)]
pub(super) struct Receiver<'n> {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) line: usize,
    /// `slack_configs`, its path, and one of its items.
    pub(super) integrations: Vec<(String, String, &'n Node)>,
}

/// An inhibition.
#[derive(Debug)]
pub(super) struct InhibitRule {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) source: Vec<Matcher>,
    pub(super) target: Vec<Matcher>,
    pub(super) equal: Vec<String>,
}

impl<'n> Configuration<'n> {
    /// Reads a document; keys that nobody knows are reported.
    pub(super) fn read(root: &'n Node) -> Result<(Self, Report), String> {
        let mut report = Report::default();
        let entries = map(root, "the configuration")?;
        let mut reading = Reading { routes: 0, report: &mut report };
        let mut names = BTreeSet::new();
        let mut intervals = Vec::new();
        for key in ["time_intervals", "mute_time_intervals"] {
            let Some(node) = root.get(key) else { continue };
            for (index, item) in list(Some(node), key)?.iter().enumerate() {
                let name = text(item.get("name"), &format!("{key}[{index}].name"))?;
                if name.is_empty() || !names.insert(name.clone()) {
                    return Err(at(
                        item,
                        key,
                        &format!("the name `{name}` is empty or there twice"),
                    ));
                }
            }
            intervals.push((key, node));
        }
        let receivers = reading.receivers(root)?;
        let route = root.get("route").ok_or("no routes provided")?;
        let route = reading.root_route(route)?;
        let inhibitions = reading.inhibitions(root)?;
        for (key, node) in entries {
            reading.top_level(key, node);
        }
        let globals = root.get("global");
        let configuration =
            Self { globals, route, receivers, inhibitions, intervals, interval_names: names };
        configuration.check(&configuration.route)?;
        Ok((configuration, report))
    }

    /// Refuses names that lead nowhere.
    fn check(&self, route: &Route) -> Result<(), String> {
        let line = route.line;
        if !self.receivers.iter().any(|receiver| receiver.name == route.receiver) {
            return Err(format!(
                "line {line}: undefined receiver `{}` used in route",
                route.receiver
            ));
        }
        let names = route.mute.iter().chain(&route.active);
        for name in names {
            if !self.interval_names.contains(name) {
                return Err(format!("line {line}: undefined time interval `{name}` used in route"));
            }
        }
        route.routes.iter().try_for_each(|child| self.check(child))
    }
}

struct Reading<'r> {
    routes: usize,
    report: &'r mut Report,
}

impl Reading<'_> {
    fn top_level(&mut self, key: &str, node: &Node) {
        match key {
            "global"
            | "route"
            | "receivers"
            | "inhibit_rules"
            | "time_intervals"
            | "mute_time_intervals" => {}
            "templates" => {
                let why = "messages are made by the templates of the endpoints, which are written in another language";
                self.report.unsupported(key, node.line, why);
            }
            _ => self.unknown(key.to_owned(), node.line),
        }
    }

    fn unknown(&mut self, path: String, line: usize) {
        self.report.unsupported(path, line, "it is not known");
    }

    fn receivers<'n>(&mut self, root: &'n Node) -> Result<Vec<Receiver<'n>>, String> {
        let mut receivers: Vec<Receiver<'n>> = Vec::new();
        for (index, node) in list(root.get("receivers"), "receivers")?.iter().enumerate() {
            let path = format!("receivers[{index}]");
            let name = text(node.get("name"), &format!("{path}.name"))?;
            if name.is_empty() {
                return Err(at(node, &path, "missing name in receiver"));
            }
            if receivers.iter().any(|receiver| receiver.name == name) {
                return Err(at(node, &path, &format!("the receiver name `{name}` is not unique")));
            }
            if receivers.len() == RECEIVERS {
                return Err(format!("there are more than {RECEIVERS} receivers"));
            }
            let mut integrations = Vec::new();
            for (key, value) in map(node, &path)? {
                let path = format!("{path}.{key}");
                if !key.ends_with("_configs") {
                    if key != "name" {
                        self.unknown(path, value.line);
                    }
                    continue;
                }
                for (index, item) in list(Some(value), &path)?.iter().enumerate() {
                    integrations.push((key.clone(), format!("{path}[{index}]"), item));
                }
            }
            receivers.push(Receiver { name, path, line: node.line, integrations });
        }
        Ok(receivers)
    }

    fn root_route(&mut self, node: &Node) -> Result<Route, String> {
        let receiver = text(node.get("receiver"), "route.receiver")?;
        if receiver.is_empty() {
            return Err(at(node, "route", "root route must specify a default receiver"));
        }
        let root = self.route("route".to_owned(), node, &receiver)?;
        if !root.matchers.is_empty() {
            return Err(at(node, "route", "root route must not have any matchers"));
        }
        if root.proceeds {
            return Err(at(node, "route", "cannot have continue in root route"));
        }
        if !root.mute.is_empty() || !root.active.is_empty() {
            return Err(at(node, "route", "root route must not have any time intervals"));
        }
        Ok(root)
    }

    fn route(&mut self, path: String, node: &Node, above: &str) -> Result<Route, String> {
        self.routes += 1;
        if self.routes > ROUTES {
            return Err(format!("there are more than {ROUTES} routes"));
        }
        let own = text(node.get("receiver"), &format!("{path}.receiver"))?;
        let receiver = if own.is_empty() { above.to_owned() } else { own };
        let matchers = matchers(node, &path, ["match", "match_re", "matchers"])?;
        let mut route = Route {
            line: node.line,
            receiver,
            matchers,
            proceeds: false,
            routes: Vec::new(),
            mute: Vec::new(),
            active: Vec::new(),
            group_by: None,
            pace: Vec::new(),
            path,
        };
        for (key, value) in map(node, &route.path)? {
            let place = format!("{}.{key}", route.path);
            match key.as_str() {
                "receiver" | "match" | "match_re" | "matchers" => {}
                "continue" => route.proceeds = flag(value, &place)?,
                "routes" => {
                    for (index, child) in list(Some(value), &place)?.iter().enumerate() {
                        let path = format!("{place}[{index}]");
                        let child = self.route(path, child, &route.receiver)?;
                        route.routes.push(child);
                    }
                }
                "mute_time_intervals" => route.mute = texts(value, &place)?,
                "active_time_intervals" => route.active = texts(value, &place)?,
                "group_by" => route.group_by = Some(texts(value, &place)?),
                "group_wait" => route.pace.push(("group_wait", text(Some(value), &place)?)),
                "group_interval" => route.pace.push(("group_interval", text(Some(value), &place)?)),
                "repeat_interval" => {
                    route.pace.push(("repeat_interval", text(Some(value), &place)?));
                }
                _ => self.unknown(place, value.line),
            }
        }
        Ok(route)
    }

    fn inhibitions(&mut self, root: &Node) -> Result<Vec<InhibitRule>, String> {
        let mut rules = Vec::new();
        for (index, node) in list(root.get("inhibit_rules"), "inhibit_rules")?.iter().enumerate() {
            let path = format!("inhibit_rules[{index}]");
            let sources = ["source_match", "source_match_re", "source_matchers"];
            let targets = ["target_match", "target_match_re", "target_matchers"];
            let equal = node.get("equal").map_or(Ok(Vec::new()), |it| texts(it, &path))?;
            for (key, value) in map(node, &path)? {
                let known = sources.iter().chain(&targets).chain(&["equal", "name"]);
                if !known.into_iter().any(|known| known == key) {
                    self.unknown(format!("{path}.{key}"), value.line);
                }
            }
            let (source, target) =
                (matchers(node, &path, sources)?, matchers(node, &path, targets)?);
            rules.push(InhibitRule { path, line: node.line, source, target, equal });
        }
        Ok(rules)
    }
}

/// The matchers of a route or a side, in every spelling: the keys of equal texts, of patterns, of matchers.
fn matchers(
    node: &Node,
    path: &str,
    [equal, pattern, written]: [&str; 3],
) -> Result<Vec<Matcher>, String> {
    let mut matchers = Vec::new();
    for (key, is_regex) in [(equal, false), (pattern, true)] {
        let Some(labels) = node.get(key) else { continue };
        for (name, value) in map(labels, path)? {
            let (name, value) = (name.clone(), text(Some(value), path)?);
            let said = MatcherDocument { name, value, is_regex, is_equal: true };
            matchers.push(Matcher::new(said).map_err(|why| at(labels, path, &why))?);
        }
    }
    for line in list(node.get(written), path)? {
        let text = text(Some(line), path)?;
        for part in parts(&text) {
            matchers.push(Matcher::parse(part).map_err(|why| at(line, path, &why))?);
        }
    }
    Ok(matchers)
}

/// The matchers of one text: `a="b"`, or `{a="b", c=~"d,e"}`.
fn parts(text: &str) -> Vec<&str> {
    let text = text.trim();
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    // A comma may stand at the end.
    parts.retain(|part| !part.trim().is_empty());
    parts
}

pub(super) fn at(node: &Node, path: &str, why: &str) -> String {
    format!("line {}: {path}: {why}", node.line)
}

pub(super) fn map<'n>(node: &'n Node, path: &str) -> Result<&'n [(String, Node)], String> {
    match &node.content {
        Content::Map(entries) => Ok(entries),
        Content::Empty => Ok(&[]),
        Content::Text(_) | Content::List(_) => Err(at(node, path, "it must be a map")),
    }
}

pub(super) fn list<'n>(node: Option<&'n Node>, path: &str) -> Result<&'n [Node], String> {
    match node.map(|node| (node, &node.content)) {
        None | Some((_, Content::Empty)) => Ok(&[]),
        Some((_, Content::List(items))) => Ok(items),
        Some((node, Content::Text(_) | Content::Map(_))) => {
            Err(at(node, path, "it must be a list"))
        }
    }
}

/// A text; empty where there is none.
pub(super) fn text(node: Option<&Node>, path: &str) -> Result<String, String> {
    let Some(node) = node else { return Ok(String::new()) };
    node.text().map(str::to_owned).ok_or_else(|| at(node, path, "it must be a text"))
}

pub(super) fn texts(node: &Node, path: &str) -> Result<Vec<String>, String> {
    list(Some(node), path)?.iter().map(|item| text(Some(item), path)).collect()
}

/// True or false, in the words of YAML 1.1, which Alertmanager reads.
pub(super) fn flag(node: &Node, path: &str) -> Result<bool, String> {
    match node.text().unwrap_or("?").to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "false" | "no" | "off" | "n" | "" => Ok(false),
        _ => Err(at(node, path, "it must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matchers_of_one_text_are_parted_at_commas_outside_quotes() {
        let cases: [(&str, &[&str]); 5] = [
            ("a=b", &["a=b"]),
            ("{a=\"b,c\",d=~\"e\"}", &["a=\"b,c\"", "d=~\"e\""]),
            ("a=\"x\\\",y\", b=c,", &["a=\"x\\\",y\"", " b=c"]),
            ("{}", &[]),
            (" { a = b } ", &[" a = b "]),
        ];
        for (text, expected) in cases {
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
