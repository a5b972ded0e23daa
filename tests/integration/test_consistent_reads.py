"""What is asked of DynamoDB that moto answers whatever is asked: strongly consistent reads, and none of nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import Pipeline
from tests.integration.test_config_table import webhook
from webhooks.account_items import AccountItems
from webhooks.catch_ups import CatchUps
from webhooks.config_table import ConfigTable
from webhooks.deduplication import RecentRequests
from webhooks.delivery_lists import DeliveryLists, read_listed
from webhooks.delivery_log import DeliveryLog
from webhooks.delivery_states import DeliveryStates
from webhooks.erasures import Erasures
from webhooks.errors import NotFound
from webhooks.inboxes import Inboxes
from webhooks.key_table import KeyTable
from webhooks.notifications import NotificationTable
from webhooks.recoverable_deliveries import RecoverableDeliveries
from webhooks.stored_events import StoredEvent
from webhooks.subscription_changes import SubscriptionChanges
from webhooks.times import now, rfc3339
from webhooks.waiting_deliveries import WaitingDeliveries
from webhooks.webhook_lists import WebhookLists

EVENT = StoredEvent("acme", "evt_1", "message.incoming", "{}", "2026-05-29T10:30:00.000Z")


def log(aws: Aws) -> DeliveryLog:
    return DeliveryLog(aws.dynamodb, aws.log_table, log_days=30)


def lists(aws: Aws) -> WebhookLists:
    return WebhookLists(aws.dynamodb, aws.config_table)


def keys(aws: Aws) -> KeyTable:
    return KeyTable(aws.dynamodb, aws.config_table)


def inboxes(aws: Aws) -> Inboxes:
    return Inboxes(aws.dynamodb, aws.config_table, aws.log_table)


def account_items(aws: Aws) -> AccountItems:
    return AccountItems(aws.dynamodb, aws.config_table, aws.log_table)


def changes(aws: Aws) -> SubscriptionChanges:
    return SubscriptionChanges(aws.dynamodb, lists(aws), aws.events, aws.bus)


READS: dict[str, Callable[[Aws], Any]] = {
    "an event": lambda aws: log(aws).event("acme", "evt_1"),
    "a delivery": lambda aws: log(aws).delivery("wh_1", EVENT.accepted_at, "evt_1"),
    "an event's deliveries": lambda aws: log(aws).deliveries(EVENT, ["wh_1"]),
    "bodies": lambda aws: log(aws).bodies("acme", ["evt_1"]),
    "a page of deliveries": lambda aws: DeliveryLists(aws.dynamodb, aws.log_table, log_days=30).page(
        "wh_1", limit=1, after=None
    ),
    "a webhook": lambda aws: ConfigTable(aws.dynamodb, aws.config_table).webhook("acme", "wh_1"),
    "subscriptions": lambda aws: lists(aws).subscriptions("acme"),
    "names": lambda aws: lists(aws).names("acme"),
    "a page of webhooks": lambda aws: lists(aws).page("acme", limit=1),
    "a catching up": lambda aws: CatchUps(aws.dynamodb, aws.log_table, log_days=30).read("wh_1"),
    "what waits": lambda aws: WaitingDeliveries(aws.dynamodb, aws.log_table, log_days=30).first("wh_1", limit=1),
    "whether something waits": lambda aws: WaitingDeliveries(aws.dynamodb, aws.log_table, log_days=30).state("wh_1"),
    "whether what is pending may wait": lambda aws: RecoverableDeliveries(
        aws.dynamodb, aws.log_table, log_days=30
    )._something_waits("wh_1"),
    "what decides about a POST": lambda aws: list(
        DeliveryStates(aws.dynamodb, aws.config_table, aws.log_table).read([Pipeline(aws).message()])
    ),
    "a key": lambda aws: keys(aws).authenticate("key_1.secret", now()),
    "an account's keys": lambda aws: keys(aws).of_account("acme", now(), limit=1),
    "a key to revoke": lambda aws: keys(aws).revoke("key_1"),
    "keys to revoke": lambda aws: keys(aws).revoke_all("acme"),
    "a recent request": lambda aws: RecentRequests(aws.dynamodb, aws.config_table).is_recorded("acme", "retry"),
    "a test address": lambda aws: inboxes(aws).owner("0f"),
    "what a test address has received": lambda aws: inboxes(aws).newest(
        webhook(inbox="0f"), after=0, before=None, limit=1
    ),
    "an erasure": lambda aws: Erasures(aws.dynamodb, aws.log_table).read("acme"),
    "a deleted webhook": lambda aws: account_items(aws).deleted_webhook("acme"),
    "what to erase of a webhook": lambda aws: account_items(aws).delete_deliveries("acme", "wh_1"),
    "what to erase of its pace": lambda aws: account_items(aws).delete_pace_and_inbox("acme", "wh_1"),
    "what to erase of an account": lambda aws: account_items(aws).delete_counters("acme"),
    "where mails go": lambda aws: NotificationTable(aws.dynamodb, aws.config_table).read("acme"),
    "what publishers know": lambda aws: changes(aws).read("acme"),
    "what publishers are told no more": lambda aws: changes(aws).forget("acme"),
}


def requests(aws: Aws, read: Callable[[Aws], Any]) -> list[dict[str, Any]]:
    """Of each table that is read."""
    asked: list[dict[str, Any]] = []

    def see(params: dict[str, Any], **_: Any) -> None:
        asked.extend(params["RequestItems"].values() if "RequestItems" in params else [params])

    aws.dynamodb.meta.events.register("before-parameter-build.dynamodb.*", see)
    with suppress(NotFound):
        read(aws)
    return asked


def consistency(aws: Aws, read: Callable[[Aws], Any]) -> set[Any]:
    return {request.get("ConsistentRead") for request in requests(aws, read)}


@pytest.mark.parametrize("read", READS)
def test_what_decides_or_is_shown_is_never_read_stale(aws: Aws, read: str) -> None:
    assert consistency(aws, READS[read]) == {True}


def test_statistics_are_counted_from_reads_at_half_the_price(aws: Aws) -> None:
    statistics = DeliveryLists(aws.dynamodb, aws.log_table, log_days=30)
    assert consistency(aws, lambda _: statistics.outcomes("wh_1", EVENT.accepted_at)) == {False}


def test_of_deleted_webhooks_no_more_is_read_than_is_used(aws: Aws) -> None:
    """Their ids are kept for 400 days, and one is asked for at each step of an erasure."""
    assert [request["Limit"] for request in requests(aws, READS["a deleted webhook"])] == [1]


def test_of_nothing_nothing_is_asked(aws: Aws) -> None:
    """moto would answer; DynamoDB refuses a BatchGetItem without keys."""
    lists_nothing = consistency(aws, lambda aws: read_listed(aws.dynamodb, aws.log_table, []))
    assert consistency(aws, lambda aws: log(aws).bodies("acme", [])) == lists_nothing == set()


@pytest.mark.parametrize(("left", "known"), [(timedelta(0), False), (timedelta(milliseconds=1), True)])
def test_an_event_is_forgotten_after_its_days_to_the_millisecond(
    aws: Aws, clock: Clock, left: timedelta, known: bool
) -> None:
    """DynamoDB removes it up to days later."""
    at = rfc3339(clock.at - timedelta(days=30) + left)
    log(aws).put_event_once(StoredEvent("acme", "evt_1", "message.incoming", "{}", at))
    assert (log(aws).event("acme", "evt_1") is not None) is known
