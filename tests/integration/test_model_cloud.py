"""The model's simulated DynamoDB and SQS answer as moto's do, for all that the functions ask of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deliver import health, standing
from tests.integration.conftest import Aws
from tests.integration.pipeline import failures
from tests.model.clients import DynamoDB, Sqs
from tests.model.cloud import Cloud
from webhooks.config_table import ConfigTable
from webhooks.items import webhook_item
from webhooks.log_table import LogTable, StoredEvent
from webhooks.messages import DeliveryMessage, from_record, send
from webhooks.models import Delivery, Webhook

AT = "2026-05-29T10:30:00.000Z"
EVENT = StoredEvent("acme", "evt_1", "message.incoming", "{}", AT)
MESSAGE = DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", AT, 1, AT, "{}")
WEBHOOK = Webhook("wh_1", "acme", "n", "https://example.com/", ["message.incoming"], "active", "s", AT, AT)


def history(client: Any) -> list[Any]:
    """One call after another, some of which must be refused; what each returned."""
    log, config = LogTable(client, "log", log_days=30), ConfigTable(client, "config")
    new = Delivery("wh_1", "acme", "evt_1", "message.incoming", AT, "retrying", 1, AT, failures(4))
    new = replace(new, attempts=[replace(attempt, at=AT) for attempt in new.attempts])
    saved = log.save(new)
    assert saved is not None
    failed = replace(saved, status="failed")
    failing = health.failed_by(WEBHOOK, failed, AT)
    results: list[Any] = [
        log.put_event_once(EVENT),
        log.put_event_once(replace(EVENT, body="changed")),
        log.event("acme", "evt_1"),
        log.event("acme", "evt_2"),
        saved,
        log.save(new),
        log.save(replace(new, version=7)),
        config.subscribed("acme", "message.incoming"),
        config.subscribed("acme", "contact.created"),
        standing.read(client, "config", "log", [MESSAGE, replace(MESSAGE, webhook_id="wh_2")]),
        health.mark_failing(client, "config", failing, log.put(replace(failed, version=7))),
        health.mark_failing(client, "config", failing, log.put(failed)),
        health.mark_failing(client, "config", failing, log.put(replace(failed, version=2))),
        config.webhook("acme", "wh_1"),
        log.delivery("wh_1", AT, "evt_1"),
    ]
    health.mark_recovered(client, "config", replace(failing, failing_since="another time"))
    results.append(config.webhook("acme", "wh_1"))
    health.mark_recovered(client, "config", failing)
    return [*results, config.webhook("acme", "wh_1")]


def test_the_simulated_tables_answer_as_motos_do(aws: Aws) -> None:
    simulated = DynamoDB(Cloud())
    item: Any = webhook_item(WEBHOOK)
    aws.dynamodb.put_item(TableName="config", Item=item)
    simulated.cloud.tables["config"]["ACCOUNT#acme", "WEBHOOK#wh_1"] = item
    assert history(simulated) == history(aws.dynamodb)
    for table in ("config", "log"):
        kept = {(i["pk"]["S"], i["sk"]["S"]): i for i in aws.dynamodb.scan(TableName=table)["Items"]}
        assert simulated.cloud.tables[table] == kept


def test_the_simulated_queue_hands_out_what_motos_does(aws: Aws) -> None:
    from tests.integration.pipeline import record_of

    cloud = Cloud()
    messages = [replace(MESSAGE, webhook_id=f"wh_{number}", test=number == 3) for number in range(12)]
    simulated: Any = Sqs(cloud)
    assert send(simulated, "delivery", messages) == send(aws.sqs, aws.delivery_queue, messages) == []
    records = [*cloud.receive("delivery", most=10), *cloud.receive("delivery", most=10)]
    received = [record_of(message) for message in aws.messages(aws.delivery_queue)]
    key = DeliveryMessage.key
    ours, theirs = (sorted((replace(from_record(r), id=None) for r in rs), key=key) for rs in (records, received))
    assert ours == theirs == sorted(messages, key=key)
