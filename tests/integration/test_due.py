"""The index by which `deliver.release` finds what it has to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import put_items
from webhooks.attribute_values import to_item
from webhooks.due import DueWebhooks
from webhooks.item_keys import catch_up_key, pace_key
from webhooks.times import rfc3339


def test_what_is_due_longest_is_read_first_and_so_much_at_a_time(aws: Aws, clock: Clock) -> None:
    keys = {1: pace_key("wh_1"), 0: catch_up_key("wh_2"), -1: pace_key("wh_3"), 2: pace_key("wh_4")}
    due = {ago: rfc3339(clock.at - timedelta(milliseconds=ago)) for ago in keys}
    put_items(aws, [key | to_item({"due": "due", "due_at": due[ago]}) for ago, key in keys.items()])
    put_items(aws, [pace_key("wh_5") | to_item({"due": "wh_5", "due_at": due[2]})])
    found = [("wh_4", "pace"), ("wh_1", "pace"), ("wh_2", "catch_up")]
    due_webhooks = DueWebhooks(aws.dynamodb, aws.log_table)
    assert due_webhooks.read(limit=9) == found
    assert due_webhooks.read(limit=2) == found[:2]


def test_what_does_not_fit_one_answer_is_read_too(aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 1 MB; here at two items."""
    keys = [pace_key(f"wh_{number}") for number in range(5)]
    put_items(aws, [key | to_item({"due": "due", "due_at": rfc3339(clock.at)}) for key in keys])
    real = aws.dynamodb.query
    monkeypatch.setattr(aws.dynamodb, "query", lambda **request: real(**request | {"Limit": min(request["Limit"], 2)}))
    due_webhooks = DueWebhooks(aws.dynamodb, aws.log_table)
    assert sorted(due_webhooks.read(limit=9)) == [(f"wh_{number}", "pace") for number in range(5)]
    assert len(due_webhooks.read(limit=3)) == 3
