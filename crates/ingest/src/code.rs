//! The closed list of reasons for which a door refuses something: a stable word, the HTTP status
//! and a short title. `docs/errors/ingest.md` has a line for each; a test holds the two together.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $status:ident, $title:literal;)+) => {
        /// Why a door refused a request, a batch or one item of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant),+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The HTTP status of an answer that is about this alone.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// A few words for the `title` of a problem document.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// No credential was presented.
    MissingKey = "missing_key", UNAUTHORIZED, "No API key";
    /// The credential is not known.
    UnknownKey = "unknown_key", UNAUTHORIZED, "Unknown API key";
    /// The key was revoked.
    RevokedKey = "revoked_key", UNAUTHORIZED, "Revoked API key";
    /// The key has expired.
    ExpiredKey = "expired_key", UNAUTHORIZED, "Expired API key";
    /// The key may not send signals.
    MissingScope = "missing_scope", FORBIDDEN, "Scope `ingest` is missing";
    /// Too many failed credentials from one address.
    TooManyFailures = "too_many_failures", TOO_MANY_REQUESTS, "Too many failed credentials";
    /// The key's token bucket is empty.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Rate limit of the key reached";
    /// The source address' token bucket is empty.
    SourceRateLimited = "source_rate_limited", TOO_MANY_REQUESTS, "Rate limit of the address reached";
    /// A content type that the door does not speak.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Content type not spoken";
    /// A content encoding that the door does not speak.
    UnsupportedEncoding = "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE, "Content encoding not spoken";
    /// A query parameter that means nothing here.
    UnknownParameter = "unknown_parameter", BAD_REQUEST, "Unknown query parameter";
    /// An `Idempotency-Key` that is empty, too long or not text.
    InvalidIdempotencyKey = "invalid_idempotency_key", BAD_REQUEST, "Invalid Idempotency-Key";
    /// The body is too large, before or after decompression.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Body too large";
    /// Too many items in one batch.
    TooManySignals = "too_many_signals", PAYLOAD_TOO_LARGE, "Too many signals in one batch";
    /// The body did not arrive in time.
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT, "Body did not arrive in time";
    /// The connection broke inside the body.
    BodyIncomplete = "body_incomplete", BAD_REQUEST, "Body broke off";
    /// The body is not what its content encoding says.
    InvalidCompression = "invalid_compression", BAD_REQUEST, "Body cannot be decompressed";
    /// The body, or a line of it, is not JSON.
    InvalidJson = "invalid_json", BAD_REQUEST, "Not valid JSON";
    /// There is nothing in the body.
    EmptyBatch = "empty_batch", BAD_REQUEST, "Nothing in the body";
    /// A webhook payload of a version that is not known.
    UnsupportedVersion = "unsupported_version", BAD_REQUEST, "Unknown payload version";
    /// Every item of the batch was refused.
    AllRejected = "all_rejected", BAD_REQUEST, "Every item was refused";
    /// The journal's queue is full.
    JournalFull = "journal_full", SERVICE_UNAVAILABLE, "The journal queue is full";
    /// The journal's disk is full.
    DiskFull = "disk_full", SERVICE_UNAVAILABLE, "The disk is full";
    /// The journal cannot make anything durable.
    JournalFailed = "journal_failed", SERVICE_UNAVAILABLE, "The journal has failed";
    /// The engine lags too far behind the journal.
    EngineLag = "engine_lag", SERVICE_UNAVAILABLE, "The engine is behind";
    /// Low severities wait while the queue is long.
    Shed = "shed", SERVICE_UNAVAILABLE, "Shed in favour of more severe signals";
    /// Too many bytes of bodies are in memory.
    MemoryFull = "memory_full", SERVICE_UNAVAILABLE, "Too many bodies in memory";
    /// The server is stopping.
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, "The server is stopping";
    /// A defect of the server.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// The item is not a JSON object.
    NotAnObject = "not_an_object", BAD_REQUEST, "Item is not an object";
    /// A field has the wrong JSON type.
    WrongType = "wrong_type", BAD_REQUEST, "Field has the wrong type";
    /// A field and its alias say different things.
    ConflictingFields = "conflicting_fields", BAD_REQUEST, "Fields contradict each other";
    /// The item is nested too deeply.
    JsonTooDeep = "json_too_deep", BAD_REQUEST, "JSON nested too deeply";
    /// One item is too large.
    SignalTooLarge = "signal_too_large", PAYLOAD_TOO_LARGE, "Signal too large";
    /// The item names another organization or project than the key's.
    ProjectMismatch = "project_mismatch", BAD_REQUEST, "Another project than the key's";
    /// The component is missing or empty.
    MissingComponent = "missing_component", BAD_REQUEST, "Component missing";
    /// The id is not a UUID, or is the nil UUID.
    InvalidId = "invalid_id", BAD_REQUEST, "Invalid id";
    /// The incident id is not a UUID.
    InvalidIncidentId = "invalid_incident_id", BAD_REQUEST, "Invalid incident id";
    /// A word that is no component type.
    InvalidComponentType = "invalid_component_type", BAD_REQUEST, "Invalid component type";
    /// A word that is no kind.
    InvalidKind = "invalid_kind", BAD_REQUEST, "Invalid kind";
    /// A word that is no severity.
    InvalidSeverity = "invalid_severity", BAD_REQUEST, "Invalid severity";
    /// A word that is no status.
    InvalidStatus = "invalid_status", BAD_REQUEST, "Invalid status";
    /// A time that cannot be read.
    InvalidOccurredAt = "invalid_occurred_at", BAD_REQUEST, "Invalid time";
    /// A time too far ahead of the server's clock.
    OccurredInFuture = "occurred_in_future", BAD_REQUEST, "Time lies in the future";
    /// Text that holds a NUL character.
    TextWithNul = "text_with_nul", BAD_REQUEST, "Text holds a NUL character";
    /// A component, environment, source, error code or trace id that is too long.
    NameTooLong = "name_too_long", BAD_REQUEST, "Name too long";
    /// A summary that is too long.
    SummaryTooLong = "summary_too_long", BAD_REQUEST, "Summary too long";
    /// Too many labels.
    TooManyLabels = "too_many_labels", BAD_REQUEST, "Too many labels";
    /// A label whose value is neither text, number nor boolean.
    InvalidLabel = "invalid_label", BAD_REQUEST, "Invalid label value";
    /// A label name that is empty, or not allowed at this door.
    InvalidLabelName = "invalid_label_name", BAD_REQUEST, "Invalid label name";
    /// A label name that is too long.
    LabelNameTooLong = "label_name_too_long", BAD_REQUEST, "Label name too long";
    /// A label value that is too long.
    LabelValueTooLong = "label_value_too_long", BAD_REQUEST, "Label value too long";
    /// A label that occurs twice.
    DuplicateLabel = "duplicate_label", BAD_REQUEST, "Label occurs twice";
    /// A payload that is not JSON.
    InvalidPayload = "invalid_payload", BAD_REQUEST, "Payload is not JSON";
    /// A payload that is too large.
    PayloadTooLarge = "payload_too_large", BAD_REQUEST, "Payload too large";
    /// Too many links.
    TooManyLinks = "too_many_links", BAD_REQUEST, "Too many links";
    /// A link that is too long.
    LinkTooLong = "link_too_long", BAD_REQUEST, "Link too long";
    /// An alert without labels.
    MissingLabels = "missing_labels", BAD_REQUEST, "Alert without labels";
    /// An alert that ends before it starts.
    EndsBeforeStart = "ends_before_start", BAD_REQUEST, "Alert ends before it starts";
}

impl Code {
    /// Whether the same request can succeed later: the sender should wait and repeat it.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(
            self.status(),
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::REQUEST_TIMEOUT
        )
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
