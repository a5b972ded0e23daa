"""The model's simulated DynamoDB and SQS answer as moto's do, for all that the functions ask of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.integration.conftest import Aws
from tests.integration.pipeline import failures
from tests.model.clients import DynamoDB, Events, Sqs
from tests.model.cloud import Cloud, Queue
from webhooks.catch_ups import CatchUps
from webhooks.config_table import ConfigTable
from webhooks.deduplication import RecentRequests
from webhooks.deliveries import Delivery, DeliveryStatus
from webhooks.delivery_lists import DeliveryLists
from webhooks.delivery_log import DeliveryLog
from webhooks.delivery_states import DeliveryStates
from webhooks.due import DueWebhooks
from webhooks.errors import Conflict, LimitReached, NotFound, RateLimited, WebhooksError
from webhooks.items import webhook_item
from webhooks.key_table import KeyTable
from webhooks.messages import DeliveryMessage, from_record
from webhooks.models import Webhook
from webhooks.pace import Pace
from webhooks.queues import DeliveryQueues
from webhooks.rate_limits import RateLimits
from webhooks.recoverable_deliveries import RecoverableDeliveries
from webhooks.stored_events import StoredEvent
from webhooks.subscription_changes import SubscriptionChanges
from webhooks.times import now, parse_time
from webhooks.waiting_deliveries import WaitingDeliveries
from webhooks.webhook_lists import WebhookLists
from webhooks.webhook_marks import WebhookMarks

AT = "2026-05-29T10:30:00.000Z"
EVENT = StoredEvent("acme", "evt_1", "message.incoming", "{}", AT)
MESSAGE = DeliveryMessage("wh_1", "acme", "evt_1", "message.incoming", AT, 1, AT, "{}")
WEBHOOK = Webhook("wh_1", "acme", "n", "https://example.com/", ["message.incoming"], "active", "s", AT, AT)


def history(client: Any) -> list[Any]:
    """One call after another, some of which must be refused; what each returned."""
    log, config = DeliveryLog(client, "log", log_days=30), ConfigTable(client, "config")
    lists, marks = WebhookLists(client, "config"), WebhookMarks(client, "config")
    new = Delivery("wh_1", "acme", "evt_1", "message.incoming", AT, "retrying", 1, AT, failures(4))
    new = replace(new, attempts=[replace(attempt, at=AT) for attempt in new.attempts])
    saved = log.save(new)
    assert saved is not None
    failed = replace(saved, status="failed")
    failing = WEBHOOK.failed_by(failed, AT)
    results: list[Any] = [
        log.put_event_once(EVENT),
        log.put_event_once(replace(EVENT, body="changed")),
        log.event("acme", "evt_1"),
        log.event("acme", "evt_2"),
        saved,
        log.save(new),
        log.save(replace(new, version=7)),
        lists.subscriptions("acme"),
        lists.subscriptions("acme2"),
        list(DeliveryStates(client, "config", "log").read([MESSAGE, replace(MESSAGE, webhook_id="wh_2")])),
        marks.mark_failing(failing, together_with=log.put(replace(failed, version=7))),
        marks.mark_failing(failing, together_with=log.put(failed)),
        marks.mark_failing(failing, together_with=log.put(replace(failed, version=2))),
        config.webhook("acme", "wh_1"),
        log.delivery("wh_1", AT, "evt_1"),
    ]
    marks.mark_active(replace(failing, failing_since="another time"))
    results.append(config.webhook("acme", "wh_1"))
    marks.mark_active(failing)
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


def calls_about_a_pace(client: Any) -> list[Any]:
    """Moments taken one after the other until others have to wait; these released, and what is left."""
    waiting = WaitingDeliveries(client, "log", log_days=30)
    pace = Pace(client, "log", waiting, log_days=30)
    messages = [replace(MESSAGE, event_id=f"evt_{number}") for number in range(3)]
    results: list[Any] = [
        waiting.state("wh_1"),
        pace.take("wh_1", 1, 1),
        pace.take("wh_1", 3, 2),
        pace.take("wh_1", 1, 1),
        pace.take("wh_1", 297, 1),
        pace.take("wh_1", 294, 1),
        *[message.delayed_until for message in pace.schedule(messages, 1)],
        DueWebhooks(client, "log").read(limit=9),
        pace.take("wh_1", 1, 1),
        pace.take("wh_1", 1, 1, of_waiting=True),
        [message.key() for message in waiting.first("wh_1", limit=2)],
        state := waiting.state("wh_1"),
    ]
    waiting.remove(messages)
    assert state
    finished = [waiting.finish(replace(state, arrived=1)), waiting.finish(state)]
    return [
        *results,
        *finished,
        DueWebhooks(client, "log").read(limit=9),
        pace.take("wh_1", 1, 1),
        waiting.first("wh_1", limit=2),
    ]


def calls_about_catching_up(client: Any) -> list[Any]:
    """Begun for one outage and for a later one, put off, and stopped; with what the log knows of what failed."""
    catch_ups, log = CatchUps(client, "log", log_days=30), DeliveryLog(client, "log", log_days=30)
    recoverable = RecoverableDeliveries(client, "log", log_days=30)
    lists = DeliveryLists(client, "log", log_days=30)
    first, later = replace(WEBHOOK, failing_since=AT), replace(WEBHOOK, failing_since="2026-05-29T11:30:00.000Z")
    results: list[Any] = [catch_ups.read("wh_1")]

    def after(call: Callable[[], Any]) -> None:
        results.extend([call(), catch_ups.read("wh_1"), DueWebhooks(client, "log").read(limit=9)])

    after(lambda: catch_ups.begin(first, AT))
    after(lambda: catch_ups.begin(later, AT))
    begun = catch_ups.read("wh_1")
    assert begun
    after(lambda: catch_ups.make_due_now("wh_1"))
    after(lambda: catch_ups.save(begun))
    after(lambda: catch_ups.stop("wh_1"))
    after(lambda: catch_ups.make_due_now("wh_1"))
    after(lambda: catch_ups.begin(first, AT))
    after(lambda: catch_ups.begin(later, AT))
    statuses: list[DeliveryStatus] = ["failed", "delivered", "pending", "failed", "retrying", "failed"]
    for number, status in enumerate(statuses):
        at = f"2026-05-29T10:30:0{number}.000Z"
        log.save(Delivery("wh_1", "acme", f"evt_{number}", "message.incoming", at, status, 1, at, failures(1)))
    one = recoverable.page("wh_1", since=AT, after=None, limit=1)
    rest = recoverable.page("wh_1", since=AT, after=one.after, limit=9)
    pages = [one, rest, lists.page("wh_1", limit=2, after=None)]
    results += [[(d.event_id, d.status) for d in page.deliveries] for page in pages]
    return [*results, recoverable.failed_since("wh_1", AT), recoverable.failed_since("wh_1", AT, limit=2)]


def test_the_simulated_log_catches_up_as_motos_does(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("catch_up", "catch_ups", "due", "recoverable_deliveries", "retention"):
        monkeypatch.setattr(f"webhooks.{module}.now", lambda: parse_time("2026-05-29T20:00:00.000Z"))
    simulated = calls_about_catching_up(DynamoDB(Cloud()))
    assert simulated == calls_about_catching_up(aws.dynamodb)
    assert simulated[-2:] == [4, 2]


def test_the_simulated_log_keeps_a_pace_as_motos_does(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("due", "pace", "waiting_deliveries"):
        monkeypatch.setattr(f"webhooks.{module}.now", lambda: parse_time(AT))
    simulated = calls_about_a_pace(DynamoDB(Cloud()))
    assert simulated == calls_about_a_pace(aws.dynamodb)
    assert {None, True, False} <= {result for result in simulated if result is None or isinstance(result, bool)}


def calls_of_people(client: Any) -> list[Any]:
    """What the API asks of the config table, some of which must be refused; what each returned or raised."""
    config = ConfigTable(client, "config")
    limits = RateLimits(client, "config", sends=2, recoveries=9, host_sends=9, listings=9)
    requests = RecentRequests(client, "config")
    changes = SubscriptionChanges(client, WebhookLists(client, "config"), cast("Any", Events(Cloud())), "bus")

    def adding() -> Any:
        with changes.changing("acme", adds=["message.read"], enables="wh_1"):
            return changes.read("acme")

    edited: dict[str, Any] = {"name": "new", "failing_since": None, "updated_at": AT}
    rotated = replace(WEBHOOK, secret="new")
    key, token = KeyTable(client, "config").mint("account", "acme")
    calls: list[Callable[[], Any]] = [
        lambda: config.create_webhook(WEBHOOK, limit=1),
        lambda: config.create_webhook(replace(WEBHOOK, id="wh_2"), limit=1),
        lambda: config.edit_webhook("acme", "wh_1", edited),
        adding,
        lambda: changes.read("acme"),
        lambda: config.edit_webhook("acme", "wh_9", edited),
        lambda: config.rotate_secret(WEBHOOK, "new", previous_expires_at=AT, at=AT),
        lambda: config.rotate_secret(WEBHOOK, "newer", previous_expires_at=None, at=AT),
        lambda: config.rotate_secret(rotated, "newest", previous_expires_at=None, at=AT),
        lambda: config.webhook("acme", "wh_1"),
        lambda: config.delete_webhook("acme", "wh_1", version=7),
        lambda: config.delete_webhook("acme", "wh_9"),
        lambda: config.delete_webhook("acme", "wh_1"),
        lambda: config.webhook("acme", "wh_1"),
        *[lambda: limits.consume_send(WEBHOOK)] * 3,
        *[lambda: requests.seen_recently("acme", "retry")] * 2,
        lambda: KeyTable(client, "config").authenticate(token, now()) == key,
        lambda: KeyTable(client, "config").authenticate("key_9.x", now()),
    ]
    return [outcome(call) for call in calls]


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except WebhooksError as refused:
        return type(refused)


def test_the_simulated_config_table_answers_people_as_motos_does(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.rate_limits.now", lambda: parse_time(AT))
    simulated = calls_of_people(DynamoDB(Cloud()))
    assert simulated == calls_of_people(aws.dynamodb)
    assert {LimitReached, NotFound, Conflict, RateLimited} <= {r for r in simulated if isinstance(r, type)}


def test_the_simulated_queue_hands_out_what_motos_does(aws: Aws) -> None:
    from tests.integration.pipeline import record_of

    cloud = Cloud(queues={"delivery": Queue()})
    messages = [replace(MESSAGE, webhook_id=f"wh_{number}", test=number == 3) for number in range(12)]
    simulated: Any = Sqs(cloud)
    for sqs, url in ((simulated, "delivery"), (aws.sqs, aws.delivery_queue)):
        assert DeliveryQueues(sqs, delivery_url=url, retry_url="retry", dead_letters_url="dead").send(messages) == []
    records = [*cloud.receive("delivery", limit=10), *cloud.receive("delivery", limit=10)]
    received = [record_of(message) for message in aws.messages(aws.delivery_queue)]
    key = DeliveryMessage.key
    ours, theirs = (
        sorted((replace(from_record(r, "delivery"), id=None) for r in rs), key=key) for rs in (records, received)
    )
    assert ours == theirs == sorted(messages, key=key)
