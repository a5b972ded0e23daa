"""The whole service."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from infra.api import Api
from infra.canary import Canary
from infra.database import Database
from infra.delivery import Delivery
from infra.erasure import Erasure
from infra.fanout import Fanout
from infra.function import Layers
from infra.mail import Mail
from infra.observability import Observability
from infra.queues import Queues
from infra.settings import Settings


class WebhooksStack(cdk.Stack):
    def __init__(self, scope: Construct, id: str, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        layers = Layers(self, "Layers", settings=settings)
        database = Database(self, "Database", settings=settings)
        bus = events.EventBus(self, "Bus")
        queues = Queues(self, "Queues", settings=settings)
        fanout = Fanout(self, "Fanout", bus=bus, database=database, layers=layers, queues=queues, settings=settings)
        api = Api(self, "Api", bus=bus, database=database, queues=queues, layers=layers, settings=settings)
        delivery = Delivery(
            self,
            "Delivery",
            bus=bus,
            database=database,
            public_url=api.public_url,
            queues=queues,
            layers=layers,
            settings=settings,
        )
        erasure = Erasure(self, "Erasure", bus=bus, database=database, layers=layers, settings=settings)
        functions = [
            api.function,
            fanout.function,
            delivery.deliver,
            delivery.dead_letters,
            delivery.release,
            erasure.function,
        ]
        if settings.canary:
            canary = Canary(
                self, "Canary", bus=bus, database=database, inbox_url=api.inbox_url, layers=layers, settings=settings
            )
            functions.append(canary.function)
        mail = None
        if settings.mail_from:
            mail = Mail(
                self, "Mail", bus=bus, database=database, public_url=api.public_url, layers=layers, settings=settings
            )
            functions.append(mail.function)
        observability = Observability(
            self,
            "Observability",
            database=database,
            delivery=delivery,
            erase=erasure.function,
            fanout=fanout,
            http_api=api.http_api,
            mail=mail,
            queues=queues,
            functions=functions,
            settings=settings,
        )

        outputs = {
            "ApiUrl": api.http_api.api_endpoint,
            "ApiId": api.http_api.api_id,
            "EventBusName": bus.event_bus_name,
            "ConfigTable": database.config.table_name,
            "LogTable": database.log.table_name,
            "DeliveryQueueUrl": queues.delivery.queue_url,
            "RetryQueueUrl": queues.retry.queue_url,
            "RetryDelays": ",".join(map(str, settings.retry_delays)),
            "DeadLetterQueueUrl": queues.dead_letters.queue_url,
            "RejectedQueueUrl": fanout.rejected.queue_url,
            "UnhandledQueueUrl": fanout.unhandled.queue_url,
            "AlarmTopicArn": observability.topic.topic_arn,
            "UndeliveredQueueUrl": fanout.undelivered.queue_url,
        }
        if mail:
            outputs["UnsentMailQueueUrl"] = mail.unsent.queue_url
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
