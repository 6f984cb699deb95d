//! `/metrics`: every figure of `deploy/metrics.txt`, in the text form Prometheus reads. Names are
//! constants, labels come from closed enums only.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use delivery::courier::Spans;
use http::StatusCode;
use ingest::{Code, Door};
use journal::State;
use model::{Severity, Status, Timestamp};
use store::Store;
use tokio::runtime;

use super::health::Watch;
use super::histogram::{Histogram, seconds};

/// Which part of the address space a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Door,
    Api,
    Alertmanager,
    Health,
    Other,
}

/// The class of an answer's status, with the two codes that are a sender's and our own limits apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusClass {
    Success,
    Redirection,
    ClientError,
    TooMany,
    ServerError,
    Unavailable,
}

/// HTTP answers counted.
#[derive(Debug, Default)]
pub(super) struct HttpMeters {
    answered: [[AtomicU64; StatusClass::ALL.len()]; Route::ALL.len()],
    took: [Histogram; Route::ALL.len()],
}

/// Everything that is shown.
pub(super) struct Metrics {
    pub(super) watch: Arc<Watch>,
    pub(super) doors: Arc<ingest::Metrics>,
    pub(super) http: Arc<HttpMeters>,
    pub(super) syncs: Arc<Histogram>,
    pub(super) batches: Arc<Histogram>,
    pub(super) runtime: runtime::Handle,
    pub(super) started_at: Timestamp,
}

impl Route {
    const ALL: [Self; 5] = [Self::Door, Self::Api, Self::Alertmanager, Self::Health, Self::Other];

    /// The route of a path that is not a door's.
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/v1/") {
            Self::Api
        } else if path.starts_with("/api/v2/") || path.starts_with("/k/") {
            Self::Alertmanager
        } else if ["/livez", "/readyz", "/healthz", "/metrics", "/-/healthy", "/-/ready"]
            .contains(&path)
        {
            Self::Health
        } else {
            Self::Other
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Door => "door",
            Self::Api => "api",
            Self::Alertmanager => "alertmanager",
            Self::Health => "health",
            Self::Other => "other",
        }
    }
}

impl StatusClass {
    const ALL: [Self; 6] = [
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::TooMany,
        Self::ServerError,
        Self::Unavailable,
    ];

    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            429 => Self::TooMany,
            503 => Self::Unavailable,
            500.. => Self::ServerError,
            400.. => Self::ClientError,
            300.. => Self::Redirection,
            _ => Self::Success,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::TooMany => "429",
            Self::ServerError => "5xx",
            Self::Unavailable => "503",
        }
    }
}

impl HttpMeters {
    pub(super) fn answered(&self, route: Route, status: StatusCode, took: Duration) {
        self.answered[route as usize][StatusClass::of(status) as usize]
            .fetch_add(1, Ordering::Relaxed);
        self.took[route as usize].observe(took);
    }
}

impl api::MetricsSource for Metrics {
    fn render(&self, out: &mut String) {
        self.render_doors(out);
        self.render_http(out);
        self.render_journal(out);
        self.render_pipeline(out);
        self.render_incidents(out);
        self.render_delivery(out);
        self.render_lake(out);
        self.render_process(out);
    }
}

impl Metrics {
    fn render_doors(&self, out: &mut String) {
        family(out, "stormbell_ingest_records_total", "counter");
        for door in Door::ALL {
            let shed: u64 = Code::ALL
                .iter()
                .filter(|code| code.is_retryable())
                .map(|&c| self.doors.refused(door, c))
                .sum();
            let rejected: u64 = Code::ALL.iter().map(|&code| self.doors.rejected(door, code)).sum();
            let counts = [
                ("accepted", self.doors.accepted(door)),
                ("duplicate", self.doors.duplicates(door)),
                ("rejected", rejected),
                ("shed", shed),
            ];
            for (outcome, count) in counts {
                let labels = format!("door=\"{}\",outcome=\"{outcome}\"", door.as_str());
                sample(out, "stormbell_ingest_records_total", &labels, count);
            }
        }
        family(out, "stormbell_ingest_rejected_total", "counter");
        for door in Door::ALL {
            for &code in Code::ALL {
                let count = self.doors.rejected(door, code) + self.doors.refused(door, code);
                if count > 0 {
                    let labels = format!("door=\"{}\",code=\"{}\"", door.as_str(), code.as_str());
                    sample(out, "stormbell_ingest_rejected_total", &labels, count);
                }
            }
        }
    }

    fn render_http(&self, out: &mut String) {
        family(out, "stormbell_http_requests_total", "counter");
        for route in Route::ALL {
            for class in StatusClass::ALL {
                let count =
                    self.http.answered[route as usize][class as usize].load(Ordering::Relaxed);
                let labels =
                    format!("route=\"{}\",status_class=\"{}\"", route.as_str(), class.as_str());
                sample(out, "stormbell_http_requests_total", &labels, count);
            }
        }
        family(out, "stormbell_http_request_duration_seconds", "histogram");
        for route in Route::ALL {
            let labels = format!("route=\"{}\",", route.as_str());
            self.http.took[route as usize].render(
                "stormbell_http_request_duration_seconds",
                &labels,
                out,
            );
        }
    }

    fn render_journal(&self, out: &mut String) {
        let status = self.watch.journal.status();
        gauge(out, "stormbell_journal_queue_records", status.queue_records);
        gauge(out, "stormbell_journal_queue_bytes", status.queue_bytes);
        gauge(out, "stormbell_journal_durable_seq", status.durable_end.saturating_sub(1));
        gauge(out, "stormbell_journal_bytes", status.disk_bytes);
        gauge(out, "stormbell_journal_state", u64::from(status.state == State::Ok));
        family(out, "stormbell_journal_sync_duration_seconds", "histogram");
        self.syncs.render("stormbell_journal_sync_duration_seconds", "", out);
    }

    fn render_pipeline(&self, out: &mut String) {
        let meters = &self.watch.handle.meters;
        gauge(out, "stormbell_pipeline_applied_seq", self.watch.handle.applied().0);
        gauge(out, "stormbell_pipeline_lag_records", self.watch.engine_lag());
        family(out, "stormbell_pipeline_batch_duration_seconds", "histogram");
        self.batches.render("stormbell_pipeline_batch_duration_seconds", "", out);
        family(out, "stormbell_incidents_opened_total", "counter");
        for (reason, count) in meters.opened() {
            sample(out, "stormbell_incidents_opened_total", &format!("reason=\"{reason}\""), count);
        }
        family(out, "stormbell_transitions_total", "counter");
        for (to, reason, count) in meters.moved() {
            sample(
                out,
                "stormbell_transitions_total",
                &format!("to=\"{to}\",reason=\"{reason}\""),
                count,
            );
        }
        family(out, "stormbell_notifications_total", "counter");
        sample(out, "stormbell_notifications_total", "", meters.notified());
        family(out, "stormbell_notifications_held_total", "counter");
        for (reason, count) in meters.held() {
            let labels = format!("reason=\"{reason}\"");
            sample(out, "stormbell_notifications_held_total", &labels, count);
        }
        family(out, "stormbell_limit_hits_total", "counter");
        for (limit, count) in meters.limit_hits() {
            sample(out, "stormbell_limit_hits_total", &format!("limit=\"{limit}\""), count);
        }
        family(out, "stormbell_invariant_violations_total", "counter");
        for (invariant, count) in meters.violations() {
            sample(
                out,
                "stormbell_invariant_violations_total",
                &format!("invariant=\"{invariant}\""),
                count,
            );
        }
    }

    fn render_incidents(&self, out: &mut String) {
        let asked = self.ask(async |store| store.counts().await.ok());
        family(out, "stormbell_incidents_open", "gauge");
        let Some(counts) = asked else { return };
        for severity in Severity::ALL {
            let open = counts
                .0
                .iter()
                .filter(|(status, of, _)| *status != Status::Closed && *of == severity);
            let count: u64 = open.map(|(.., count)| count).sum();
            sample(out, "stormbell_incidents_open", &format!("severity=\"{severity}\""), count);
        }
    }

    fn render_delivery(&self, out: &mut String) {
        let (meters, standing) = (&self.watch.courier.meters, self.watch.courier.standing());
        family(out, "stormbell_delivery_tries_total", "counter");
        for (channel, verdict, count) in meters.tries() {
            let labels = format!("channel=\"{}\",verdict=\"{verdict}\"", channel.as_str());
            sample(out, "stormbell_delivery_tries_total", &labels, count);
        }
        spans(out, "stormbell_delivery_send_duration_seconds", &meters.sends);
        spans(out, "stormbell_delivery_delay_seconds", &meters.delays);
        gauge(out, "stormbell_delivery_in_flight", standing.in_flight);
        gauge(out, "stormbell_delivery_unsettled", standing.unsettled);
        gauge(out, "stormbell_delivery_receipts_waiting", standing.receipts_waiting);
        gauge(out, "stormbell_delivery_hanging_endpoints", standing.hanging);
        family(out, "stormbell_delivery_breakers", "gauge");
        for (state, count) in ["closed", "open", "half_open"].iter().zip(standing.breakers) {
            sample(out, "stormbell_delivery_breakers", &format!("state=\"{state}\""), count);
        }
        counter(out, "stormbell_delivery_digests_total", meters.digests());
        counter(out, "stormbell_delivery_looks_total", meters.looks());
        counter(out, "stormbell_delivery_journal_refusals_total", meters.journal_refusals());
        counter(out, "stormbell_delivery_store_errors_total", meters.store_errors());
        if let Some(counts) = self.ask(async |store| store.outbox_counts().await.ok()) {
            gauge(out, "stormbell_delivery_due", counts.due);
            gauge(out, "stormbell_delivery_dead_letters", counts.dead);
        }
    }

    /// Asks the store from a thread that may wait.
    fn ask<T>(&self, question: impl AsyncFnOnce(&dyn Store) -> Option<T>) -> Option<T> {
        let store = &*self.watch.store;
        tokio::task::block_in_place(|| self.runtime.block_on(question(store)))
    }

    fn render_lake(&self, out: &mut String) {
        let status = self.watch.lake.status();
        counter(out, "stormbell_lake_rows_total", status.hot_rows + status.file_rows);
        gauge(out, "stormbell_lake_hot_rows", status.hot_rows);
        gauge(out, "stormbell_lake_files", status.files);
        gauge(out, "stormbell_lake_bytes", status.file_bytes);
        if let Some(left) = self.watch.disk_left_bytes() {
            gauge(out, "stormbell_disk_free_bytes", left);
        }
    }

    fn render_process(&self, out: &mut String) {
        let started = self.started_at.micros();
        gauge(
            out,
            "process_start_time_seconds",
            format!("{}.{:06}", started / 1_000_000, started % 1_000_000),
        );
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            gauge(out, "process_open_fds", open.count());
        }
        if let Some(pages) = resident_pages() {
            gauge(out, "process_resident_memory_bytes", pages * rustix::param::page_size() as u64);
        }
        if let Some(ticks) = cpu_ticks() {
            let hertz = rustix::param::clock_ticks_per_second().max(1);
            let hundredths = ticks * 100 / hertz;
            counter(
                out,
                "process_cpu_seconds_total",
                format!("{}.{:02}", hundredths / 100, hundredths % 100),
            );
        }
    }
}

/// Resident pages, the second figure of `statm`.
fn resident_pages() -> Option<u64> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// User and system time in clock ticks: the 14th and 15th figure of `stat`, counted from behind the
/// command's name, which may hold spaces.
fn cpu_ticks() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut figures = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (figures.next()?.parse().ok()?, figures.next()?.parse().ok()?);
    Some(user + system)
}

fn family(out: &mut String, name: &str, kind: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# TYPE {name} {kind}");
}

fn gauge(out: &mut String, name: &str, value: impl Display) {
    family(out, name, "gauge");
    let _ = writeln!(out, "{name} {value}");
}

fn counter(out: &mut String, name: &str, value: impl Display) {
    family(out, name, "counter");
    let _ = writeln!(out, "{name} {value}");
}

/// Durations in the buckets of the courier.
fn spans(out: &mut String, name: &str, spans: &Spans) {
    family(out, name, "histogram");
    let mut cumulative = 0;
    let bounds = Spans::BOUNDS_US.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(spans.counts()) {
        cumulative += count;
        sample(out, &format!("{name}_bucket"), &format!("le=\"{bound}\""), cumulative);
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{name}_sum {}\n{name}_count {cumulative}", seconds(spans.sum_us()));
}

fn sample(out: &mut String, name: &str, labels: &str, value: u64) {
    let _ = writeln!(out, "{name}{{{labels}}} {value}");
}
