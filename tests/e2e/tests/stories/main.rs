//! Stories against the deployed template: real binaries behind real SQS, Secrets Manager and HTTP, and the sandbox for TikTok.
//! A file a behavior. `make test` builds what they need.
//!
//! They have a `main` of their own, since they share stacks: see `e2e::trials`.

mod answers;
mod chaos;
mod connections;
mod emails;
mod erasure;
mod fairness;
mod foreign;
mod healing;
mod isolation;
mod operator;
mod order;
mod outage;
mod page;
mod records;
mod repetition;
mod straight_path;
mod throttling;
mod tokens;

fn main() -> anyhow::Result<std::process::ExitCode> {
    // Visits wait for a browser alone: they come first, and the others run beside them.
    e2e::trials::run_all(|runtime| [page::trials(runtime), trials(runtime)].into_iter().flatten().collect())
}

// The long ones first, so that the others run beside them.
e2e::stories! {
    chaos: a_minute_of_chaos_ends_as_the_model_says_or_in_true_letters;
    outage: server_errors_for_a_minute_leave_the_newest_change_of_everybody, a_hanging_advertiser_keeps_no_other_waiting_in_any_round,
        connections_cut_before_and_after_a_call_takes_effect_leave_what_was_meant, a_tiktok_slower_than_the_time_out_loses_nothing,
        an_uploader_killed_while_it_deletes_loses_and_reverts_nothing;
    records: a_firehose_token_is_rotated_and_secrets_may_end_in_a_line_feed, secrets_manager_down_with_a_warm_cache_costs_nothing,
        a_record_that_is_being_deleted_or_cannot_be_read_keeps_changes_waiting, writers_of_one_record_at_the_same_time_all_succeed;
    tokens: a_stranger_who_types_anothers_account_id_changes_nothing_for_him,
        five_authorizations_and_a_second_configuration_keep_their_tokens, six_users_with_a_token_each_on_one_advertiser_all_deliver,
        an_active_connection_whose_token_ended_when_its_owner_authorized_again_is_repaired_by_the_page;
    healing: every_token_refused_for_a_while_kills_nobody, a_dead_connection_is_healed_by_the_page_without_pasting,
        a_dead_connection_is_healed_by_pasting_a_new_token, a_dead_connection_comes_back_with_the_older_token_that_its_customer_goes_back_to,
        a_former_agency_dies_alone, where_too_many_messages_wait_those_of_a_dead_connection_are_given_up;
    fairness: a_flood_for_one_connection_does_not_delay_another, with_a_call_a_second_for_all_everybody_is_served_again_and_again;
    throttling: a_throttled_app_catches_up_and_a_throttled_advertiser_waits_alone;
    repetition: thousands_arrive_while_thirty_percent_of_calls_fail, sqs_failing_in_part_is_answered_with_503_and_a_repetition_does_no_harm,
        requests_that_mparticle_repeats_change_nothing;
    emails: addresses_travel_only_for_the_audiences_whose_customers_say_so;
    erasure: who_asks_to_be_forgotten_is_in_no_audience_when_the_queue_is_empty, a_request_without_an_account_is_answered_alike_by_both_transports;
    foreign: foreign_messages_on_the_queue_become_letters_and_a_newer_version_waits;
    straight_path: people_of_every_kind_reach_their_audiences_by_both_transports, calls_are_few_and_large,
        both_transports_give_the_same_answer, another_server_that_speaks_the_same_api_is_called_where_the_deployment_says_so;
    isolation: a_deleted_audience_is_rejected_once_and_costs_no_later_batch_a_call, bad_rows_spread_over_a_call_stand_alone,
        a_letter_for_an_audience_that_was_never_connected_finds_it_when_it_is_sent_again;
    operator: an_operator_finds_what_was_given_up_and_why_and_sends_it_again,
        a_customer_that_is_forgotten_leaves_no_token_letter_or_waiting_change, the_firehose_token_is_changed_with_the_operators_tool,
        what_an_operator_got_wrong_is_told_in_one_line;
    order: two_people_with_one_device_are_one_id, a_change_sent_before_the_token_changed_uses_the_new_one;
    connections: connecting_many_times_at_once_leaves_one_audience, two_configurations_never_share_an_audience;
    answers: a_wrong_firehose_token_and_a_body_over_the_limit_are_refused;
}
