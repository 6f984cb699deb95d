//! What every backend of the store is held to: one list of cases, each run on a store of its own.
//!
//! A case knows a store only by its traits and panics where it does not do what they say. Nothing
//! here is left to chance: random cases start from fixed seeds.

mod administration;
mod directory;
pub mod fixtures;
mod history;
mod incidents;
mod isolation;
pub mod notices;
mod outbox;
mod random;

use std::pin::Pin;
use std::sync::Arc;

use self::outbox::{effects, leases, lines, lists, random as outbox_random};
use crate::Store;

/// One case: a sentence, and what makes it true.
#[derive(Clone, Copy)]
pub struct Case {
    /// The sentence, with underscores.
    pub name: &'static str,
    run: fn(Arc<dyn Store>) -> Running,
}

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Case {
    /// Runs it on a store that nobody else uses and that has just been made.
    pub async fn run(self, store: Arc<dyn Store>) {
        (self.run)(store).await;
    }
}

/// Names each case as its function is named.
macro_rules! cases {
    ($($module:ident :: $case:ident),+ $(,)?) => {
        &[$(Case { name: stringify!($case), run: |store| Box::pin($module::$case(store)) }),+]
    };
}

/// Every case.
pub const CASES: &[Case] = cases![
    incidents::a_new_store_stands_before_everything,
    incidents::a_commit_from_anywhere_else_is_fenced_and_changes_nothing,
    incidents::partitions_stand_each_where_they_are,
    incidents::a_commit_without_effects_moves_the_offset,
    incidents::every_field_of_an_incident_reads_back,
    incidents::counters_are_those_of_the_last_signal,
    incidents::counters_before_and_after_a_whole_row_fall_into_place,
    incidents::ten_thousand_incidents_fit_one_commit,
    incidents::the_same_effects_again_change_nothing,
    incidents::a_list_is_in_order_under_every_filter_and_page,
    incidents::a_page_is_never_longer_than_the_limit,
    incidents::wildcards_in_a_search_mean_themselves,
    incidents::incidents_are_found_by_number,
    incidents::incidents_are_counted_by_status_and_severity,
    history::a_timeline_is_paged_oldest_first,
    history::every_action_of_the_audit_reads_back,
    history::an_audit_row_once_written_stays,
    history::children_are_listed_and_cite_the_analysis_of_their_parent,
    history::a_moved_signal_is_out_of_one_incident_and_in_another,
    history::policies_are_in_order_and_leave_when_removed,
    history::alerts_stay_from_firing_to_resolved,
    history::an_alert_that_waited_belongs_to_the_incident_it_joined,
    administration::a_new_store_has_the_default_project,
    administration::projects_get_the_next_id_and_names_of_their_own,
    administration::keys_are_kept_without_their_secret_until_revoked,
    administration::the_use_of_a_key_is_noted_and_never_goes_back,
    administration::drafts_have_versions_that_guard_them,
    administration::keys_grant_what_the_store_holds,
    directory::subscribers_are_listed_by_name_and_created_once,
    directory::a_stale_version_is_refused_and_says_the_current_one,
    directory::what_is_not_there_is_neither_replaced_nor_removed,
    directory::names_of_subscribers_and_documents_are_taken_once,
    directory::a_subscriber_goes_after_its_endpoints_and_rules,
    directory::endpoints_are_listed_by_creation_with_their_secrets,
    directory::an_endpoint_is_verified_at_the_version_that_was_seen,
    directory::documents_are_listed_by_kind_and_name,
    directory::directives_are_paged_by_id_and_by_subscriber,
    directory::a_directive_is_the_one_saved_last_until_removed,
    effects::every_field_of_a_notification_reads_back,
    effects::a_notification_is_due_once,
    effects::a_held_notification_goes_nowhere,
    effects::a_notification_stands_where_its_deliveries_stand,
    effects::every_try_is_kept_and_moves_its_delivery,
    effects::a_try_already_known_moves_nothing,
    effects::a_receipt_makes_the_delivery_that_was_lost,
    effects::a_batch_applied_twice_changes_nothing,
    effects::effects_in_one_batch_do_what_they_do_in_many,
    effects::replayed_letters_are_due_at_once_with_a_new_deadline,
    effects::a_letter_is_replayed_as_often_as_it_is_asked_for_in_one_instant,
    effects::a_thread_is_what_the_first_message_was_called,
    effects::figures_count_what_is_due_and_what_is_dead,
    effects::ten_thousand_notifications_fit_one_commit,
    leases::what_is_leased_is_nobody_elses_until_the_lease_ends,
    leases::leases_are_given_back,
    leases::what_is_about_one_incident_goes_to_a_target_in_order,
    leases::signals_go_in_parallel,
    lines::what_is_about_one_alert_goes_to_a_target_in_order,
    lines::a_later_contact_method_holds_nothing_up,
    lines::a_later_contact_method_takes_its_place_when_its_time_comes,
    lines::a_later_contact_method_that_is_tried_again_holds_up_what_came_after_it,
    lines::an_alert_told_to_a_person_is_in_order_too,
    leases::one_stuck_target_hides_no_other,
    leases::what_is_due_to_a_person_is_spread_over_endpoints,
    leases::what_nobody_can_be_told_is_held,
    lists::notifications_are_listed_under_every_filter_and_page,
    lists::letters_are_listed_under_every_filter_and_page,
    outbox_random::random_deliveries_read_as_they_do_in_memory,
    isolation::nothing_of_a_project_is_read_from_another,
    random::a_random_history_reads_as_it_does_in_memory,
];

/// Runs every case on a store made by `fresh`, to the end, and then says which of them failed.
///
/// # Panics
/// When a case failed.
pub async fn run<F: Future<Output = Arc<dyn Store>>>(fresh: impl Fn() -> F) {
    let mut failed = Vec::new();
    for case in CASES {
        let store = fresh().await;
        if tokio::spawn(case.run(store)).await.is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "cases that failed: {failed:?}");
}
