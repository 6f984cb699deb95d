//! A world to test in: two projects with keys, rows, signals, and a scripted road.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use api::{
    Api, Build, Channels, Clock, Health, HealthSource, KeysChanged, MetricsSource, PartHealth,
    PartStatus, Patience, Ports, Road, RoadError,
};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use lake::{Lake, MemoryLake, Row};
use model::effect::AuditAction;
use model::{
    Actor, ActorKind, Alert, AlertLease, AuditRow, Command, ComponentType, Directive,
    DirectiveBody, Effect, Effects, GroupingKey, GroupingPolicy, IdentityKey, Incident, IncidentId,
    KeyId, Operation, Outcome, PolicyId, ProjectId, Reason, Refusal, Scope, Scopes, Seq, Severity,
    Signal, SignalId, Status, Timestamp,
};
use serde_json::{Value, json};
use store::{
    ActiveAlerts, Admin, Commit, Directory, KeyRow, Keys, MemoryStore, PartitionId, Store,
};
use tower::ServiceExt;

use crate::channels::ScriptedChannels;

/// The project of the first start.
pub(crate) const ONE: ProjectId = ProjectId(1);
/// Another one.
pub(crate) const TWO: ProjectId = ProjectId(2);
/// A key of project 1 that may do everything.
pub(crate) const MANAGER: &str = "manager-of-one";
/// A key of project 1 that may read and act as an agent.
pub(crate) const AGENT: &str = "agent-of-one";
/// A key of project 1 that may read.
pub(crate) const READER: &str = "reader-of-one";
/// A key of project 1 that may send signals only.
pub(crate) const SENDER: &str = "sender-of-one";
/// A key of project 2 that may do everything there.
pub(crate) const STRANGER: &str = "manager-of-two";

/// What the road does with the next command.
pub(crate) struct Scripted {
    /// What is in the store when it answers.
    pub(crate) effects: Vec<Effect>,
    /// What it answers.
    pub(crate) outcome: Result<Outcome, RoadError>,
}

/// Everything the API is wired to.
pub(crate) struct World {
    pub(crate) lake: Arc<MemoryLake>,
    pub(crate) alerts: Arc<ActiveAlerts>,
    pub(crate) road: Arc<ScriptedRoad>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) health: Arc<ScriptedHealth>,
    pub(crate) channels: Arc<ScriptedChannels>,
    pub(crate) ports: Ports,
    pub(crate) router: Router,
    pub(crate) api: Api,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The problem with this code and its own status, whole.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let json = self.json();
        assert_eq!((self.status.as_u16(), json["code"].as_str()), (status, Some(code)), "{json}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(json["status"], status);
        assert_eq!(json["type"], format!("/docs/errors/{code}"));
        assert_eq!(json["instance"].as_str(), self.header("x-request-id"));
        assert!(
            !json["title"].as_str().unwrap().is_empty()
                && !json["detail"].as_str().unwrap().is_empty()
        );
        json
    }

    /// `field code` of every bad field, sorted.
    pub(crate) fn fields(&self) -> Vec<String> {
        let json = self.json();
        let fields = json["fields"].as_array().unwrap_or_else(|| panic!("no fields: {json}"));
        let mut words: Vec<String> = fields
            .iter()
            .map(|field| {
                format!("{} {}", field["field"].as_str().unwrap(), field["code"].as_str().unwrap())
            })
            .collect();
        words.sort();
        words
    }
}

impl World {
    /// Two projects, five keys, nothing else.
    pub(crate) async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let by = Actor::system();
        store.create_project("globex", "plant", time(0), &by).await.unwrap();
        let scopes = |scopes: &[Scope]| scopes.iter().copied().collect::<Scopes>();
        let keys = [
            (MANAGER, ONE, Scopes::all()),
            (AGENT, ONE, scopes(&[Scope::Read, Scope::Agent])),
            (READER, ONE, scopes(&[Scope::Read])),
            (SENDER, ONE, scopes(&[Scope::Ingest])),
            (STRANGER, TWO, Scopes::all()),
        ];
        for (index, (secret, project, scopes)) in keys.into_iter().enumerate() {
            store
                .create_key(&key_row(index as u128 + 1, secret, project, scopes), &by)
                .await
                .unwrap();
        }
        let keys = Arc::new(Keys::load(store.as_ref()).await.unwrap());
        Self::wired(store, keys)
    }

    fn wired(store: Arc<MemoryStore>, keys: Arc<Keys>) -> Self {
        let lake = Arc::new(MemoryLake::new());
        let alerts = Arc::new(ActiveAlerts::default());
        let road = Arc::new(ScriptedRoad {
            store: Arc::clone(&store),
            alerts: Arc::clone(&alerts),
            ..ScriptedRoad::empty()
        });
        let health = Arc::new(ScriptedHealth::default());
        let channels = Arc::new(ScriptedChannels::default());
        let ports = Ports {
            store: Arc::clone(&store) as Arc<dyn Store>,
            lake: Arc::clone(&lake) as Arc<dyn Lake>,
            alerts: Arc::clone(&alerts),
            access: Arc::clone(&keys) as Arc<dyn model::Access>,
            road: Arc::clone(&road) as Arc<dyn Road>,
            channels: Arc::clone(&channels) as Arc<dyn Channels>,
            keys_changed: Arc::new(Reload { keys: Arc::clone(&keys), store: Arc::clone(&store) }),
            clock: Arc::new(Stopped),
            health: Arc::clone(&health) as Arc<dyn HealthSource>,
            metrics: Arc::new(OneMetric),
            verify_endpoints: false,
            build: Build { version: "0.1.0".into(), revision: "abc".into(), started_at: time(0) },
        };
        let api = Api::new(ports.clone());
        Self { router: api.router(), api, ports, lake, alerts, road, store, health, channels }
    }

    /// Writes effects to the store and shows them to the list of alerts.
    pub(crate) async fn apply(&self, effects: Vec<Effect>) {
        let effects = Effects(effects);
        self.alerts.apply(&effects);
        self.road.commit(&effects).await;
    }

    /// An open incident.
    pub(crate) async fn incident(&self, project: ProjectId, number: u64) -> Incident {
        let incident = incident(project, number);
        self.apply(vec![Effect::Incident(Box::new(incident.clone()))]).await;
        incident
    }

    /// An incident that stands somewhere.
    pub(crate) async fn incident_in(&self, number: u64, status: Status) -> Incident {
        let incident = Incident { status, ..incident(ONE, number) };
        self.apply(vec![Effect::Incident(Box::new(incident.clone()))]).await;
        incident
    }

    /// Signals of an incident, at these positions.
    pub(crate) fn signals(&self, incident: &Incident, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            let signal = signal(seq);
            let row = Row {
                seq: Seq(seq),
                project: incident.project,
                received_at: time(seq),
                signal: &signal,
                identity: IdentityKey(u128::from(seq)),
                incident: Some(incident.id),
                reason: Reason::OpenIncident,
            };
            self.lake.append(&[row]).unwrap();
        }
    }

    /// Says what the next command comes to.
    pub(crate) fn script(&self, effects: Vec<Effect>, outcome: Outcome) {
        self.road.script.lock().unwrap().push_back(Scripted { effects, outcome: Ok(outcome) });
    }

    /// Says that the next command fails on the road.
    pub(crate) fn script_failure(&self, error: RoadError) {
        self.road
            .script
            .lock()
            .unwrap()
            .push_back(Scripted { effects: Vec::new(), outcome: Err(error) });
    }

    /// The commands that were submitted.
    pub(crate) fn submitted(&self) -> Vec<Command> {
        self.road.submitted.lock().unwrap().clone()
    }

    /// Creates something of project 1 and answers its document.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        self.create_as(MANAGER, path, body).await
    }

    /// The same with another key.
    pub(crate) async fn create_as(&self, key: &str, path: &str, body: Value) -> Value {
        let answer = self.post(key, path, body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        let document = answer.json();
        let place = format!("{path}/{}", document["id"].as_str().unwrap());
        assert_eq!(answer.header("location"), Some(place.as_str()));
        assert_eq!(answer.header("etag"), Some("\"1\""));
        document
    }

    /// A subscriber, and an endpoint of it; their ids.
    pub(crate) async fn subscriber(&self, name: &str) -> (String, String) {
        let subscriber = self.create("/v1/subscribers", json!({"name": name})).await;
        let endpoint = json!({
            "subscriber_id": subscriber["id"], "channel": "webhook", "name": format!("{name} hook"),
            "config": {"url": "https://example.com/hook", "secret": "hush"},
        });
        let endpoint = self.create("/v1/endpoints", endpoint).await;
        (id_of(&subscriber), id_of(&endpoint))
    }

    /// A body of another kind than JSON.
    pub(crate) async fn post_text(&self, key: &str, path: &str, kind: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", kind)
            .body(Body::from(body.to_owned()));
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(request("GET", path, key, None)).await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> Answer {
        self.send(request("POST", path, key, Some(&body))).await
    }

    pub(crate) async fn put(&self, key: &str, path: &str, body: Value) -> Answer {
        self.send(request("PUT", path, key, Some(&body))).await
    }

    pub(crate) async fn patch(&self, key: &str, path: &str, body: Value) -> Answer {
        self.send(request("PATCH", path, key, Some(&body))).await
    }

    pub(crate) async fn delete(&self, key: &str, path: &str) -> Answer {
        self.send(request("DELETE", path, key, None)).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }
}

/// The id in a document.
pub(crate) fn id_of(document: &Value) -> String {
    document["id"].as_str().unwrap_or_else(|| panic!("no id: {document}")).to_owned()
}

/// A request with a key (none where empty) and a JSON body.
pub(crate) fn request(method: &str, path: &str, key: &str, body: Option<&Value>) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        builder = builder.header("authorization", format!("Bearer {key}"));
    }
    match body {
        Some(body) => builder
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap(),
        None => builder.body(Body::empty()).unwrap(),
    }
}

/// The same with one more header.
pub(crate) fn with_header(
    mut request: Request<Body>,
    name: &'static str,
    value: &str,
) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// A moment, a second later for each number.
pub(crate) fn time(number: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + i64::try_from(number).unwrap() * 1_000_000)
}

pub(crate) fn incident(project: ProjectId, number: u64) -> Incident {
    Incident {
        id: IncidentId::mint(project, Seq(number), time(number)),
        project,
        number,
        title: format!("db-{number} of project {project} is down"),
        status: Status::Open,
        severity: Severity::P1,
        severity_pinned: false,
        component: format!("db-{number}"),
        component_type: ComponentType::Rdbms,
        environment: "prod".to_owned(),
        policy: GroupingPolicy::DEFAULT_ID,
        key: GroupingKey(u128::from(number)),
        grouping_key: format!("environment=prod,component=db-{number}"),
        signal_count: 3,
        first_signal_at: time(number),
        last_signal_at: time(number + 100),
        opened_at: time(number),
        assignee: None,
        acknowledged_at: None,
        resolved_at: None,
        closed_at: None,
        mtta_seconds: None,
        mttr_seconds: None,
        merged_into: None,
        split_from: None,
        links: Vec::new(),
        changed_seq: Seq(number),
    }
}

pub(crate) fn signal(seq: u64) -> Signal<'static> {
    let mut signal = Signal::new(SignalId(u128::from(seq)), "db-1", "prod");
    signal.summary = Cow::Owned(format!("signal {seq}"));
    signal.payload = Cow::Borrowed(b"{\"n\":  1.0}");
    signal.occurred_at = time(seq);
    signal.labels = vec![(Cow::Borrowed("team"), Cow::Borrowed("core"))];
    signal
}

pub(crate) fn alert(
    project: ProjectId,
    number: u64,
    incident: Option<IncidentId>,
    labels: &[(&str, &str)],
) -> Effect {
    let mut signal = Signal::new(SignalId(u128::from(number)), "db-1", "prod");
    signal.labels = labels
        .iter()
        .map(|(name, value)| (Cow::Owned((*name).to_owned()), Cow::Owned((*value).to_owned())))
        .collect();
    signal.payload =
        Cow::Borrowed(b"{\"annotations\":{\"summary\":\"it is down\"},\"generatorURL\":\"http://prometheus/graph\"}");
    Effect::AlertFiring(Box::new(Alert {
        project,
        identity: IdentityKey(u128::from(number)),
        lease: AlertLease { fingerprint: number, starts_at: time(1), ends_at: time(300) },
        updated_at: time(2),
        incident,
        signal,
    }))
}

pub(crate) fn policy(project: ProjectId, id: u128, name: &str) -> GroupingPolicy {
    GroupingPolicy {
        id: PolicyId(id),
        name: name.to_owned(),
        position: 5,
        version: 3,
        ..GroupingPolicy::built_in(project)
    }
}

pub(crate) fn comment(incident: &Incident, seq: u64, text: &str) -> Effect {
    Effect::Audited(Box::new(AuditRow {
        seq: Seq(seq),
        index: 0,
        project: incident.project,
        incident: Some(incident.id),
        at: time(seq),
        actor: Actor { kind: ActorKind::Person, name: "ada".to_owned() },
        action: AuditAction::Commented,
        reason: Reason::ByHand,
        text: text.to_owned(),
    }))
}

fn key_row(id: u128, secret: &str, project: ProjectId, scopes: Scopes) -> KeyRow {
    KeyRow {
        id: KeyId(id),
        project,
        name: secret.to_owned(),
        prefix: secret[..4].to_owned(),
        digest: store::keys::digest(secret),
        scopes,
        rate_per_second: None,
        created_at: time(0),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

/// A road that answers what it was told to.
pub(crate) struct ScriptedRoad {
    store: Arc<MemoryStore>,
    alerts: Arc<ActiveAlerts>,
    stands: Mutex<Seq>,
    pub(crate) script: Mutex<VecDeque<Scripted>>,
    pub(crate) submitted: Mutex<Vec<Command>>,
    pub(crate) behind: Mutex<Option<RoadError>>,
}

impl ScriptedRoad {
    fn empty() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            alerts: Arc::default(),
            stands: Mutex::new(Seq(0)),
            script: Mutex::default(),
            submitted: Mutex::default(),
            behind: Mutex::new(None),
        }
    }

    async fn commit(&self, effects: &Effects) {
        let expected = *self.stands.lock().unwrap();
        let through = expected.next();
        let commit =
            Commit { partition: PartitionId(0), expected, through, at: time(through.0), effects };
        self.store.commit(commit).await.unwrap();
        *self.stands.lock().unwrap() = through;
    }
}

impl ScriptedRoad {
    /// What the engine does with rules and their like, where a test says nothing else.
    async fn obey(&self, command: Command) -> Outcome {
        match command.operation {
            Operation::PutDirective { directive, expected_version } => {
                let kind = directive.body.kind();
                let before = self.store.directive(command.project, kind, directive.id).await;
                let current = before.unwrap().map_or(0, |before| before.version);
                if expected_version.unwrap_or(0) != current {
                    return Outcome::Refused(Refusal::StaleVersion { current });
                }
                let (id, version) = (directive.id, current + 1);
                let saved = Directive { version, ..*directive };
                self.follow(Effect::DirectiveSaved(Box::new(saved))).await;
                Outcome::Directive { id, version }
            }
            Operation::DeleteDirective { kind, id, expected_version: _ } => {
                let known = self.store.directive(command.project, kind, id).await.unwrap();
                self.follow(removed(known.expect("it is there"))).await;
                Outcome::Directive { id, version: 0 }
            }
            Operation::ReplayDeadLetters { letters } => {
                let count = letters.len() as u64;
                let (project, seq, at) = (command.project, Seq(1_000), time(1_000));
                self.follow(Effect::Replayed { project, letters, seq, at }).await;
                Outcome::Replayed(count)
            }
            other => panic!("the test did not say what this comes to: {other:?}"),
        }
    }

    async fn follow(&self, effect: Effect) {
        let effects = Effects(vec![effect]);
        self.commit(&effects).await;
        self.alerts.apply(&effects);
    }
}

#[async_trait::async_trait]
impl Road for ScriptedRoad {
    async fn submit(&self, command: Command) -> Result<Outcome, RoadError> {
        self.submitted.lock().unwrap().push(command.clone());
        let scripted = self.script.lock().unwrap().pop_front();
        let Some(scripted) = scripted else { return Ok(self.obey(command).await) };
        if !scripted.effects.is_empty() {
            self.commit(&Effects(scripted.effects)).await;
        }
        scripted.outcome
    }

    async fn caught_up(&self, _patience: Patience) -> Result<(), RoadError> {
        self.behind.lock().unwrap().map_or(Ok(()), Err)
    }
}

/// A directive that is no longer; a silence ends now and stays.
fn removed(mut directive: Directive) -> Effect {
    let (project, kind, id) = (directive.project, directive.body.kind(), directive.id);
    let DirectiveBody::Silence(silence) = &mut directive.body else {
        return Effect::DirectiveRemoved { project, kind, id };
    };
    silence.starts_at = silence.starts_at.min(Stopped.now());
    silence.ends_at = silence.ends_at.min(Stopped.now());
    directive.version += 1;
    Effect::DirectiveSaved(Box::new(directive))
}

struct Reload {
    keys: Arc<Keys>,
    store: Arc<MemoryStore>,
}

#[async_trait::async_trait]
impl KeysChanged for Reload {
    async fn keys_changed(&self) -> Result<(), store::Error> {
        self.keys.reload(self.store.as_ref()).await
    }
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        time(1_000)
    }
}

/// Health as a test says.
#[derive(Default)]
pub(crate) struct ScriptedHealth {
    pub(crate) trouble: Mutex<Option<String>>,
    pub(crate) down: Mutex<bool>,
}

#[async_trait::async_trait]
impl HealthSource for ScriptedHealth {
    async fn ready(&self) -> Result<(), String> {
        self.trouble.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn health(&self) -> Health {
        let status = if *self.down.lock().unwrap() { PartStatus::Down } else { PartStatus::Up };
        let part =
            PartHealth { name: "journal", status, latency_us: Some(7), detail: String::new() };
        Health {
            parts: vec![part],
            queue_records: 1,
            engine_lag_records: 2,
            lake_lag_records: 3,
            disk_left_bytes: Some(4),
            durability: "disk",
        }
    }
}

struct OneMetric;

impl MetricsSource for OneMetric {
    fn render(&self, out: &mut String) {
        out.push_str("stormbell_up 1\n");
    }
}
