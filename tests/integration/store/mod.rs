//! The contract of `exeat::store`, kept by every engine: one suite, and one line here per engine.

mod approvals;
mod bed;
mod crash;
mod installed;
mod log;
mod orders;
mod runs;
mod sqlite;
mod uses;

/// One second.
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

macro_rules! conformance {
    ($($room:ident: $($promise:ident)+;)+) => {
        engine!(sqlite_file, $($($room::$promise)+)+);
        engine!(sqlite_memory, $($($room::$promise)+)+);
    };
}

macro_rules! engine {
    ($engine:ident, $($room:ident::$promise:ident)+) => {
        mod $engine {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let bed = super::bed::$engine().await;
                super::$room::$promise(bed).await;
            })+
        }
    };
}

conformance! {
    installed:
        what_was_installed_is_given_back
        a_name_belongs_to_one_who_is_there
        a_refused_change_leaves_no_entry
        versions_follow_one_another
        a_client_certificate_comes_with_its_key
        a_session_ends_by_itself_or_with_its_person
        a_later_passkey_comes_with_a_signature
        a15_a_use_has_one_credential
        keys_come_oldest_first
        an_agent_ends_with_all_it_had
        a_layer_is_given_back_and_ends_once;
    approvals:
        a_request_is_given_back_as_it_was_made
        an_idempotency_key_stands_for_one_request
        the_same_undecided_request_is_one
        undecided_requests_are_bounded_while_they_last
        a_request_names_what_is_in_force
        a_transition_follows_the_revision_it_read
        two_people_who_decide_at_once_are_both_counted
        nothing_is_written_that_the_domain_does_not_know
        a_person_who_was_removed_decides_nothing
        i06_a_changed_credential_makes_an_approval_stale
        i06_a_changed_upstream_makes_an_approval_stale
        i06_a_changed_policy_makes_an_approval_stale
        counters_are_never_overwritten
        approvals_are_listed_newest_first;
    uses:
        j11_of_a_hundred_exchanges_as_many_succeed_as_were_granted
        j11_of_a_hundred_uses_as_many_begin_as_were_granted
        j11_one_exchange_makes_one_token_however_often_it_is_written
        one_use_begins_once
        i09_a_revoked_approval_ends_its_tokens
        i09_a_revoked_token_is_ended_once
        i08_time_ends_a_token_and_an_approval
        who_is_refused_takes_nobody_along
        a_use_is_of_the_token_it_names
        a_use_ends_once
        what_a_layer_reports_is_on_record_once;
    runs:
        a_run_is_given_back_as_it_was_started
        a_run_climbs_and_ends_once
        a_run_is_of_an_agent_that_is_there
        a_request_names_a_run_that_is_under_way
        i09_what_was_granted_to_a_run_ends_with_it
        a_connection_is_opened_by_what_stands
        a_connection_ends_once;
    log:
        the_log_verifies_whatever_was_written
        stored_subtrees_are_those_of_the_tree
        entries_are_found_by_what_they_are_about
        entries_are_found_by_their_time;
    orders:
        j15_in_every_order_the_rules_hold;
}
