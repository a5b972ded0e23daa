"""What is mutated, and by which tests it is tested."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Modules, and the tests that are about them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GROUPS = {
    "decisions": Group(
        (
            "deliver/failures.py",
            "deliver/retry_after.py",
            "deliver/schedule.py",
            "webhooks/addresses.py",
            "webhooks/catch_up.py",
            "webhooks/urls.py",
        ),
        (
            "tests/unit/test_addresses.py",
            "tests/unit/test_catch_up.py",
            "tests/unit/test_failures.py",
            "tests/unit/test_retry_after.py",
            "tests/unit/test_schedule.py",
        ),
    ),
    "deliver": Group(
        (
            "deliver/snapshots.py",
            "deliver/worker.py",
            "deliver/recording.py",
            "deliver/attempt_metrics.py",
            "deliver/lanes.py",
            "deliver/dead_letters.py",
            "deliver/unattempted.py",
            "deliver/visibility.py",
            "deliver/batch.py",
            "deliver/handler.py",
            "deliver/service_level.py",
            "deliver/status_changes.py",
            "webhooks/delivery_states.py",
            "webhooks/webhook_marks.py",
        ),
        (
            "tests/unit/test_schedule.py",
            "tests/unit/test_lanes.py",
            "tests/unit/test_snapshots.py",
            "tests/integration/test_batch.py::test_a_copy_that_cannot_be_handled_keeps_nothing_else_of_its_batch",
            "tests/integration/test_catch_up.py::test_an_outage_that_ends_before_a_crash_in_it_is_made_good_is_caught_up_too",
            "tests/integration/test_catch_up.py::test_what_is_too_old_is_left_failed",
            "tests/integration/test_config_table.py::test_a_recovery_that_was_overtaken_changes_nothing",
            "tests/integration/test_config_table.py::test_a_webhook_that_was_deleted_meanwhile_is_in_no_lane",
            "tests/integration/test_deliver.py",
            "tests/integration/test_dead_letters.py",
            "tests/integration/test_lanes.py",
            "tests/integration/test_gone.py",
            "tests/integration/test_ended_early.py",
            "tests/integration/test_erasure.py::test_a_message_that_was_on_its_way_writes_nothing_and_its_event_goes",
            "tests/integration/test_telemetry.py",
        ),
    ),
    "catch_up": Group(
        ("deliver/catch_up.py", "webhooks/catch_ups.py", "webhooks/new_rounds.py"),
        (
            "tests/integration/test_api_recovery.py::test_each_failed_delivery_is_sent_once_more_in_a_new_round",
            "tests/integration/test_api_recovery.py::test_two_calls_at_once_post_nothing_twice",
            "tests/integration/test_catch_up.py",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_pace.py::test_recovery_keeps_to_the_pace",
        ),
    ),
    "pace": Group(
        ("deliver/release.py", "webhooks/pace.py", "webhooks/waiting_deliveries.py"),
        (
            "tests/integration/test_catch_up.py::test_a_person_who_enables_a_failing_webhook_begins_it_within_a_minute",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_pace.py",
            "tests/integration/test_telemetry.py::test_a_list_of_what_is_due_that_cannot_be_read_is_our_fault",
        ),
    ),
    "fanout": Group(
        ("fanout/batch.py", "fanout/handler.py", "fanout/incoming.py"),
        (
            "tests/integration/test_fanout.py",
            "tests/integration/test_lanes.py::test_fanout_routes_by_the_mark",
            "tests/integration/test_pace.py",
            "tests/integration/test_telemetry.py",
        ),
    ),
    "api": Group(
        ("api/access.py", "api/retries.py"),
        (
            "tests/integration/test_api_access.py",
            "tests/integration/test_api_keys.py",
            "tests/integration/test_api_retries.py",
            "tests/integration/test_api_session.py",
        ),
    ),
    "log": Group(
        (
            "webhooks/delivery_log.py",
            "webhooks/recoverable_deliveries.py",
            "webhooks/delivery_lists.py",
            "webhooks/retention.py",
        ),
        (
            "tests/unit/test_items.py::test_the_log_forgets_an_event_and_its_deliveries_after_so_many_days",
            "tests/integration/test_api_deliveries.py",
            "tests/integration/test_api_found_events.py",
            "tests/integration/test_api_recovery.py",
            "tests/integration/test_api_retries.py",
            "tests/integration/test_api_statistics.py",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_dead_letters.py",
            "tests/integration/test_deliver.py::test_a_record_whose_answer_is_lost_is_not_taken_for_another_copys",
            "tests/integration/test_deliver.py::test_the_first_200_makes_a_failing_webhook_active_and_tells_so",
            "tests/integration/test_deliver.py::test_what_another_copy_wrote_meanwhile_stands",
        ),
    ),
    "config": Group(
        ("webhooks/config_table.py", "webhooks/webhook_lists.py"),
        (
            "tests/integration/test_api_found_events.py::test_an_event_is_shown_with_its_delivery_to_each_webhook",
            "tests/integration/test_api_preconditions.py",
            "tests/integration/test_config_table.py",
            "tests/integration/test_consistent_reads.py",
        ),
    ),
    "items": Group(
        (
            "webhooks/items.py",
            "webhooks/item_keys.py",
            "webhooks/delivery_places.py",
            "webhooks/expressions.py",
            "webhooks/attribute_values.py",
        ),
        (
            "tests/unit/test_expressions.py",
            "tests/unit/test_items.py",
            "tests/integration/test_config_table.py",
        ),
    ),
    "keys": Group(
        ("webhooks/key_table.py", "webhooks/api_keys.py"),
        (
            "tests/integration/test_api_access.py::test_a_key_is_listed_without_its_secret_and_revoked_at_once",
            "tests/integration/test_api_keys.py",
            "tests/integration/test_api_limits.py::test_a_portal_session_is_an_account_key_that_expires",
            "tests/integration/test_api_limits.py::test_an_ended_session_opens_nothing_and_is_not_listed",
            "tests/integration/test_api_session.py",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_erasure.py::test_nothing_of_an_erased_account_is_left_and_all_of_another",
        ),
    ),
    "queries": Group(
        ("webhooks/log_queries.py", "webhooks/log_pages.py", "webhooks/stored_events.py", "webhooks/due.py"),
        (
            "tests/integration/test_api_deliveries.py",
            *(
                f"tests/integration/test_api_recovery.py::{test}"
                for test in (
                    "test_only_events_accepted_since_then",
                    "test_a_page_begins_after_the_last_one_even_if_nothing_of_it_was_sent",
                    "test_pages_of_a_hundred_until_the_cursor_is_null",
                    "test_failed_deliveries_are_counted_read_by_read_up_to_the_limit",
                    "test_stranded_deliveries_are_recovered_and_those_under_way_are_not",
                    "test_what_is_being_retried_hides_nothing_that_failed_after_it",
                    "test_pending_deliveries_whose_message_is_lost_are_recovered",
                    "test_pending_deliveries_that_are_under_way_are_not_even_read",
                    "test_a_cursor_beyond_the_end_finds_nothing",
                )
            ),
            "tests/integration/test_config_table.py::test_an_accounts_subscriptions_are_read_without_its_secrets",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_fanout.py::test_a_webhook_with_whatsapp_accounts_gets_their_events_only",
            "tests/integration/test_fanout.py::test_an_event_that_names_no_whatsapp_account_is_for_webhooks_without_the_filter",
            "tests/integration/test_due.py",
        ),
    ),
    "requests": Group(
        (
            "webhooks/conflicts.py",
            "webhooks/deduplication.py",
            "webhooks/batches.py",
            "webhooks/rate_limits.py",
            "webhooks/inboxes.py",
        ),
        (
            "tests/integration/test_api_limits.py",
            "tests/integration/test_api_test_addresses.py",
            "tests/integration/test_batches.py",
            "tests/integration/test_config_table.py",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_recent_requests.py",
        ),
    ),
    "accounts": Group(
        ("webhooks/account_items.py", "webhooks/account_data.py", "webhooks/erasures.py", "deliver/erase.py"),
        (
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_telemetry.py::test_a_list_of_what_is_due_that_cannot_be_read_is_our_fault",
            *(
                f"tests/integration/test_erasure.py::{test}"
                for test in (
                    "test_keys_and_webhooks_are_gone_at_once_and_the_log_when_nothing_writes_it_any_more",
                    "test_it_is_written_to_the_log_of_the_function",
                    "test_repeated_it_is_the_same_erasure_and_after_its_end_another_one",
                    "test_an_account_that_nobody_knows_is_erased_just_the_same",
                    "test_a_new_account_of_the_same_id_works_and_is_left_alone",
                    "test_a_message_that_was_on_its_way_writes_nothing_and_its_event_goes",
                    "test_a_webhook_that_is_created_while_the_account_is_erased_goes_too",
                    "test_a_key_that_is_minted_while_the_account_is_erased_goes_too",
                    "test_a_webhook_that_somebody_else_deletes_meanwhile_is_not_counted",
                    "test_what_a_call_had_announced_to_publishers_is_forgotten",
                    "test_an_account_with_webhooks_is_not_forgotten",
                    "test_a_step_erases_a_page",
                    "test_the_log_of_whoever_waits_longest_is_erased_first",
                    "test_what_is_over_counts_nothing_more",
                    "test_an_erasure_is_of_what_was_accepted_before_it_ended",
                    "test_what_dynamodb_leaves_unprocessed_is_deleted_again",
                    "test_more_accounts_than_a_run_takes_come_when_others_are_done",
                    "test_a_throttled_account_holds_up_no_other_and_is_erased_later",
                    "test_more_than_a_run_can_do_goes_on_a_minute_later",
                )
            ),
        ),
    ),
    "post": Group(
        (
            "deliver/adapters.py",
            "deliver/connection.py",
            "deliver/deadline_socket.py",
            "deliver/final_response.py",
            "deliver/response_body.py",
            "deliver/sender.py",
            "deliver/tls.py",
            "deliver/watchdog.py",
        ),
        (
            "tests/unit/test_addresses.py::test_every_public_answer_is_tried",
            "tests/unit/test_addresses.py::test_a_name_with_ipv6_addresses_alone_is_refused_at_save_and_at_the_attempt",
            "tests/unit/test_addresses.py::test_the_promised_words",
            "tests/unit/test_watchdog.py",
            "tests/integration/test_connections.py",
            "tests/integration/test_deliver.py::test_a_200_is_delivered_and_acknowledged",
            "tests/integration/test_deliver.py::test_a_test_event_can_be_told_from_a_real_one",
            "tests/integration/test_hostile.py",
            "tests/integration/test_sender.py",
        ),
    ),
    "mail": Group(
        ("webhooks/notifications.py",),
        (
            "tests/integration/test_api_notifications.py",
            "tests/integration/test_consistent_reads.py",
            "tests/integration/test_mail.py",
        ),
    ),
    "subscriptions": Group(
        ("webhooks/subscription_changes.py",),
        ("tests/integration/test_api_subscriptions.py", "tests/integration/test_consistent_reads.py"),
    ),
}
SAMPLE = "sample"
"""The modules that have been measured whole, and those that quick tests are about, for a few mutants of each."""

GROUPS[SAMPLE] = Group(
    (
        *GROUPS["decisions"].modules,
        *GROUPS["fanout"].modules,
        *GROUPS["api"].modules,
        "webhooks/attribute_values.py",
        "webhooks/expressions.py",
        "webhooks/delivery_places.py",
        "webhooks/item_keys.py",
        "webhooks/retention.py",
    ),
    (
        *GROUPS["decisions"].tests,
        "tests/unit/test_expressions.py",
        "tests/unit/test_items.py",
        "tests/integration/test_api_access.py",
        "tests/integration/test_api_keys.py",
        "tests/integration/test_api_retries.py",
        "tests/integration/test_fanout.py",
        "tests/integration/test_lanes.py::test_fanout_routes_by_the_mark",
    ),
)

# The first are about other processes, which have no mutants; each mutant that survives would wait for the others.
LEFT_OUT = (
    "tests/unit/test_addresses.py::test_the_results_are_the_same_on_every_python",
    "tests/unit/test_addresses.py::test_the_standard_library_is_enough_but_for_international_names",
    "tests/integration/test_api_deliveries.py::test_a_page_of_long_answers_ends_before_lambdas_own_limit",
    "tests/integration/test_api_webhooks.py::test_switching_a_webhook_on_and_off_does_not_flood_the_bus",
    "tests/integration/test_connections.py::test_a_flooding_endpoint_holds_up_no_batch",
    "tests/integration/test_connections.py::test_a_connection_is_free_only_when_its_attempt_is_over",
    "tests/integration/test_hostile.py::test_every_hostile_kind_ends_in_time_with_the_cause_in_words",
    "tests/integration/test_hostile.py::test_look_ups_that_hang_end_in_time_and_hold_up_nobody",
    "tests/integration/test_hostile.py::test_the_end_of_an_attempt_is_never_put_off",
    "tests/integration/test_lanes.py::test_names_that_hang_hold_up_nobody_in_a_batch_of_retries",
)
