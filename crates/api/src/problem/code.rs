//! The closed list of everything that can be wrong with a request, and with us: the stable `code` of
//! a problem document, its HTTP status and its title.
//!
//! Every code has a section in `docs/errors/README.md`; a test holds the two together.

use http::StatusCode;

macro_rules! codes {
    ($($variant:ident = $status:ident, $text:literal, $title:literal;)+) => {
        /// What is wrong, as a word that never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $variant),+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The status it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// The same sentence for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    InvalidJson = BAD_REQUEST, "invalid_json", "The body is not the JSON it should be.";
    InvalidYaml = BAD_REQUEST, "invalid_yaml", "The body is not the YAML it should be.";
    InvalidCalendar = BAD_REQUEST, "invalid_calendar", "The body is not the iCalendar it should be.";
    InvalidParameter = BAD_REQUEST, "invalid_parameter", "A parameter has a value it cannot have.";
    UnknownParameter = BAD_REQUEST, "unknown_parameter", "There is no such query parameter.";
    InvalidCursor = BAD_REQUEST, "invalid_cursor", "The cursor was not handed out for this list.";
    InvalidHeader = BAD_REQUEST, "invalid_header", "A header has a value it cannot have.";
    InvalidIdempotencyKey = BAD_REQUEST, "invalid_idempotency_key", "The Idempotency-Key is empty or too long.";
    InvalidSilence = BAD_REQUEST, "invalid_silence", "Alertmanager would not take this silence.";
    InvalidToken = BAD_REQUEST, "invalid_token", "The token is none that this server made.";
    InvalidConfiguration = BAD_REQUEST, "invalid_configuration", "The configuration is not one that Alertmanager would take.";
    MissingKey = UNAUTHORIZED, "missing_key", "The request carries no key.";
    UnknownKey = UNAUTHORIZED, "unknown_key", "The key is not known.";
    RevokedKey = UNAUTHORIZED, "revoked_key", "The key was revoked.";
    ExpiredKey = UNAUTHORIZED, "expired_key", "The key has expired.";
    MissingScope = FORBIDDEN, "missing_scope", "The key lacks the scope.";
    PersonRequired = FORBIDDEN, "person_required", "Only a person may do this.";
    AdministratorRequired = FORBIDDEN, "administrator_required", "Only the installation's own key may do this.";
    NotFound = NOT_FOUND, "not_found", "There is no such thing in this project.";
    NoSuchRoute = NOT_FOUND, "no_such_route", "There is nothing at this address.";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not speak that method.";
    IllegalTransition = CONFLICT, "illegal_transition", "The incident cannot go there from where it stands.";
    FollowsParent = CONFLICT, "follows_parent", "The incident follows the one it was merged into.";
    IncidentClosed = CONFLICT, "incident_closed", "The incident is closed and can no longer be changed.";
    StaleVersion = CONFLICT, "stale_version", "Somebody changed it meanwhile.";
    BuiltInPolicy = CONFLICT, "built_in_policy", "The built-in policy cannot be changed or removed.";
    InUse = CONFLICT, "in_use", "Something else still needs it.";
    AlreadyVerified = CONFLICT, "already_verified", "The endpoint is verified already.";
    ForeignToken = CONFLICT, "foreign_token", "The token is for another endpoint.";
    NameTaken = CONFLICT, "name_taken", "The name is taken.";
    ExpiredToken = GONE, "expired_token", "The token is too old.";
    OutdatedToken = GONE, "outdated_token", "The endpoint is no longer what the token was made for.";
    PreconditionFailed = PRECONDITION_FAILED, "precondition_failed", "It is not at the version that If-Match asks for.";
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body is of another kind than is read here.";
    InvalidFields = UNPROCESSABLE_ENTITY, "invalid_fields", "Fields of the body are not as they must be.";
    RcaRequired = UNPROCESSABLE_ENTITY, "rca_required", "Closing takes a root cause analysis.";
    RcaInvalid = UNPROCESSABLE_ENTITY, "rca_invalid", "The root cause analysis is not complete.";
    ReasonRequired = UNPROCESSABLE_ENTITY, "reason_required", "Reopening takes a reason in words.";
    NotMergeable = UNPROCESSABLE_ENTITY, "not_mergeable", "These incidents cannot be merged.";
    NotSplittable = UNPROCESSABLE_ENTITY, "not_splittable", "These signals cannot be split off.";
    UnknownSignals = UNPROCESSABLE_ENTITY, "unknown_signals", "Some of the signals do not belong to the incident.";
    LimitReached = UNPROCESSABLE_ENTITY, "limit_reached", "A limit is reached.";
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The Idempotency-Key was used for another request.";
    RateLimited = TOO_MANY_REQUESTS, "rate_limited", "It was done just now, or is being done.";
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something is wrong on our side.";
    JournalFull = SERVICE_UNAVAILABLE, "journal_full", "There is more to do than can be taken in now.";
    DiskFull = SERVICE_UNAVAILABLE, "disk_full", "The disk is full or refuses writes.";
    ShuttingDown = SERVICE_UNAVAILABLE, "shutting_down", "The server is shutting down.";
    OutcomeUnknown = SERVICE_UNAVAILABLE, "outcome_unknown", "The request is kept, but its outcome is not known yet.";
}
