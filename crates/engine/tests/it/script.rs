//! The language of timelines: one line of text to one instruction.
//!
//! `at 5s [in PROJECT] WHAT …` with options as `name=value`, quoted where they hold blanks. A person
//! is a name, an agent one that begins with `@`. Incidents go by number.

use std::borrow::Cow;

use model::id::KeyHasher;
use model::{
    Actor, ActorKind, AlertLease, Command, CommandId, ComponentType, Duration, Entry,
    GroupingPolicy, KeyField, Kind, Matcher, Mode, OpenWhen, Operation, PolicyId, ProjectId, Rca,
    Seq, Severity, Signal, SignalId, SignalStatus, Status, Timestamp,
};

use crate::directives;
use crate::timeline::{Run, START, command, span};

/// What a line asks for.
pub(crate) enum Instruction {
    /// Entries at a time.
    At(Timestamp, Vec<Entry<'static>>),
    /// Ticks until a time.
    Until(Timestamp),
    /// Prints an incident.
    Show(ProjectId, u64),
    /// Prints the next deadline.
    Next,
}

/// The words of a line: those with a position, and options by name.
pub(crate) struct Words {
    line: String,
    placed: Vec<String>,
    options: Vec<(String, String)>,
}

impl Words {
    pub(crate) fn of(line: &str) -> Self {
        let (mut placed, mut options) = (Vec::new(), Vec::new());
        for word in split(line) {
            match word.split_once('=') {
                Some((name, value)) => options.push((name.to_owned(), value.to_owned())),
                None => placed.push(word),
            }
        }
        Self { line: line.to_owned(), placed, options }
    }

    pub(crate) fn at(&self, index: usize) -> &str {
        self.placed.get(index).unwrap_or_else(|| panic!("too few words: {}", self.line))
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.placed.iter().any(|placed| placed == word)
    }

    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn starting(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.options
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.option(name).map(|text| START + span(text))
    }
}

/// Reads a line.
pub(crate) fn read(run: &Run, words: &Words) -> Instruction {
    match words.at(0) {
        "until" => Instruction::Until(START + span(words.at(1))),
        "show" => {
            let (project, number) = words.at(1).split_once('/').unwrap_or(("1", words.at(1)));
            Instruction::Show(ProjectId(number_of(project)), number_of(number))
        }
        "next" => Instruction::Next,
        "at" => {
            let at = START + span(words.at(1));
            let within = words.at(2) == "in";
            let project = ProjectId(if within { number_of(words.at(3)) } else { 1 });
            let first = if within { 4 } else { 2 };
            Instruction::At(at, entries(run, words, project, first))
        }
        other => panic!("unknown instruction {other}: {}", words.line),
    }
}

fn entries(run: &Run, words: &Words, project: ProjectId, first: usize) -> Vec<Entry<'static>> {
    match words.at(first) {
        "signal" => {
            let times = words.option("times").map_or(1, number_of);
            let nth = |offset: u64| {
                let seq = Seq(run.next_seq().0 + offset);
                Entry::Signal { project, signal: signal(run, words, project, first + 1, seq) }
            };
            (0..times).map(nth).collect()
        }
        "alert" => {
            let signal = signal(run, words, project, first + 1, run.next_seq());
            let lease = AlertLease {
                fingerprint: words.option("fp").map_or(1, number_of),
                starts_at: words.time("starts").unwrap_or(START),
                ends_at: words.time("ends").unwrap_or_else(|| run.now() + span("5m")),
            };
            vec![Entry::Alert { project, lease, signal }]
        }
        "tick" => vec![Entry::Tick],
        _ => vec![asked(run, words, project, first)],
    }
}

fn signal(run: &Run, words: &Words, project: ProjectId, first: usize, seq: Seq) -> Signal<'static> {
    let given = words.option("id").map(|name| SignalId(hash(name)));
    let text = |name: &str| Cow::Owned(words.option(name).unwrap_or_default().to_owned());
    let mut labels: Vec<_> = words
        .starting("labels.")
        .map(|(name, value)| (Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())))
        .collect();
    labels.sort();
    Signal {
        id_given: given.is_some(),
        severity: Severity::parse(words.at(first + 2)).expect("a severity"),
        status: if words.has("resolved") { SignalStatus::Resolved } else { SignalStatus::Firing },
        kind: words.option("kind").map_or(Kind::Failure, |kind| Kind::parse(kind).expect("a kind")),
        component_type: words.option("type").map_or(ComponentType::Other, |word| {
            ComponentType::parse(word).expect("a component type")
        }),
        labels,
        source: text("source"),
        summary: text("summary"),
        error_code: text("code"),
        trace_id: text("trace"),
        incident_id: words.option("incident").map(|number| run.incident(project, number)),
        ..Signal::new(
            given.unwrap_or(SignalId(u128::from(seq.0))),
            words.at(first).to_owned(),
            words.at(first + 1).to_owned(),
        )
    }
}

fn asked(run: &Run, words: &Words, project: ProjectId, first: usize) -> Entry<'static> {
    let (what, who) = (words.at(first), words.at(first + 1));
    let agent = who.strip_prefix('@');
    command(Command {
        id: CommandId(1),
        project,
        actor: Actor {
            kind: if agent.is_some() { ActorKind::Agent } else { ActorKind::Person },
            name: agent.unwrap_or(who).to_owned(),
        },
        idempotency: words.option("key").map(|key| {
            let (_, request) = words.line.split_once(' ').expect("a time stands first");
            let (_, request) = request.trim_start().split_once(' ').expect("a request follows");
            (hash(key), hash(request) as u64)
        }),
        operation: match what {
            "policy" => put_policy(words, project, words.at(first + 2)),
            "unpolicy" => Operation::DeletePolicy {
                id: PolicyId(hash(words.at(first + 2))),
                expected_version: words.option("version").map(number_of),
            },
            "rule" | "default_route" | "silence" | "inhibition" | "escalation" => {
                directives::put(words, project, first)
            }
            "drop" => directives::delete(words, first),
            _ => on_incident(run, words, project, first),
        },
    })
}

fn on_incident(run: &Run, words: &Words, project: ProjectId, first: usize) -> Operation {
    let incident = run.incident(project, words.at(first + 2));
    let rest = || words.placed.get(first + 3).cloned().unwrap_or_default();
    let set = |to| Operation::SetState { incident, to, reason: rest() };
    match words.at(first) {
        "ack" => set(Status::Investigating),
        "resolve" => set(Status::Resolved),
        "reopen" => set(Status::Open),
        "close" => set(Status::Closed),
        "rca" => Operation::SubmitRca { incident, rca: Box::new(analysis(words)) },
        "assign" => {
            let to = words.at(first + 3);
            Operation::Assign { incident, assignee: (to != "-").then(|| to.to_owned()) }
        }
        "comment" => Operation::Comment { incident, text: rest() },
        "link" => Operation::AddLink { incident, title: rest(), url: "https://e.org".into() },
        "severity" => {
            Operation::SetSeverity { incident, severity: Severity::parse(words.at(first + 3)) }
        }
        "merge" => Operation::Merge {
            into: incident,
            children: words.placed[first + 3..]
                .iter()
                .map(|child| run.incident(project, child))
                .collect(),
        },
        "split" => Operation::Split {
            incident,
            signals: words.placed[first + 3..].iter().map(|seq| Seq(number_of(seq))).collect(),
            title: words.option("title").unwrap_or_default().to_owned(),
        },
        other => panic!("unknown operation {other}: {}", words.line),
    }
}

fn analysis(words: &Words) -> Rca {
    let text = |name: &str, otherwise: &str| words.option(name).unwrap_or(otherwise).to_owned();
    Rca {
        root_cause_category: text("category", "CODE_DEFECT"),
        fix_applied: text("fix", "Rolled back the release of noon."),
        prevention_steps: text("prevention", "A canary before each release."),
        incident_start: words.time("start"),
        incident_end: words.time("end"),
        ..Rca::default()
    }
}

fn put_policy(words: &Words, project: ProjectId, name: &str) -> Operation {
    let length = |name: &str, otherwise: Duration| words.option(name).map_or(otherwise, span);
    let built_in = GroupingPolicy::built_in(project);
    let fields = |text: &str| {
        let named = text.split(',').filter(|name| !name.is_empty());
        named.map(|name| KeyField::parse(name).expect("a field")).collect()
    };
    let values = |text: &str| text.split(',').map(str::to_owned).collect();
    let conditions = words
        .starting("match.")
        .map(|(field, text)| (KeyField::parse(field).expect("a field"), values(text)));
    let policy = GroupingPolicy {
        id: PolicyId(hash(name)),
        name: name.to_owned(),
        matcher: Matcher(conditions.collect()),
        key: words.option("by").map_or(built_in.key, fields),
        mode: if words.has("window") { Mode::Window } else { Mode::Ongoing },
        window: length("window", built_in.window),
        cap: words.option("cap").map_or(built_in.cap, number_of),
        quiet: length("quiet", built_in.quiet),
        reopen_within: length("reopen_within", built_in.reopen_within),
        open_when: words.option("open_when").map_or(OpenWhen::AT_ONCE, open_when),
        auto_lifecycle: words.has("auto_lifecycle"),
        resolve_with_alerts: !words.has("stays_with_alerts"),
        position: words.option("position").map_or(0, number_of),
        ..GroupingPolicy::built_in(project)
    };
    let expected_version = words.option("version").map(number_of);
    Operation::PutPolicy { policy: Box::new(policy), expected_version }
}

fn open_when(text: &str) -> OpenWhen {
    let (count, within) = text.split_once('/').expect("count/within");
    OpenWhen { count: number_of(count), within: span(within) }
}

pub(crate) fn number_of<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn hash(text: &str) -> u128 {
    KeyHasher::default().part(text.as_bytes()).finish()
}

/// Splits at blanks outside quotes, and drops the quotes.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, any) = (!quoted, true),
            ' ' if !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}
