"""The real handlers in that account, and what people, AWS and endpoints do around them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from api import repeating
from deliver import dead_letters, handler
from fanout import handler as fanout
from tests.model.cloud import NONE, Cloud, Crashed, Plan
from tests.model.endpoints import Endpoints
from webhooks.items import delivery_item, delivery_key, delivery_of, event_key, webhook_item, webhook_key, webhook_of
from webhooks.messages import DeliveryMessage
from webhooks.models import Delivery, Webhook, parse_time, rfc3339
from webhooks.signing import new_secret

DELAYS = (10, 60, 300)
ACCOUNT = "acme"
EVENT = "message.incoming"
DATA = {"message_id": "wamid.1", "whatsapp_account_id": "w"}


@dataclass
class World:
    cloud: Cloud = field(default_factory=Cloud)
    on_bus: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    """Events that fanout still has to handle, and how often it failed at them."""
    kept: list[dict[str, Any]] = field(default_factory=list)
    """What Lambda's on-failure destination holds."""
    expected: set[tuple[str, str]] = field(default_factory=set)
    """(webhook, event) of every webhook that was subscribed when fanout read who is, and then ended well."""
    inner_plan: Plan = field(default_factory=dict)
    unmarked: list[tuple[Delivery, str]] = field(default_factory=list)
    """Retries of which only the message was sent so far, and when."""
    made: int = 0
    published: int = 0

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.cloud)
        self.cloud.meanwhile = self.meanwhile

    # What people do.

    def subscribe(self) -> None:
        self.made += 1
        at = rfc3339(self.cloud.clock.now())
        webhook = Webhook(
            id=f"wh_{self.made}", account_id=ACCOUNT, name="n", url=f"https://wh-{self.made}.example/0",
            events=[EVENT], status="active", secret=new_secret(), created_at=at, updated_at=at,
        )  # fmt: skip
        self._store(webhook)

    def person(self, webhook_id: str, does: str) -> None:
        webhook = self.webhook(webhook_id)
        if not webhook:
            return
        healthy = replace(webhook, failing_since=None, failing_reason=None, failing_event_id=None)
        match does:
            case "disables":
                self._store(replace(healthy, status="disabled"))
            case "enables":
                self._store(replace(healthy, status="active"))
            case "deletes":
                self.cloud.delete("config", webhook_key(ACCOUNT, webhook_id))
            case "changes the URL":
                self._store(replace(webhook, url=webhook.url + "0"))
            case "unsubscribes":
                self._store(replace(webhook, events=["contact.created"]))
            case "subscribes":
                self._store(replace(webhook, events=[EVENT]))
            case "rotates the secret":
                expires = rfc3339(self.cloud.clock.now() + timedelta(seconds=60))
                old = webhook.secret
                self._store(replace(webhook, secret=new_secret(), previous_secret=old, previous_expires_at=expires))

    def publish(self, event_id: str) -> None:
        self.published += 1
        detail = {"account_id": ACCOUNT, "id": event_id, "data": DATA | {"text": f"n{self.published}"}}
        self.on_bus.append(
            ({"id": event_id, "detail-type": EVENT, "time": "2026-05-29T10:30:00Z", "detail": detail}, 0)
        )

    def retry(self, webhook_id: str, event_id: str, plan: Plan) -> None:
        """By the API's own code, which refuses, fails or crashes without harm."""
        webhook, delivery = self.webhook(webhook_id), self.delivery(webhook_id, event_id)
        event = handler.desk().log.event(ACCOUNT, event_id)
        if webhook and delivery and event:
            with self.cloud.planned(plan), suppress(Exception, Crashed):
                repeating.retry(handler.desk().log, webhook, event, delivery)

    def send_retry(self, webhook_id: str, event_id: str) -> None:
        """The first half of a retry by itself, so that the second can come in the middle of an attempt."""
        webhook, delivery = self.webhook(webhook_id), self.delivery(webhook_id, event_id)
        if not webhook or webhook.status == "disabled" or not delivery or not delivery.is_final():
            return
        at = rfc3339(self.cloud.clock.now())
        body = self.cloud.tables["log"][f"EVENT#{ACCOUNT}#{event_id}", "EVENT"]["body"]["S"]
        message = DeliveryMessage(
            webhook_id, ACCOUNT, event_id, EVENT, delivery.accepted_at, delivery.round + 1, at, body
        )
        self.cloud.enqueue("delivery", message.to_request())
        self.unmarked.append((delivery, at))

    def mark_retries(self) -> None:
        """The second half: pending, if nothing moved since the first."""
        for delivery, at in self.unmarked:
            if self.delivery(delivery.webhook_id, delivery.event_id) == delivery:
                begun = replace(
                    delivery,
                    status="pending",
                    round=delivery.round + 1,
                    round_started_at=at,
                    version=delivery.version + 1,
                )
                self.cloud.write("log", delivery_item(begun, log_days=30), person=True)
        self.unmarked.clear()

    # What AWS does.

    def fan_out(self, plan: Plan = NONE) -> None:
        """An event that fails goes back on the bus twice, then to the on-failure destination."""
        if not self.on_bus:
            return
        event, failed = self.on_bus.pop(0)
        try:
            with self.cloud.planned(plan):
                fanout.lambda_handler(event, None)
        except (Exception, Crashed):
            (self.kept.append(event) if failed == 2 else self.on_bus.append((event, failed + 1)))
            return
        for webhook in map(webhook_of, self.cloud.queried):
            if webhook.status != "disabled" and EVENT in webhook.events:
                self.expected.add((webhook.id, event["detail"]["id"]))

    def deliver(self, plan: Plan = NONE) -> None:
        self._invoke(plan, "delivery", handler.lambda_handler, dead="dead", receives=len(DELAYS) + 1)

    def judge(self, plan: Plan = NONE) -> None:
        self._invoke(plan, "dead", dead_letters.lambda_handler)

    def copy(self, queue: str, how: str) -> None:
        """SQS hands a message out twice, be it in flight or waiting; or it was sent twice, as when an answer is lost."""
        if self.cloud.queues[queue]:
            first = self.cloud.queues[queue][0]
            match how:
                case "handed out twice":
                    first.visible_at = self.cloud.clock.at
                case "sent twice":
                    self.cloud.enqueue(queue, first.request)

    def _invoke(self, plan: Plan, queue: str, function: Callable[[Any, Any], Any], **limits: Any) -> None:
        records = self.cloud.receive(queue, **limits)
        if not records:
            return
        with self.endpoints.invocation(records) as frame:
            try:
                with self.cloud.planned(plan):
                    answer = function({"Records": records}, None)
            except Crashed:
                frame.crashed = True
                return  # the messages come back by their visibility timeout
            self.cloud.acknowledge(queue, records, answer)

    def meanwhile(self, what: str) -> None:
        """Between two steps of an invocation: other invocations, with copies of its messages, or a person."""
        with self.cloud.planned(NONE):
            match what:
                case "handed out twice" | "sent twice" if not self.endpoints.nested:
                    self.copy("dead", what)
                    self.copy("delivery", what)
                    self.deliver(self.inner_plan)
                    self.judge(self.inner_plan)
                case "others for half a minute" if not self.endpoints.nested:
                    self.copy("delivery", "sent twice")
                    for _ in range(3):
                        self.copy("delivery", "handed out twice")
                        self.deliver(self.inner_plan)
                        self.judge(self.inner_plan)
                        self.cloud.clock.sleep(10)
                case "retried":
                    self.mark_retries()
                    self.send_retry("wh_1", "evt_1")
                case _:
                    self.person("wh_1", what)

    def wait_until_due(self, webhook_id: str, seconds: float) -> None:
        """So long after the next attempt of any of the webhook's deliveries; 10 s when none waits for one."""
        items = (item for (pk, _), item in self.cloud.tables["log"].items() if pk == f"WEBHOOK#{webhook_id}")
        dues = [parse_time(item["next_attempt_at"]["S"]) for item in items if "next_attempt_at" in item]
        clock = self.cloud.clock
        wait = (min(dues) - clock.at).total_seconds() + seconds if dues else 10
        clock.sleep(max(wait, 0))

    def nap(self, seconds: float) -> None:
        """What a function may sleep while it is paid for, and while its time runs out."""
        if seconds > 1:
            self.endpoints.broken.append(f"a function slept for {seconds} s")
        self.cloud.clock.sleep(seconds)

    # What can be looked at; none of it is a call of the functions.

    def webhook(self, webhook_id: str) -> Webhook | None:
        item = self.cloud.find("config", webhook_key(ACCOUNT, webhook_id))
        return webhook_of(item) if item else None

    def delivery(self, webhook_id: str, event_id: str) -> Delivery | None:
        event = self.cloud.find("log", event_key(ACCOUNT, event_id))
        item = event and self.cloud.find("log", delivery_key(webhook_id, event["accepted_at"]["S"], event_id))
        return delivery_of(item) if item else None

    def queued(self) -> set[tuple[str, str]]:
        """(webhook, event) of every message that is in either queue."""
        waiting = [*self.cloud.queues["delivery"], *self.cloud.queues["dead"]]
        return {(message.attribute("webhook_id"), message.attribute("event_id")) for message in waiting}

    def _store(self, webhook: Webhook) -> None:
        self.cloud.write("config", webhook_item(webhook), person=True)


PERSON = ["disables", "enables", "deletes", "changes the URL", "unsubscribes", "subscribes", "rotates the secret"]
MEANWHILE = ["handed out twice", "sent twice", "others for half a minute", "retried", *PERSON]
