//! Why: the closed list of reasons that every decision carries to the audit row, the metric label
//! and the page, unchanged.

use crate::signal::closed_words;

closed_words! {
    /// Why the engine did what it did.
    Reason {
        /// Opened: no incident with this key was open.
        NewKey = 0, "new_key",
        /// Opened: the window had elapsed.
        WindowElapsed = 1, "window_elapsed",
        /// Opened: the window was full.
        WindowFull = 2, "window_full",
        /// Opened: the last of the signals that `open_when` asks for.
        OpenWhenReached = 3, "open_when_reached",
        /// Opened: split off another incident by hand.
        Split = 4, "split",
        /// Joined: the newest open incident with its key.
        OpenIncident = 10, "open_incident",
        /// Joined: the current window.
        CurrentWindow = 11, "current_window",
        /// Joined and reopened: the key fired again within `reopen_within`.
        FiredAgain = 12, "fired_again",
        /// Joined: the signal named the incident.
        NamedIncident = 13, "named_incident",
        /// Joined: the incident with its key was merged into this one.
        MergedIncident = 14, "merged_incident",
        /// Kept without incident: `open_when` asks for more.
        OpenWhenPending = 20, "open_when_pending",
        /// Kept without incident: resolved, and nothing with its key was open.
        NothingFiring = 21, "nothing_firing",
        /// Kept without incident: too many incidents are active.
        IncidentLimit = 22, "incident_limit",
        /// Not applied: the id was applied before.
        DuplicateId = 30, "duplicate_id",
        /// Not applied: the alert was known; its lease is renewed.
        AlertRepeated = 31, "alert_repeated",
        /// Escalated: a signal was worse than all before.
        SeverityRose = 40, "severity_rose",
        /// Moved by a person or an agent.
        ByHand = 50, "by_hand",
        /// Moved by the system: nothing new for `quiet`.
        Quiet = 51, "quiet",
        /// Moved by the system: nothing new for five times `quiet`.
        QuietWindow = 52, "quiet_window",
        /// Moved back by the system: a new signal after it had moved the incident on.
        NewSpike = 53, "new_spike",
        /// Moved by the system: everything that fired has resolved at its source.
        AllResolved = 54, "all_resolved",
        /// Resolved by the system: the alert was not renewed in time.
        LeaseExpired = 55, "lease_expired",
        /// Closed with a complete root cause analysis.
        RcaComplete = 56, "rca_complete",
        /// Moved with the incident it was merged into.
        FollowsParent = 57, "follows_parent",
        /// Merged by hand.
        Merged = 58, "merged",
        /// Too many identities fire to follow them all; the incident will not resolve by itself.
        FiringLimit = 60, "firing_limit",
        /// Too many alerts fire to lease them all.
        AlertLimit = 61, "alert_limit",
        /// Too many keys wait for `open_when`; this one opened at once.
        PendingLimit = 62, "pending_limit",
        /// Held back: a silence matches it.
        Silenced = 72, "silenced",
        /// Held back: a maintenance window matches it.
        Maintenance = 73, "maintenance",
        /// Held back: an inhibition matches it.
        Inhibited = 74, "inhibited",
        /// Held back: the rule has told as often as it may for now.
        RateLimited = 75, "rate_limited",
        /// Too many directives of a kind in a project.
        DirectiveLimit = 76, "directive_limit",
        /// Too much is kept quiet to remember all of it; the rest is not told when that ends.
        QuietLimit = 78, "quiet_limit",
        /// Too many escalation policies run; this one does not start.
        EscalationLimit = 79, "escalation_limit",
        /// Too many fire to remember what each inhibits.
        InhibitionLimit = 77, "inhibition_limit",
        /// Too many ids to remember for the whole horizon; the oldest was dropped early.
        DedupLimit = 63, "dedup_limit",
    }
}
