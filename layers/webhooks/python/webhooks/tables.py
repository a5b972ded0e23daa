"""The stack's two tables, as a function's environment names them."""

from __future__ import annotations

import os
from functools import cache

from webhooks.catch_ups import CatchUps
from webhooks.clients import client
from webhooks.config_table import ConfigTable
from webhooks.delivery_lists import DeliveryLists
from webhooks.delivery_log import DeliveryLog
from webhooks.delivery_states import DeliveryStates
from webhooks.due import DueWebhooks
from webhooks.erasures import Erasures
from webhooks.pace import Pace
from webhooks.recoverable_deliveries import RecoverableDeliveries
from webhooks.waiting_deliveries import WaitingDeliveries
from webhooks.webhook_lists import WebhookLists
from webhooks.webhook_marks import WebhookMarks


@cache
def config_table() -> ConfigTable:
    return ConfigTable(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def webhook_lists() -> WebhookLists:
    return WebhookLists(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def webhook_marks() -> WebhookMarks:
    return WebhookMarks(client("dynamodb"), os.environ["CONFIG_TABLE"])


@cache
def delivery_log() -> DeliveryLog:
    return DeliveryLog(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def delivery_states() -> DeliveryStates:
    return DeliveryStates(client("dynamodb"), os.environ["CONFIG_TABLE"], os.environ["LOG_TABLE"])


@cache
def delivery_lists() -> DeliveryLists:
    return DeliveryLists(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def recoverable_deliveries() -> RecoverableDeliveries:
    return RecoverableDeliveries(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def pace() -> Pace:
    return Pace(client("dynamodb"), os.environ["LOG_TABLE"], waiting_deliveries(), log_days=int(os.environ["LOG_DAYS"]))


@cache
def waiting_deliveries() -> WaitingDeliveries:
    return WaitingDeliveries(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def catch_ups() -> CatchUps:
    return CatchUps(client("dynamodb"), os.environ["LOG_TABLE"], log_days=int(os.environ["LOG_DAYS"]))


@cache
def due_webhooks() -> DueWebhooks:
    return DueWebhooks(client("dynamodb"), os.environ["LOG_TABLE"])


@cache
def erasures() -> Erasures:
    return Erasures(client("dynamodb"), os.environ["LOG_TABLE"])
