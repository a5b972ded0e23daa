"""The function that erases accounts from both tables, each minute a part."""

from __future__ import annotations

from aws_cdk import aws_events as events
from constructs import Construct

from infra.database import (
    ACCOUNTS,
    COUNTERS,
    DUE,
    ERASURES,
    EVENTS,
    INBOXES,
    KEYS,
    LOGGED,
    NOTIFICATIONS,
    Database,
    grant,
)
from infra.fanout import FANOUT_SECONDS
from infra.function import WAITS_MB, Function, Layers
from infra.schedule import ONCE, run_every
from infra.settings import Settings

_SECONDS = 50
"""The timeout of the function, which begins each minute: `deliver.erase` stops beginning ten seconds before."""


def delay_seconds(settings: Settings) -> int:
    """
    From the deletion of an account's webhooks to that of its log: fanout, which runs longest of all functions, may have read
    a webhook just before, and stores what is for it until its time is over.
    """
    return 5 if settings.local else FANOUT_SECONDS + 60


class Erasure(Construct):
    def __init__(
        self, scope: Construct, id: str, *, bus: events.EventBus, database: Database, layers: Layers, settings: Settings
    ) -> None:
        """A run ends before the next one is due; `infra.schedule` says when two overlap all the same."""
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            handler="deliver.erase",
            layers=layers,
            settings=settings,
            timeout_seconds=_SECONDS,
            memory_mb=WAITS_MB,
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "LOG_TABLE": database.log.table_name,
                "EVENT_BUS_NAME": bus.event_bus_name,
                "ERASURE_DELAY_SECONDS": str(delay_seconds(settings)),
            },
            **ONCE,
        )
        self._grant(bus, database)
        run_every(1, self.function, self, "EachMinute")

    def _grant(self, bus: events.EventBus, database: Database) -> None:
        config, log = database.config, database.log
        # Put and Update are of the transaction that deletes a webhook.
        grant(config, self.function, "GetItem", "PutItem", "UpdateItem", partitions=ACCOUNTS)
        grant(config, self.function, "DeleteItem", partitions=[ACCOUNTS, KEYS, INBOXES, NOTIFICATIONS])
        grant(config, self.function, "Query", partitions=[ACCOUNTS, *COUNTERS, NOTIFICATIONS])
        grant(config, self.function, "BatchWriteItem", partitions=[*COUNTERS, NOTIFICATIONS])
        grant(log, self.function, "Query", indexes=[DUE], index_only=True)
        grant(log, self.function, "Query", partitions=LOGGED)
        grant(log, self.function, "BatchGetItem", "UpdateItem", partitions=ERASURES)
        grant(log, self.function, "BatchWriteItem", partitions=[EVENTS, *LOGGED])
        bus.grant_put_events_to(self.function)
