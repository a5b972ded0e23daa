"""The customers' endpoints, in the place of the network: what they answer, and what they notice about each POST."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from requests import PreparedRequest, Response

from deliver.failures import AttemptFailed
from tests.model.cloud import Cloud, Write
from webhooks.items import delivery_of, webhook_of
from webhooks.models import FINAL, Webhook, rfc3339


@dataclass
class Post:
    """`ok` is None when the POST itself met a fault on our side, so that no attempt may be recorded."""

    webhook_id: str
    event_id: str
    at: str
    frame: Frame
    log_moved_to: int
    ok: bool | None = None
    recorded: bool = False


@dataclass
class Frame:
    """One invocation: what may be POSTed in it, and not before when, by what the log said when it began."""

    began: datetime
    writes_before: int
    unsettled: dict[tuple[str, str], str]
    posts: list[Post] = field(default_factory=list)
    crashed: bool = False


@dataclass
class Endpoints:
    cloud: Cloud
    does: dict[str, str] = field(default_factory=dict)
    """What each webhook's endpoint does: up, down or slow; up unless it is said."""
    posts: dict[tuple[str, str, str], Post] = field(default_factory=dict)
    """By webhook, event and moment."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unrecorded: Counter[str] = field(default_factory=Counter)
    """How many POSTs the log does not have, by why."""

    @property
    def nested(self) -> bool:
        return len(self.frames) > 1

    @contextmanager
    def invocation(self, records: list[dict[str, Any]]) -> Iterator[Frame]:
        frame = Frame(self.cloud.clock.at, len(self.cloud.history), {})
        for record in records:
            frame.unsettled |= self._unsettled(record["messageAttributes"])
        outer, self.cloud.began = self.cloud.began, frame.writes_before
        self.frames.append(frame)
        try:
            yield frame
        finally:
            self.cloud.began = outer
            self.frames.pop()
            self._settle(frame)

    def send(self, request: PreparedRequest, **_: Any) -> Response:
        """In the place of the adapter's."""
        event_id, webhook_id = str(request.headers["webhook-id"]), _webhook_id(request)
        frame = self.frames[-1]
        post = Post(webhook_id, event_id, rfc3339(self.cloud.clock.at), frame, self._version(webhook_id, event_id))
        if (webhook_id, event_id) not in frame.unsettled:
            self.broken.append(f"a POST of {event_id} to {webhook_id}, which was settled before the invocation began")
        if post.at < frame.unsettled.get((webhook_id, event_id), ""):
            self.broken.append(f"a POST of {event_id} to {webhook_id} before its time")
        if any((p.webhook_id, p.event_id) == (webhook_id, event_id) for p in frame.posts):
            self.broken.append(f"two POSTs of {event_id} to {webhook_id} in one batch")
        frame.posts.append(post)
        self._verify(request, webhook_id, event_id, frame)
        self.posts[webhook_id, event_id, post.at] = post
        response: Response = self.cloud.boundary("POST", lambda: self._answer(post))
        return response

    def _answer(self, post: Post) -> Response:
        does = self.does.get(post.webhook_id, "up")
        post.ok = does == "up"
        if does == "slow":
            self.cloud.clock.sleep(5)
            raise AttemptFailed("no answer within 5 s")
        response = Response()
        response.status_code = 200 if post.ok else 500
        return response

    def _verify(self, request: PreparedRequest, webhook_id: str, event_id: str, frame: Frame) -> None:
        """The bytes are always the same; URL, secret and status are those of some moment since the invocation began."""
        body = request.body
        assert isinstance(body, bytes)
        if self.bodies.setdefault(event_id, body) != body:
            self.broken.append(f"another body of {event_id}")
        if not any(_is_from(webhook, request, body) for webhook in self._since(webhook_id, frame.writes_before)):
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
        return {key: delivery.next_attempt_at or ""}

    def _version(self, webhook_id: str, event_id: str) -> int:
        return sum(_is_of(write, webhook_id, event_id) for write in self.cloud.history)

    def _settle(self, frame: Frame) -> None:
        """Why POSTs of the invocation are not in the log."""
        for post in frame.posts:
            if post.recorded:
                continue
            if self._recorded(post):
                post.recorded = True
            elif frame.crashed:
                self.unrecorded["after a crash before the log was written"] += 1
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
