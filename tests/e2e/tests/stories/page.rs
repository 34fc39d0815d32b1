//! The authorization page in a real Chromium: a file a behavior.
//!
//! `browser` drives Chromium, `visit` is a person who uses it, `looks` sees every page in light and dark, on a phone and on a desktop.
//! Without a browser the visits say so and pass, unless `CI` or `REQUIRE_BROWSER` is set.

mod browser;
mod looks;
mod visit;

mod addresses;
mod connections;
mod consent;
mod copying;
mod delivered;
mod failures;
mod fresh_state;
mod keyboard;
mod names;
mod once;
mod print;
mod troubles;
mod without_script;

e2e::stories! {
    troubles: an_operators_fault_shows_a_reference_and_no_detail, a_tiktok_that_is_slow_or_down_costs_no_code_where_it_can_be_helped;
    addresses: every_address_has_a_page;
    delivered: from_the_public_link_to_a_delivered_audience;
    connections: what_had_stopped_works_again_and_the_page_says_what_is_left_to_do, a_token_that_may_not_manage_audiences_displaces_none_that_works;
    consent: an_admin_and_an_operator_get_a_token_for_all_their_accounts, who_cannot_use_the_token_yet_hears_why_and_what_to_do,
        an_advertiser_without_this_integration_is_sent_to_the_account_manager, a_permission_that_was_not_ticked_is_named,
        who_cancels_hears_what_to_check;
    copying: the_token_is_copied_without_being_shown, every_account_has_its_id_copied_by_its_own_button,
        where_the_clipboard_is_refused_the_token_is_selected_instead, the_token_is_revealed_on_demand_and_hidden_again,
        a_token_that_is_not_ready_is_there_for_those_who_insist;
    failures: a_code_works_once, a_code_that_expired_and_one_that_nobody_gave_cannot_be_shown,
        a_link_that_tiktok_never_makes_exchanges_nothing;
    fresh_state: the_start_page_leads_to_tiktok_and_back_with_a_fresh_state, the_public_link_is_no_way_in_where_a_fresh_state_is_required,
        what_was_begun_in_one_browser_is_not_finished_in_another;
    keyboard: the_keyboard_reaches_everything_in_reading_order_and_shows_where_it_is,
        the_keyboard_alone_copies_and_reveals_the_token_and_starts_again;
    names: hostile_names_are_shown_as_they_are_and_do_nothing, more_than_a_hundred_accounts_are_all_there_and_can_be_filtered;
    once: neither_reloading_nor_going_back_shows_the_token_again, a_closed_tab_leaves_nothing_behind;
    print: the_token_is_not_printed;
    without_script: without_script_the_token_can_be_revealed_and_selected_once, without_script_many_accounts_are_all_listed_and_failures_look_the_same;
}
