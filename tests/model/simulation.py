"""The real handlers in that account, and what people, AWS and endpoints do around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter

import api.handler
from deliver import dead_letters, handler, release
from fanout import handler as fanout
from tests.integration.api_client import Api
from tests.model.cloud import NONE, Cloud, Crashed, Plan, Queue, key_of
from tests.model.endpoints import Endpoints
from tests.model.expressions import Item
from tests.template import lane_limits
from webhooks.attribute_values import from_item
from webhooks.catch_up import CatchUp
from webhooks.deliveries import Delivery
from webhooks.delivery_places import log_place
from webhooks.item_keys import delivery_key, event_key, webhook_key
from webhooks.items import delivery_of, webhook_of
from webhooks.models import Webhook
from webhooks.times import parse_time, rfc3339

DELAYS = (10, 60, 300)
LANES = ("delivery", "retry")
DEAD = "deadletters"
ACCOUNT = "acme"
EVENT = "message.incoming"
DATA = {"message_id": "wamid.1", "whatsapp_account_id": "w"}
MAPPINGS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(LANES, handler.lambda_handler),
    DEAD: dead_letters.lambda_handler,
}
"""The function that each queue feeds."""


def queues() -> dict[str, Queue]:
    lanes = {lane: Queue(dead=DEAD, receives=receives()) for lane in LANES}
    return lanes | {DEAD: Queue(), "rejected": Queue()}


@cache
def receives() -> int:
    """After how many SQS moves a message of a lane to the dead-letter queue."""
    return lane_limits()[0]


@dataclass
class Simulation:
    cloud: Cloud = field(default_factory=lambda: Cloud(queues=queues()))
    kept: list[dict[str, Any]] = field(default_factory=list)
    """What Lambda's on-failure destination holds."""
    expected: set[tuple[str, str]] = field(default_factory=set)
    """(webhook, event) of every webhook that was subscribed when fanout read who is, and then ended well."""
    inner_plan: Plan = field(default_factory=dict)
    made: int = 0
    published: int = 0
    bad: list[str] = field(default_factory=list)
    """Ids of events on the bus that violate the contract."""
    unwanted: int = 0
    """Events that fanout handled, and nobody wanted."""
    next_id: str = ""
    """What the next random id of the running call shall be, after its prefix; others are numbers."""
    _ids: int = 0

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.cloud)
        self.cloud.meanwhile = self.meanwhile

    # What people do, by the API.

    def open_account(self) -> None:
        self.account, self.platform = Api().of_account(ACCOUNT), Api().of_platform()

    def subscribe(self, *more: str, plan: Plan = NONE) -> None:
        """Creates a webhook for `EVENT` and other types. Every second one has a pace, all but the second catch up."""
        self.made += 1
        values: dict[str, Any] = {"name": "n", "url": f"https://wh-{self.made}.example/0", "events": [EVENT, *more]}
        values |= {"max_per_second": 1 if self.made % 2 else None, "catch_up": self.made != 2}
        self._call(self.account, "POST", "/v1/webhooks", values, plan=plan, id=str(self.made))

    def person(self, webhook_id: str, action: str, plan: Plan = NONE) -> None:
        webhook = self.webhook(webhook_id)
        if not webhook:
            return
        path = f"/v1/webhooks/{webhook_id}"
        calls: dict[str, tuple[str, str, Any]] = {
            "disables": ("PATCH", path, {"enabled": False}),
            "enables": ("PATCH", path, {"enabled": True}),
            "deletes": ("DELETE", path, None),
            "changes the URL": ("PATCH", path, {"url": webhook.url + "0"}),
            "unsubscribes": ("PATCH", path, {"events": ["contact.created"]}),
            "subscribes": ("PATCH", path, {"events": [EVENT]}),
            "recovers": ("POST", f"{path}/recover", {"since": "2026-05-29T00:00:00Z"}),
            "sets a pace": ("PATCH", path, {"max_per_second": 1}),
            "removes the pace": ("PATCH", path, {"max_per_second": None}),
            "rotates the secret": ("POST", f"{path}/secret/rotate", {"overlap_seconds": 60}),
        }
        self._call(self.account, *calls[action], plan=plan)

    def publish(self, event_id: str) -> None:
        self.published += 1
        values = {"account_id": ACCOUNT, "event": EVENT, "id": event_id, "data": DATA | {"text": f"n{self.published}"}}
        self._call(self.platform, "POST", "/v1/events", values)

    def publish_batch(self, event_ids: list[str], *, directly: bool, plan: Plan = NONE) -> None:
        """
        With two events that nobody wants: of a type without subscribers, and of an account without webhooks. Put on the bus
        directly, one that violates the contract is among them.
        """
        self.published += 1
        text = {"text": f"n{self.published}"}
        events: list[Any] = [
            {"account_id": ACCOUNT, "event": EVENT, "id": event_id, "data": DATA | text} for event_id in event_ids
        ]
        events.insert(1, {**events[0], "event": "message.read", "id": f"unwanted_{self.published}"})
        events.append({**events[0], "account_id": "other"})
        if not directly:
            self._call(self.platform, "POST", "/v1/events/batch", {"events": events}, plan=plan)
            return
        self.bad.append(f"bad_{self.published}")
        events.insert(2, {**events[0], "data": {}, "id": self.bad[-1]})
        entry = {"Source": "aisoule", "DetailType": "batch", "Detail": json.dumps({"events": events})}
        self.cloud.publish([entry])

    def retry(self, webhook_id: str, event_id: str, plan: Plan = NONE, **running: Any) -> None:
        if self.delivery(webhook_id, event_id):
            path = f"/v1/webhooks/{webhook_id}/deliveries/{event_id}/retry"
            self._call(self.account, "POST", path, None, plan=plan, **running)

    def send_retry(self, webhook_id: str, event_id: str) -> None:
        """A retry whose mark in the log is on its way for long, so that it can come in the middle of an attempt."""
        self.retry(webhook_id, event_id, holds_back="PutItem")

    def take_id(self) -> str:
        self._ids += 1
        taken, self.next_id = self.next_id or f"x{self._ids}", ""
        return taken

    def mark_retries(self) -> None:
        self.cloud.arrive()

    def _call(
        self, client: Api, method: str, path: str, body: Any, *, plan: Plan = NONE, id: str = "", **running: Any
    ) -> None:
        """What the API answers is the person's concern, but for a failure that no fault explains."""
        faults = self.cloud.faults
        outer, self.next_id = self.next_id, id
        with _process_of_its_own(), self.cloud.running(plan, by_person=True, **running), suppress(Crashed):
            answer = client.call(method, path, body)
            if answer.status >= 500 and faults == self.cloud.faults:
                self.endpoints.broken.append(f"{method} {path}: {answer.status} {answer.text}")
        self.next_id = outer

    # What AWS does.

    def fan_out(self, plan: Plan = NONE) -> None:
        """An event that fails goes back on the bus twice, then to the on-failure destination."""
        if not self.cloud.on_bus:
            return
        event, failed = self.cloud.on_bus.pop(0)
        writes = len(self.cloud.history)
        with self.cloud.running(plan) as fanned:
            try:
                fanout.lambda_handler(event, None)
            except (Exception, Crashed):
                (self.kept.append(event) if failed == 2 else self.cloud.on_bus.append((event, failed + 1)))
                ended_well = False
            else:
                ended_well = True
        wanted = _wanted(event, [webhook_of(item) for item in fanned.queried])
        stored = {write.key[0] for write in self.cloud.history[writes:] if write.key[1] == "EVENT"}
        if not stored <= {event_key(ACCOUNT, event_id)["pk"]["S"] for _, event_id in wanted}:
            self.endpoints.broken.append(f"{stored} stored, although only {wanted} are wanted")
        if ended_well:
            self.expected |= wanted
            self.unwanted += len(_valid(event) - {event_id for _, event_id in wanted})

    def deliver(self, plan: Plan = NONE) -> None:
        for lane in LANES:
            self.invoke(lane, plan)

    def process_dead_letters(self, plan: Plan = NONE) -> None:
        self.invoke(DEAD, plan)

    def release(self, plan: Plan = NONE) -> None:
        """As each minute. What fails is made up for by the next."""
        with suppress(Crashed), self.cloud.running(plan):
            try:
                release.lambda_handler({}, None)
            except Exception:
                assert plan, "a release failed without a fault"

    def invoke(self, queue: str, plan: Plan = NONE) -> None:
        """The queue's function, with a batch."""
        records = self.cloud.receive(queue)
        if not records:
            return
        with self.endpoints.invocation(records) as invocation:
            try:
                with self.cloud.running(plan):
                    answer = MAPPINGS[queue]({"Records": records}, None)
            except Crashed:
                invocation.crashed = True
                return  # the messages come back by their visibility timeout
            self.cloud.acknowledge(queue, records, answer)

    def copy(self, queue: str, how: str) -> None:
        """SQS hands a message out twice, be it in flight or waiting; or it was sent twice, as when an answer is lost."""
        if messages := self.cloud.queues[queue].messages:
            match how:
                case "handed out twice":
                    messages[0].visible_at = self.cloud.clock.at
                case "sent twice":
                    self.cloud.enqueue(queue, messages[0].request)

    def meanwhile(self, what: str) -> None:
        """Between two steps of an invocation: other invocations, with copies of its messages, or a person."""
        with self.cloud.running(NONE):
            match what:
                case "handed out twice" | "sent twice" if not self.endpoints.nested:
                    for queue in MAPPINGS:
                        self.copy(queue, what)
                    self.deliver(self.inner_plan)
                    self.process_dead_letters(self.inner_plan)
                case "others for half a minute" if not self.endpoints.nested:
                    for lane in LANES:
                        self.copy(lane, "sent twice")
                    for _ in range(3):
                        for lane in LANES:
                            self.copy(lane, "handed out twice")
                        self.deliver(self.inner_plan)
                        self.process_dead_letters(self.inner_plan)
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

    def wait_for_a_message(self, *, at_least: float) -> None:
        """Until one is visible; `at_least` in seconds."""
        waiting = [message.visible_at for queue in MAPPINGS for message in self.cloud.queues[queue].messages]
        wait = (min(waiting) - self.cloud.clock.at).total_seconds() if waiting else 0
        self.cloud.clock.sleep(max(wait, at_least))

    def nap(self, seconds: float) -> None:
        """What a function may sleep while it is paid for, and while its time runs out."""
        if seconds > 1:
            self.endpoints.broken.append(f"a function slept for {seconds} s")
        self.cloud.clock.sleep(seconds)

    # What can be looked at; none of it is a call of the functions.

    def webhook(self, webhook_id: str) -> Webhook | None:
        item = self._stored("config", webhook_key(ACCOUNT, webhook_id))
        return webhook_of(item) if item else None

    def delivery(self, webhook_id: str, event_id: str) -> Delivery | None:
        event = self._stored("log", event_key(ACCOUNT, event_id))
        item = event and self._stored("log", delivery_key(webhook_id, log_place(event["accepted_at"]["S"], event_id)))
        return delivery_of(item) if item else None

    def _stored(self, table: str, key: Item) -> Item | None:
        return self.cloud.tables[table].get(key_of(key))

    def queued(self) -> set[tuple[str, str]]:
        """(webhook, event) of every message that is in a queue, or waits for its moment."""
        messages = [message for queue in MAPPINGS for message in self.cloud.queues[queue].messages]
        queued = {(message.attribute("webhook_id"), message.attribute("event_id")) for message in messages}
        return queued | self.waiting()

    def catch_ups(self) -> list[CatchUp]:
        """The last one of each webhook."""
        items = [from_item(item) for (_, sk), item in self.cloud.tables["log"].items() if sk == "CATCH_UP"]
        names = {field.name for field in fields(CatchUp)}
        return [CatchUp(**{"due_at": None, **{name: item[name] for name in names & item.keys()}}) for item in items]

    def is_catching_up(self) -> bool:
        """Whether something is to be done at once about a webhook that is not failing: those are probed for days."""
        at = rfc3339(self.cloud.clock.at)
        due = [catch_up.webhook_id for catch_up in self.catch_ups() if catch_up.due_at and catch_up.due_at <= at]
        webhooks = [self.webhook(webhook_id) for webhook_id in due]
        return any(webhook is None or webhook.status != "failing" for webhook in webhooks)

    def waiting(self) -> set[tuple[str, str]]:
        """(webhook, event) of each that waits, if its webhook is among those that are looked at each minute."""
        log = self.cloud.tables["log"]
        keys = [key for key in log if key[1].startswith("WAITING#") and "due" in log.get((key[0], "PACE"), {})]
        return {(pk.removeprefix("PACE#"), sk.split("#")[2]) for pk, sk in keys}


def _events(bus_event: dict[str, Any]) -> list[dict[str, Any]]:
    """As elements of a batch."""
    detail = bus_event["detail"]
    events: list[dict[str, Any]] = detail.get("events") or [{**detail, "event": bus_event["detail-type"]}]
    return events


def _valid(bus_event: dict[str, Any]) -> set[str]:
    return {event["id"] for event in _events(bus_event) if event["data"]}


def _wanted(bus_event: dict[str, Any], webhooks: list[Webhook]) -> set[tuple[str, str]]:
    """(webhook, event) of each of the webhooks that wants an event."""
    return {
        (webhook.id, event["id"])
        for event in _events(bus_event)
        for webhook in webhooks
        if (webhook.account_id, webhook.status != "disabled") == (event["account_id"], True)
        and event["event"] in webhook.events
        and event["data"]
    }


@contextmanager
def _process_of_its_own() -> Iterator[None]:
    """A call that comes in the middle of another is another process's: Powertools keeps the call in the resolver."""
    app = api.handler.app
    outer = dict(app.context), vars(BaseRouter).copy()
    app.clear_context()
    try:
        yield
    finally:
        app.clear_context()
        app.append_context(**outer[0])
        for name in ("current_event", "lambda_context"):
            if name in outer[1]:
                setattr(BaseRouter, name, outer[1][name])


PERSON = [
    "disables",
    "enables",
    "deletes",
    "changes the URL",
    "unsubscribes",
    "subscribes",
    "recovers",
    "sets a pace",
    "removes the pace",
    "rotates the secret",
]
MEANWHILE = ["handed out twice", "sent twice", "others for half a minute", "retried", *PERSON]
