"""What counts as a double click: the same request of an account within an hour."""

from __future__ import annotations

from datetime import timedelta

from tests.integration.conftest import Aws, Clock
from webhooks.deduplication import RecentRequests
from webhooks.item_keys import recent_request_key


def test_a_request_is_recent_for_an_hour_and_dynamodb_may_delete_it_then(aws: Aws, clock: Clock) -> None:
    """Which it does up to days later."""
    requests = RecentRequests(aws.dynamodb, aws.config_table)
    assert not requests.is_recorded("acme", "retry")
    assert [requests.seen_recently("acme", "retry") for _ in range(2)] == [False, True]
    assert [requests.is_recorded("acme", "test"), requests.is_recorded("other", "retry")] == [False, False]
    clock.at += timedelta(seconds=3599)
    assert requests.is_recorded("acme", "retry")
    clock.at += timedelta(seconds=1)
    assert not requests.is_recorded("acme", "retry")
    key = recent_request_key("acme", "retry")
    item = aws.dynamodb.get_item(TableName=aws.config_table, Key=key)["Item"]
    assert item == key | {"expires_at": {"N": str(int(clock.at.timestamp()))}}
    assert [requests.seen_recently("acme", "retry") for _ in range(2)] == [False, True]
