"""The real handlers in the simulated cloud, what people and endpoints do there, and a record of all that was promised."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from standardwebhooks import Webhook as Verifier

from deliver import attempting, dead_letters, handler, sender, standing
from deliver.failures import AttemptFailed
from deliver.schedule import Schedule
from fanout import handler as fanout
from tests.model.cloud import NONE, Cloud, Crashed, DynamoDB, Events, Plan, Sqs
from webhooks import log_table, models
from webhooks.config_table import ConfigTable
from webhooks.errors import NotFound
from webhooks.items import webhook_item, webhook_key
from webhooks.log_table import LogTable
from webhooks.messages import DeliveryMessage
from webhooks.models import FINAL, Delivery, Webhook, rfc3339
from webhooks.signing import new_secret

DELAYS = (10, 60, 300)
ACCOUNT = "acme"
DATA = {"message_id": "wamid.1", "whatsapp_account_id": "w"}


@dataclass
class World:
    cloud: Cloud = field(default_factory=Cloud)
    endpoints: dict[str, str] = field(default_factory=dict)
    """What each webhook's endpoint does: up, down or slow."""
    on_bus: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    """Events that fanout still has to handle, and how often it failed at them."""
    kept: list[dict[str, Any]] = field(default_factory=list)
    """What Lambda's on-failure destination holds."""
    expected: set[tuple[str, str]] = field(default_factory=set)
    """(webhook, event) of every webhook that was subscribed when fanout had handled the event."""
    bodies: dict[str, str] = field(default_factory=dict)
    posts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By webhook, event and round."""
    broken: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    read_delivered: set[tuple[str, str, int]] = field(default_factory=set)
    delivered: dict[tuple[str, str], int] = field(default_factory=dict)
    answered: set[tuple[str, str]] = field(default_factory=set)
    """(webhook, event) that an endpoint has answered with 200."""
    gone: set[str] = field(default_factory=set)
    """Webhooks that were disabled or deleted at some time."""
    made: int = 0

    def __post_init__(self) -> None:
        self.dynamodb = DynamoDB(self.cloud)
        self.config = ConfigTable(self.dynamodb, "config")  # type: ignore[arg-type]
        self.log = LogTable(self.dynamodb, "log", log_days=30)  # type: ignore[arg-type]

    # What people do. These calls are not part of any plan.

    def subscribe(self) -> None:
        self.made += 1
        at = rfc3339(self.cloud.clock.now())
        webhook = Webhook(
            id=f"wh_{self.made}", account_id=ACCOUNT, name="n", url=f"https://wh-{self.made}.example/",
            events=["message.incoming"], status="active", secret=new_secret(), created_at=at, updated_at=at,
        )  # fmt: skip
        self.endpoints[webhook.id] = "up"
        self._store(webhook)

    def edit(self, webhook_id: str, **changes: Any) -> None:
        webhook = self.webhook(webhook_id)
        if webhook:
            self._store(replace(webhook, **changes))

    def rotate(self, webhook_id: str) -> None:
        webhook = self.webhook(webhook_id)
        if webhook:
            expires = rfc3339(self.cloud.clock.now() + timedelta(seconds=60))
            self._store(
                replace(webhook, secret=new_secret(), previous_secret=webhook.secret, previous_expires_at=expires)
            )

    def enable(self, webhook_id: str, enabled: bool) -> None:
        cleared = {"failing_since": None, "failing_reason": None, "failing_event_id": None}
        self.edit(webhook_id, status="active" if enabled else "disabled", **cleared)
        self.failing.discard(webhook_id)
        if not enabled:
            self.gone.add(webhook_id)

    def delete(self, webhook_id: str) -> None:
        key = webhook_key(ACCOUNT, webhook_id)
        self.cloud.tables["config"].pop((key["pk"]["S"], key["sk"]["S"]), None)
        self.failing.discard(webhook_id)
        self.gone.add(webhook_id)

    def publish(self, event_id: str) -> None:
        detail = {"account_id": ACCOUNT, "id": event_id, "data": DATA | {"text": f"n{len(self.on_bus)}"}}
        event = {"id": event_id, "detail-type": "message.incoming", "time": "2026-05-29T10:30:00Z", "detail": detail}
        self.on_bus.append((event, 0))

    def retry(self, webhook_id: str, event_id: str, *, cut_off: bool) -> None:
        """As the design has it: sent first, then marked if nothing moved; or cut off in between."""
        webhook, delivery = self.webhook(webhook_id), self.delivery(webhook_id, event_id)
        if not webhook or webhook.status == "disabled" or not delivery or not delivery.is_final():
            return
        at = rfc3339(self.cloud.clock.now())
        message = DeliveryMessage(
            webhook_id, ACCOUNT, event_id, "message.incoming", delivery.accepted_at, delivery.round + 1, at,
            self.bodies[event_id],
        )  # fmt: skip
        self.cloud.enqueue("delivery", message.to_request())
        if not cut_off:
            again = replace(delivery, status="pending", round=delivery.round + 1, round_started_at=at)
            self.log.save(again)
            self.delivered.pop((webhook_id, event_id), None)

    # What the cloud does.

    def fan_out(self, plan: Plan = NONE) -> None:
        if not self.on_bus:
            return
        event, failed = self.on_bus.pop(0)
        try:
            with self.cloud.planned(plan):
                fanout.lambda_handler(event, None)
        except (Exception, Crashed):
            # Twice more, then the on-failure destination.
            (self.kept.append(event) if failed == 2 else self.on_bus.append((event, failed + 1)))
            return
        event_id = event["detail"]["id"]
        stored = self.log.event(ACCOUNT, event_id)
        assert stored is not None
        if self.bodies.setdefault(event_id, stored.body) != stored.body:
            self.broken.append(f"the body of {event_id} changed")
        for webhook_id in self.config.subscribed(ACCOUNT, "message.incoming"):
            self.expected.add((webhook_id, event_id))

    def deliver(self, plan: Plan = NONE) -> None:
        self._invoke(plan, "delivery", handler.lambda_handler, most=10, dead="dead", receives=len(DELAYS) + 1)

    def judge(self, plan: Plan = NONE) -> None:
        self._invoke(plan, "dead", dead_letters.lambda_handler, most=10)

    def duplicate(self) -> None:
        """SQS hands a message out twice."""
        if self.cloud.queues["delivery"]:
            self.cloud.enqueue("delivery", self.cloud.queues["delivery"][0].request)

    def _invoke(self, plan: Plan, queue: str, function: Callable[[Any, Any], Any], **limits: Any) -> None:
        records = self.cloud.receive(queue, **limits)
        if not records:
            return
        try:
            with self.cloud.planned(plan):
                answer = function({"Records": records}, None)
        except Crashed:
            return  # the messages come back by their visibility timeout
        self.cloud.acknowledge(queue, records, answer)

    # What an endpoint does, and what is noticed there.

    def post(self, webhook: Webhook, message: DeliveryMessage, *, number: int) -> Any:
        key = (webhook.id, message.event_id, message.round)
        self.posts[key] += 1
        if key in self.read_delivered:
            self.broken.append(f"POST of {key} although it was read as delivered")
        if number > len(DELAYS) + 1:
            self.broken.append(f"attempt {number} of {key}")
        return _POST(webhook, message, number=number)

    def answer(self, webhook: Webhook, request: Any, _: float) -> Any:
        self._verify(webhook, request)

        def act() -> Any:
            does = self.endpoints[webhook.id]
            if does == "slow":
                self.cloud.clock.sleep(5)
                raise AttemptFailed("no answer within 5 s")
            if does == "up":
                self.answered.add((webhook.id, request.headers["webhook-id"]))
            return _Response(200 if does == "up" else 500)

        return self.cloud.boundary("POST", act)

    def _verify(self, webhook: Webhook, request: Any) -> None:
        event_id = request.headers["webhook-id"]
        if self.bodies.setdefault(event_id, request.body.decode()).encode() != request.body:
            self.broken.append(f"another body of {event_id}")
        verifier = Verifier(webhook.secret)
        with patch("standardwebhooks.webhooks.datetime", _FrozenDatetime(self.cloud.clock)):
            verifier.verify(request.body, {name.lower(): value for name, value in request.headers.items()})

    # What can be looked at.

    def webhook(self, webhook_id: str) -> Webhook | None:
        try:
            return self.config.webhook(ACCOUNT, webhook_id)
        except NotFound:
            return None

    def delivery(self, webhook_id: str, event_id: str) -> Delivery | None:
        event = self.log.event(ACCOUNT, event_id)
        return self.log.delivery(webhook_id, event.accepted_at, event_id) if event else None

    def queued(self) -> set[tuple[str, str]]:
        """(webhook, event) of every message that is in either queue."""
        waiting = [*self.cloud.queues["delivery"], *self.cloud.queues["dead"]]
        attributes = [message.request["MessageAttributes"] for message in waiting]
        return {(a["webhook_id"]["StringValue"], a["event_id"]["StringValue"]) for a in attributes}

    def check(self) -> None:
        """The promises, after every step."""
        assert self.broken == []
        queued = self.queued()
        for webhook_id, event_id in self.expected:
            delivery = self.delivery(webhook_id, event_id)
            settled = delivery is not None and delivery.status in FINAL
            assert settled or (webhook_id, event_id) in queued, f"{event_id} for {webhook_id} is lost"
            if delivery:
                self._check_attempts(delivery)
                self._check_delivered(delivery)
        for webhook_id in self.endpoints:
            self._check_status(webhook_id)
        self._check_told()

    def _check_attempts(self, delivery: Delivery) -> None:
        rounds: dict[int, list[Any]] = {}
        for attempt in delivery.attempts:
            rounds.setdefault(attempt.round, []).append(attempt)
        for attempts in rounds.values():
            real = [a for a in attempts if a.error != dead_letters.OUR_FAULT]
            assert [a.number for a in real] == list(range(1, len(real) + 1))
            assert len(real) <= len(DELAYS) + 1
            for delay, earlier, later in zip(DELAYS, real, real[1:], strict=False):
                due = earlier.ended() + timedelta(seconds=delay)
                assert models.parse_time(later.at) >= due, f"attempt {later.number} was early"
                assert earlier.error is not None
        if delivery.status == "failed":
            last = rounds[delivery.round]
            assert len(last) == len(DELAYS) + 1 or last[-1].error == dead_letters.OUR_FAULT

    def _check_delivered(self, delivery: Delivery) -> None:
        """Delivered is what was answered, and never overwritten but by a person's retry; cancelled is who is gone."""
        if delivery.status == "cancelled":
            assert delivery.webhook_id in self.gone
        key = (delivery.webhook_id, delivery.event_id)
        was = self.delivered.get(key)
        assert was is None or delivery.round > was or delivery.status == "delivered"
        if delivery.status == "delivered":
            assert key in self.answered
            self.delivered[key] = delivery.round

    def _check_status(self, webhook_id: str) -> None:
        webhook = self.webhook(webhook_id)
        if webhook is None:
            return
        assert (webhook.status == "failing") == (webhook.failing_since is not None)
        if webhook.status != "failing":
            self.failing.discard(webhook_id)
        elif webhook_id not in self.failing:
            self.failing.add(webhook_id)
            delivery = self.delivery(webhook_id, str(webhook.failing_event_id))
            assert delivery is not None
            counts = Counter(a.round for a in delivery.attempts if a.error and a.error != dead_letters.OUR_FAULT)
            assert len(DELAYS) + 1 in counts.values(), "failing without four recorded failures"

    def _check_told(self) -> None:
        """Of each webhook, in the order of their first telling, failing and recovered alternate."""
        import json

        seen: dict[str, str] = {}
        order: dict[str, list[str]] = {}
        for entry in self.cloud.told:
            detail = json.loads(entry["Detail"])
            if detail["id"] not in seen:
                seen[detail["id"]] = entry["DetailType"]
                order.setdefault(detail["webhook_id"], []).append(entry["DetailType"])
        for names in order.values():
            # One that was disabled while failing never recovers: the next failing follows at once.
            assert all(n != "webhook.recovered" or names[i - 1] == "webhook.failing" for i, n in enumerate(names))
            assert names[0] != "webhook.recovered"

    def drain(self) -> None:
        """Faults are over, and time passes: everything that was accepted becomes final."""
        self.on_bus += [(event, 0) for event in self.kept]  # an operator publishes again what was kept
        self.kept = []
        for _ in range(400):
            self.fan_out()
            self.deliver()
            self.judge()
            if not self.on_bus and not self.cloud.queues["delivery"] and not self.cloud.queues["dead"]:
                break
            self.cloud.clock.sleep(15)
        self.check()
        for webhook_id, event_id in self.expected:
            delivery = self.delivery(webhook_id, event_id)
            assert delivery is not None, f"{event_id} for {webhook_id} never became anything"
            assert delivery.status in FINAL, f"{event_id} for {webhook_id} is still {delivery.status}"
        assert not self.cloud.queues["delivery"]
        assert not self.cloud.queues["dead"]

    def _store(self, webhook: Webhook) -> None:
        item = webhook_item(webhook)
        self.cloud.tables["config"][item["pk"]["S"], item["sk"]["S"]] = item


_POST = sender.post


@dataclass
class _Response:
    status_code: int
    raw: None = None


class _FrozenDatetime:
    """For the verifier, which refuses timestamps that are not of now."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def now(self, tz: Any = None) -> Any:
        return self._clock.now()

    def fromtimestamp(self, *arguments: Any, **options: Any) -> Any:
        import datetime

        return datetime.datetime.fromtimestamp(*arguments, **options)


class _AtOnce:
    """Attempts one after the other, so that a run can be repeated; what overlaps is in the plan."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


@contextmanager
def running(world: World) -> Iterator[None]:
    """The handlers, with the world in the place of AWS, the network and the clock; nothing of our own is replaced."""
    cloud = world.cloud
    clients: dict[str, Any] = {"dynamodb": world.dynamodb, "sqs": Sqs(cloud), "events": Events(cloud)}
    desk = attempting.Desk(
        dynamodb=clients["dynamodb"], events=clients["events"], config_table="config", bus="bus",
        log=world.log, schedule=Schedule(DELAYS),
    )  # fmt: skip
    read = standing.read

    def noticing(*arguments: Any) -> Any:
        found = read(*arguments)
        for message, stood in found.items():
            key = (message.webhook_id, message.event_id, message.round)
            delivery = stood.delivery
            if delivery and delivery.round == message.round and delivery.status == "delivered":
                world.read_delivered.add(key)
        return found

    environment = {"DELIVERY_QUEUE_URL": "delivery", "REJECTED_QUEUE_URL": "rejected"}
    patches: list[Any] = [
        patch.dict("os.environ", environment),
        patch.object(handler, "client", clients.__getitem__),
        patch.object(dead_letters, "client", clients.__getitem__),
        patch.object(fanout, "client", clients.__getitem__),
        patch.object(handler, "desk", lambda: desk),
        patch.object(dead_letters, "desk", lambda: desk),
        patch.object(handler, "_pool", _AtOnce()),
        patch.object(fanout, "_log", lambda: world.log),
        patch.object(fanout, "_config", lambda: world.config),
        patch.object(standing, "read", noticing),
        patch.object(sender, "post", world.post),
        patch.object(sender, "_send", world.answer),
        patch.object(sender, "read_body", lambda *_, **__: b""),
        patch.object(sender, "monotonic", cloud.clock.monotonic),
        patch("time.sleep", cloud.clock.sleep),
        patch.object(random, "uniform", lambda *_: 0.0),
    ]
    patches += [
        patch.object(module, "now", cloud.clock.now)
        for module in (attempting, dead_letters, handler, sender, fanout, log_table)
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()
