"""What the API alone keeps in the tables, created once per process."""

from __future__ import annotations

import os
from functools import cache

from webhooks.clients import client
from webhooks.deduplication import RecentRequests
from webhooks.inboxes import Inboxes
from webhooks.key_table import KeyTable
from webhooks.rate_limits import RateLimits
from webhooks.subscription_changes import SubscriptionChanges
from webhooks.tables import webhook_lists


@cache
def key_table() -> KeyTable:
    return KeyTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def rate_limits() -> RateLimits:
    return RateLimits(
        client("dynamodb"),
        os.environ["CONFIG_TABLE"],
        sends=int(os.environ["SENDS_PER_MINUTE"]),
        recoveries=int(os.environ["RECOVERIES_PER_MINUTE"]),
        host_sends=int(os.environ["HOST_SENDS_PER_MINUTE"]),
        listings=int(os.environ["LISTINGS_PER_MINUTE"]),
    )


@cache
def inboxes() -> Inboxes:
    return Inboxes(client("dynamodb"), os.environ["CONFIG_TABLE"], os.environ["LOG_TABLE"])


@cache
def recent_requests() -> RecentRequests:
    return RecentRequests(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def subscription_changes() -> SubscriptionChanges:
    return SubscriptionChanges(client("dynamodb"), webhook_lists(), client("events"), os.environ["EVENT_BUS_NAME"])
