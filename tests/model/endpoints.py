"""The customers' endpoints, in the place of the network: what they answer, and what they notice about each POST."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from requests import PreparedRequest, Response
from urllib3 import HTTPResponse

from deliver.failures import AttemptFailed
from deliver.watchdog import AttemptEnded
from tests.model.cloud import Cloud, Write
from webhooks.deliveries import FINAL
from webhooks.items import delivery_of, webhook_of
from webhooks.models import Webhook
from webhooks.times import rfc3339


@dataclass
class Post:
    """`ok` is None when the POST itself met a fault on our side, so that no attempt may be recorded."""

    webhook_id: str
    event_id: str
    at: str
    invocation: Invocation
    log_moved_to: int
    writes: int
    """How many there were before it."""
    ok: bool | None = None
    ended_early: bool = False
    gone: bool = False
    asked: float = 0.0
    """For how many seconds the endpoint asked to be left alone."""
    recorded: bool = False


@dataclass
class Invocation:
    """One invocation: what may be POSTed in it, and not before when, by what the log said when it began."""

    began: datetime
    writes_before: int
    unsettled: dict[tuple[str, str], str]
    lane: str
    posts: list[Post] = field(default_factory=list)
    crashed: bool = False


@dataclass
class Endpoints:
    cloud: Cloud
    behaviour: dict[str, str] = field(default_factory=dict)
    """Of each webhook's endpoint: up, down, slow, busy or gone; up unless it is said."""
    posts: dict[tuple[str, str, str], Post] = field(default_factory=dict)
    """By webhook, event and moment."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    invocations: list[Invocation] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unrecorded: Counter[str] = field(default_factory=Counter)
    """How many POSTs the log does not have, by why."""

    @property
    def nested(self) -> bool:
        return len(self.invocations) > 1

    @contextmanager
    def invocation(self, records: list[dict[str, Any]]) -> Iterator[Invocation]:
        lane = records[0]["eventSourceARN"].rpartition(":")[2]
        invocation = Invocation(self.cloud.clock.at, len(self.cloud.history), {}, lane)
        for record in records:
            invocation.unsettled |= self._unsettled(record["messageAttributes"])
        outer, self.cloud.began = self.cloud.began, invocation.writes_before
        self.invocations.append(invocation)
        try:
            yield invocation
        finally:
            self.cloud.began = outer
            self.invocations.pop()
            self._settle(invocation)

    def send(self, request: PreparedRequest, **_: Any) -> Response:
        """In the place of the adapter's."""
        event_id, webhook_id = str(request.headers["webhook-id"]), _webhook_id(request)
        invocation = self.invocations[-1]
        moved_to, writes = self._version(webhook_id, event_id), len(self.cloud.history)
        post = Post(webhook_id, event_id, rfc3339(self.cloud.clock.at), invocation, moved_to, writes)
        if (webhook_id, event_id) not in invocation.unsettled:
            self.broken.append(f"a POST of {event_id} to {webhook_id}, which was settled before the invocation began")
        if post.at < invocation.unsettled.get((webhook_id, event_id), ""):
            self.broken.append(f"a POST of {event_id} to {webhook_id} before its time")
        if any((p.webhook_id, p.event_id) == (webhook_id, event_id) for p in invocation.posts):
            self.broken.append(f"two POSTs of {event_id} to {webhook_id} in one batch")
        invocation.posts.append(post)
        self._verify(request, webhook_id, event_id, invocation)
        self.posts[webhook_id, event_id, post.at] = post
        response: Response = self.cloud.boundary("POST", lambda: self._answer(post))
        return response

    def _answer(self, post: Post) -> Response:
        behaviour = self.behaviour.get(post.webhook_id, "up")
        post.ok = behaviour == "up"
        if behaviour == "slow":
            if post.invocation.lane == "delivery" and self._is_marked_slow(post.webhook_id):
                self.cloud.clock.sleep(1)
                post.ok, post.ended_early = None, True
                raise AttemptEnded
            self.cloud.clock.sleep(5)
            raise AttemptFailed("timeout", "no answer within 5 s")
        response, headers = Response(), {}
        post.gone = behaviour == "gone"
        response.status_code = 200 if post.ok else 410 if post.gone else 500
        if behaviour == "busy":
            response.status_code = (429, 503)[len(self.posts) % 2]
            headers["Retry-After"], post.asked = self._busy()
        response.raw = HTTPResponse(headers=headers)
        return response

    def _busy(self) -> tuple[str, float]:
        """What an endpoint that has too much to do may send, and the seconds that it asks for by that."""
        later = self.cloud.clock.at + timedelta(seconds=333)
        date = format_datetime(later.replace(microsecond=0), usegmt=True)
        headers = [
            ("5", 5),
            ("120", 120),
            ("1200", 1200),
            ("9" * 18, 1e18),
            (date, 333),
            ("soon", 0),
            ("-1", 0),
            ("9" * 4000, 0),
        ]
        return headers[len(self.posts) % len(headers)]

    def _is_marked_slow(self, webhook_id: str) -> bool:
        """By another invocation since this one read it: then this one ends its attempts as soon as it notices."""
        items = [write.item for write in self.cloud.history if write.key[1] == f"WEBHOOK#{webhook_id}"]
        return bool(items and items[-1] and "slow_since" in items[-1])

    def _verify(self, request: PreparedRequest, webhook_id: str, event_id: str, invocation: Invocation) -> None:
        """The bytes are always the same; URL, secret and status are those of some moment since the invocation began."""
        body = request.body
        assert isinstance(body, bytes)
        if self.bodies.setdefault(event_id, body) != body:
            self.broken.append(f"another body of {event_id}")
        if not any(_is_from(webhook, request, body) for webhook in self._since(webhook_id, invocation.writes_before)):
            self.broken.append(f"a POST to {webhook_id}, disabled, or with an old secret or URL, or a wrong signature")

    def _since(self, webhook_id: str, writes: int) -> Iterator[Webhook]:
        """The webhook as it was after so many writes, and every later state of it."""
        states = [(i, w) for i, w in enumerate(self.cloud.history) if w.key[1] == f"WEBHOOK#{webhook_id}"]
        before = [write for i, write in states if i < writes][-1:]
        later = [write for i, write in states if i >= writes]
        return (webhook_of(write.item) for write in before + later if write.item)

    def _unsettled(self, attributes: dict[str, Any]) -> dict[tuple[str, str], str]:
        """Of a message that may still have to be POSTed: (webhook, event), and not before when."""
        values = {name: value["stringValue"] for name, value in attributes.items()}
        partition, sort = f"WEBHOOK#{values['webhook_id']}", f"{values['accepted_at']}#{values['event_id']}"
        item = self.cloud.tables["log"].get((partition, sort))
        key = values["webhook_id"], values["event_id"]
        if item is None:
            return {key: ""}
        delivery, round = delivery_of(item), int(values["round"])
        if round < delivery.round or (round == delivery.round and delivery.status in FINAL):
            return {}
        # A new round's first attempt waits for nothing: a person may retry what is overdue although its message is not lost.
        return {key: (delivery.next_attempt_at or "") if round == delivery.round else ""}

    def _version(self, webhook_id: str, event_id: str) -> int:
        return sum(_is_of(write, webhook_id, event_id) for write in self.cloud.history)

    def _settle(self, invocation: Invocation) -> None:
        """Why POSTs of the invocation are not in the log."""
        for post in invocation.posts:
            if post.recorded:
                continue
            if self._recorded(post):
                post.recorded = True
            elif invocation.crashed:
                self.unrecorded["after a crash before the log was written"] += 1
            elif post.ended_early:
                self.unrecorded["ended after a second, to be made again in the slow lane"] += 1
            elif post.ok is None:
                self.unrecorded["that met a fault on our side"] += 1
            elif self._version(post.webhook_id, post.event_id) != post.log_moved_to:
                self.unrecorded["beside a concurrent copy, which wrote the log first"] += 1
            else:
                self.unrecorded["when the log could not be written"] += 1

    def _recorded(self, post: Post) -> bool:
        return any(
            write.item is not None and any(a["M"]["at"]["S"] == post.at for a in write.item["attempts"]["L"])
            for write in reversed(self.cloud.history)
            if _is_of(write, post.webhook_id, post.event_id)
        )


def _is_of(write: Write, webhook_id: str, event_id: str) -> bool:
    partition, sort = write.key
    return write.table == "log" and partition == f"WEBHOOK#{webhook_id}" and sort.endswith(f"#{event_id}")


def _webhook_id(request: PreparedRequest) -> str:
    return str(request.url).split("//")[1].split(".")[0].replace("-", "_")


def _is_from(webhook: Webhook, request: PreparedRequest, body: bytes) -> bool:
    """What a customer does with the secret, by the documentation and not by our own code."""
    ours = hmac.new(webhook.secret.encode(), body, hashlib.sha256).hexdigest()
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    standard = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    signatures = str(request.headers["webhook-signature"]).split()
    posted = webhook.status != "disabled", request.url, request.headers["X-Webhook-Signature"], standard in signatures
    return posted == (True, webhook.url, ours, True)
