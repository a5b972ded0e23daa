"""The function that publishes an event every five minutes and looks whether it arrives."""

from __future__ import annotations

from aws_cdk import aws_events as events
from constructs import Construct

from infra.database import INBOXES, Database, grant
from infra.function import Function, Layers
from infra.schedule import ONCE, run_every
from infra.settings import Settings

_SECONDS = 90
"""The timeout of the function: `canary.handler` looks for 60."""

_ITEMS = "ACCOUNT#aisoule-canary"
"""The partition of the config table that has the account of `canary.handler`."""


class Canary(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bus: events.EventBus,
        database: Database,
        inbox_url: str,
        layers: Layers,
        settings: Settings,
    ) -> None:
        """`inbox_url` is what the addresses of all inboxes begin with."""
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            handler="canary.handler",
            layers=layers,
            settings=settings,
            timeout_seconds=_SECONDS,
            memory_mb=128,  # it waits; how fast it begins matters to nobody
            environment={
                "CONFIG_TABLE": database.config.table_name,
                "LOG_TABLE": database.log.table_name,
                "EVENT_BUS_NAME": bus.event_bus_name,
                "INBOX_URL": inbox_url,
            },
            **ONCE,
        )
        grant(database.config, self.function, "PutItem", partitions=[_ITEMS, INBOXES])
        grant(database.config, self.function, "Query", "UpdateItem", partitions=[_ITEMS])
        grant(database.config, self.function, "GetItem", partitions=[INBOXES])
        grant(database.log, self.function, "BatchGetItem", partitions=[INBOXES])
        bus.grant_put_events_to(self.function)
        run_every(5, self.function, self, "EveryFiveMinutes")
