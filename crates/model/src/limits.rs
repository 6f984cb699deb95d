//! The limits on what Stormbell takes in, keeps and hands out. Hitting one has an error code of its own, or
//! a [`crate::Reason`], which is counted in `stormbell_limit_hits_total`. Bounds that only one module needs stand
//! beside what they bound: those of calendars in `oncall`, of templates in `delivery`, of one answer or file in `api`.

use crate::time::Duration;

/// Bytes of one signal's JSON, and of a body that holds a single object: 1 MiB.
pub const SIGNAL_BYTES: usize = 1 << 20;
/// Bytes of a batch body, before and after decompression: 16 MiB.
pub const BATCH_BYTES: usize = 16 << 20;
/// Signals in one batch.
pub const BATCH_SIGNALS: usize = 65_536;
/// Rejections listed one by one in an answer; the rest are only counted.
pub const REJECTIONS_LISTED: usize = 1_000;
/// Characters of a component, environment, source, error code or trace id.
pub const NAME_CHARS: usize = 256;
/// Bytes of a summary.
pub const SUMMARY_BYTES: usize = 4_096;
/// Labels of one signal.
pub const LABELS: usize = 64;
/// Bytes of a label's name.
pub const LABEL_NAME_BYTES: usize = 128;
/// Bytes of a label's value.
pub const LABEL_VALUE_BYTES: usize = 2_048;
/// Bytes of one signal's payload: 256 KiB.
pub const PAYLOAD_BYTES: usize = 256 << 10;
/// Links of one signal.
pub const LINKS: usize = 16;
/// Bytes of one link.
pub const LINK_BYTES: usize = 2_048;
/// Nesting of JSON.
pub const JSON_DEPTH: usize = 64;
/// How far ahead of the receiver's clock `occurred_at` may lie.
pub const OCCURRED_AHEAD: Duration = Duration::from_secs(5 * 60);

/// How long a given id is remembered for deduplication.
pub const DEDUP_HORIZON: Duration = Duration::from_secs(24 * 3_600);
/// How many given ids are remembered for deduplication, per partition. When one more comes, the oldest
/// 64 are dropped.
pub const DEDUP_IDS: usize = 2_000_000;
/// How many idempotency keys of commands are remembered, per partition.
pub const IDEMPOTENCY_KEYS: usize = 100_000;
/// Bytes of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;

/// Incidents not yet closed, per partition; beyond it signals are kept but open nothing.
pub const ACTIVE_INCIDENTS: usize = 1_000_000;
/// Closed incidents the engine still remembers in order to refuse precisely.
pub const CLOSED_REMEMBERED: usize = 65_536;
/// Identities tracked as firing for one incident; beyond it the incident no longer resolves by itself.
pub const FIRING_IDENTITIES: usize = 10_000;
/// Alerts firing at once, per partition.
pub const FIRING_ALERTS: usize = 1_000_000;
/// The lease of an alert that states no end, as Alertmanager's `resolve_timeout`.
pub const ALERT_LEASE: Duration = Duration::from_secs(5 * 60);
/// Grouping keys that are part of the way to opening (M of N), per partition.
pub const PENDING_KEYS: usize = 100_000;
/// Signals that `open_when` may ask for.
pub const OPEN_WHEN_COUNT: u32 = 1_000;
/// Grouping policies of one project.
pub const POLICIES: usize = 1_000;
/// Conditions of one matcher.
pub const MATCHER_CONDITIONS: usize = 32;
/// Alternatives of one condition.
pub const MATCHER_VALUES: usize = 256;
/// Fields of one grouping key.
pub const KEY_FIELDS: usize = 16;
/// Signals one window may hold.
pub const WINDOW_CAP: u32 = 1_000_000;
/// Signals that one split may move.
pub const SPLIT_SIGNALS: usize = 10_000;
/// Incidents merged by one command.
pub const MERGE_CHILDREN: usize = 100;
/// Links added to one incident.
pub const INCIDENT_LINKS: usize = 100;
/// Bytes of a comment, a reason, or a text field of an RCA.
pub const TEXT_BYTES: usize = 64 << 10;
/// Action items of one RCA.
pub const ACTION_ITEMS: usize = 100;
/// Characters that `fix_applied` and `prevention_steps` have at least, after trimming.
pub const RCA_TEXT_CHARS: usize = 20;

/// Rules of one project.
pub const RULES: usize = 500_000;
/// Default routes of one project.
pub const DEFAULT_ROUTES: usize = 10_000;
/// Silences of one project, expired ones that are still remembered included.
pub const SILENCES: usize = 10_000;
/// How long an expired silence is remembered.
pub const SILENCE_REMEMBERED: Duration = Duration::from_secs(5 * 24 * 3_600);
/// Inhibitions of one project.
pub const INHIBITIONS: usize = 1_000;
/// Firing identities remembered as sources of inhibitions, per project.
pub const INHIBITION_SOURCES: usize = 100_000;
/// How long after an opening was kept quiet by an inhibition it is seen whether that still is so, and
/// again as long as it is.
pub const INHIBITED_LOOK_APART: Duration = Duration::from_secs(10);
/// Openings of incidents, and alerts, that silences and inhibitions keep quiet and that are told of when
/// those end, per partition.
pub const KEPT_QUIET: usize = 1_000_000;
/// Openings that were kept quiet and are told of by one tick at most; with more, the next tick goes on.
pub const QUIET_TOLD_PER_TICK: usize = 1_000;
/// Escalation policies of one project.
pub const ESCALATIONS: usize = 10_000;
/// Escalation policies that run at once, each for an incident and a subscriber, per partition.
pub const RUNNING_ESCALATIONS: usize = 1_000_000;
/// Steps of one escalation policy.
pub const ESCALATION_STEPS: usize = 32;
/// Times the steps of an escalation policy are gone through again.
pub const ESCALATION_REPEATS: u32 = 100;
/// Conditions of one rule, silence or side of an inhibition.
pub const CONDITIONS: usize = 32;
/// Values of one condition.
pub const CONDITION_VALUES: usize = 1_024;
/// Bytes of one value, glob or regular expression of a condition.
pub const CONDITION_VALUE_BYTES: usize = 2_048;
/// Bytes of a CEL expression.
pub const CEL_BYTES: usize = 4_096;
/// What a CEL expression may cost at most: its parts, those inside a macro counted once for each of the
/// items it may walk.
pub const CEL_COST: u64 = 100_000;
/// What the different CEL expressions of a project's rules in force may cost at most, all together. A signal
/// asks each once for each thing it makes happen, and a part takes less than a hundred nanoseconds: so no
/// project holds the engine up for more than some tens of milliseconds a signal, while thousands of
/// expressions as people write them (a few dozen parts, some hundred where they read the payload) fit.
pub const CEL_COST_OF_PROJECT: u64 = 300_000;
/// Targets of one rule or escalation step.
pub const TARGETS: usize = 64;
/// How long delivery is tried where a rule does not say.
pub const DELIVERY_DEADLINE: Duration = Duration::from_secs(24 * 3_600);
/// Bytes of a payload that an incident remembers of the signal that opened it, for conditions on later
/// transitions; a longer one is forgotten.
pub const REMEMBERED_PAYLOAD_BYTES: usize = 4_096;
/// Bytes of a payload that a notification carries; a longer one is left out.
pub const NOTICE_PAYLOAD_BYTES: usize = 32 << 10;
/// Bytes kept of what an endpoint answered.
pub const ANSWER_BYTES: usize = 1_024;
/// Bytes of what an endpoint calls a message; a longer name is forgotten, because a part of it names nothing.
pub const REFERENCE_BYTES: usize = 256;
/// Dead letters sent again by one command.
pub const REPLAYED_LETTERS: usize = 10_000;
/// Subscribers of one project.
pub const SUBSCRIBERS: usize = 10_000;
/// Endpoints of one project.
pub const ENDPOINTS: usize = 10_000;
/// Documents of one kind (schedules, calendars, imported originals) of one project.
pub const DOCUMENTS: usize = 10_000;
/// Bytes of one such document, and of an endpoint's configuration.
pub const DOCUMENT_BYTES: usize = 256 << 10;

/// Rows of one page.
pub const PAGE: usize = 1_000;
/// Rows of a page when nobody asked for a number.
pub const PAGE_DEFAULT: usize = 50;
/// Records the pipeline may lag behind the journal before doors answer 503.
pub const LAG_RECORDS: u64 = 2_000_000;
/// Records the pipeline may lag behind before polled lists of alerts show what it has.
pub const STORM_RECORDS: u64 = 10_000;
/// Records applied in one pipeline batch.
pub const PIPELINE_BATCH: usize = 8_192;
/// Records whose effects may wait for one commit; the batch that reaches it is still added.
pub const PIPELINE_COMMIT: u64 = 65_536;
/// Notifications, and rules that they list, whose effects may wait for one commit; what the entry that
/// reaches it tells is still added. It bounds the memory of a storm that a hundred subscribers are told of.
pub const TOLD_PER_COMMIT: usize = 65_536;
/// Credentials whose token buckets are remembered.
pub const RATE_CREDENTIALS: usize = 16_384;
/// Source addresses whose token buckets are remembered.
pub const RATE_SOURCES: usize = 65_536;
/// HTTP connections at once.
pub const CONNECTIONS: usize = 16_384;

/// `quiet` where a policy does not say.
pub const QUIET: Duration = Duration::from_secs(60);
/// Quiet since the last signal after which the system resolves an INVESTIGATING incident: five times `QUIET`.
pub const QUIET_WINDOW: Duration = Duration::from_secs(300);
/// `reopen_within` where a policy does not say.
pub const REOPEN_WITHIN: Duration = Duration::from_secs(300);
/// `window` where a policy does not say.
pub const WINDOW: Duration = Duration::from_secs(10);
/// `cap` where a policy does not say.
pub const WINDOW_CAP_DEFAULT: u32 = 100;
