"""What was promised, checked against every write that was made, every signal told and every message that waits."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

from deliver.dead_letters import OUR_FAULT, REQUEUED_FOR
from tests.model.cloud import Item, Key, Write
from tests.model.world import ACCOUNT, DELAYS, World
from webhooks.items import delivery_of, webhook_of
from webhooks.models import FINAL, Attempt, Delivery, Webhook, parse_time

ATTEMPTS = len(DELAYS) + 1
Since = tuple[str, str]
"""A webhook, and since when it was failing."""


@dataclass
class Promises:
    world: World
    seen: int = 0
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    deliveries: dict[Key, Delivery] = field(default_factory=dict)
    events: dict[Key, Item] = field(default_factory=dict)
    failed: list[Since] = field(default_factory=list)
    """Every time that a webhook became failing, in order."""
    recovered: set[Since] = field(default_factory=set)
    must_fail: str | None = None
    """The webhook that the next write has to mark."""
    touched: set[Since] = field(default_factory=set)
    """Those that a person ended: disabled, enabled or deleted while failing."""
    gone: set[str] = field(default_factory=set)
    """Webhooks that were disabled or deleted at some time."""

    def check(self) -> None:
        """After every step."""
        assert not self.world.endpoints.broken, self.world.endpoints.broken[0]
        for write in self.world.cloud.history[self.seen :]:
            must_fail, self.must_fail = self.must_fail, None
            self.seen += 1
            self._written(write)
            assert must_fail is None or self.failed[-1:] == [(must_fail, self.webhooks[must_fail].failing_since)]
        assert self.must_fail is None, "out of attempts, and the webhook is not failing"
        self._nothing_is_lost()
        self._signals_are_true()

    def check_end(self) -> None:
        """When faults are over and time has passed: everything is final, and every status tells the truth."""
        assert not self.world.on_bus
        assert not self.world.cloud.queues["delivery"], "a message never ends"
        assert not self.world.cloud.queues["dead"], "a dead letter is never judged"
        assert not self.world.cloud.queues["rejected"]
        for webhook_id, event_id in self.world.expected:
            delivery = self.world.delivery(webhook_id, event_id)
            assert delivery is not None, f"{event_id} for {webhook_id} never became anything"
            assert delivery.status in FINAL, f"{event_id} for {webhook_id} is still {delivery.status}"
        told = {(name, since) for name, since in self._told()}
        for since in self.failed:
            assert since in self.touched or ("webhook.failing", since) in told, "nobody was told that it is failing"
        assert self.recovered <= {since for name, since in told if name == "webhook.recovered"}
        for webhook in self.webhooks.values():
            assert webhook.status != "failing" or not self._answered_since(webhook), "failing after a 200"

    def _written(self, write: Write) -> None:
        if write.table == "config":
            self._webhook_written(write)
        elif write.key[1] == "EVENT":
            assert write.item is not None
            assert self.events.setdefault(write.key, write.item) == write.item, "a stored event changed"
        else:
            assert write.item is not None
            self._delivery_written(write, delivery_of(write.item))

    def _webhook_written(self, write: Write) -> None:
        webhook_id = write.key[1].removeprefix("WEBHOOK#")
        was = self.webhooks.pop(webhook_id, None)
        now = webhook_of(write.item) if write.item else None
        if now:
            self.webhooks[webhook_id] = now
        if now is None or now.status == "disabled":
            self.gone.add(webhook_id)
        if write.person:
            if was and was.failing_since and (now is None or now.failing_since is None):
                self.touched.add((webhook_id, was.failing_since))
            return
        assert was is not None, "a deleted webhook came back"
        assert now is not None
        assert _without_health(was) == _without_health(now), "a function edited a webhook"
        assert (was.status, now.status) in [("active", "failing"), ("failing", "active")], f"{was.status} {now.status}"
        if now.status == "failing":
            self._became_failing(now)
        else:
            assert (now.failing_since, now.failing_reason, now.failing_event_id) == (None, None, None)
            self.recovered.add((webhook_id, str(was.failing_since)))

    def _became_failing(self, webhook: Webhook) -> None:
        """Only by four recorded failures of the delivery that it names."""
        self.failed.append((webhook.id, str(webhook.failing_since)))
        delivery = next(
            d for d in self.deliveries.values() if (d.webhook_id, d.event_id) == (webhook.id, webhook.failing_event_id)
        )
        attempts = _real(delivery, delivery.round)
        assert delivery.status == "failed"
        assert len(attempts) == ATTEMPTS, "falsely failing"
        assert all(attempt.error for attempt in attempts)
        assert webhook.failing_reason == attempts[-1].error

    def _delivery_written(self, write: Write, now: Delivery) -> None:
        was = self.deliveries.get(write.key)
        self.deliveries[write.key] = now
        before = was.attempts if was else []
        new = now.attempts[len(before) :]
        assert now.version == (was.version if was else 0) + 1, "somebody's write was lost"
        assert now.attempts[: len(before)] == before, "an attempt was rewritten"
        assert len(new) <= 1
        if was:
            assert now.round >= was.round, "a round went back"
            assert now.round > was.round or was.status not in FINAL, f"{was.status} was overwritten by {now.status}"
        for attempt in new:
            assert not write.person
            assert attempt.round == now.round
            if attempt.error == OUR_FAULT:
                assert now.status == "failed"
                late = parse_time(attempt.at) - parse_time(now.round_started_at)
                assert late >= REQUEUED_FOR, "given up too soon"
            else:
                self._attempt_recorded(now, attempt)
        if now.status == "cancelled":
            assert now.webhook_id in self.gone, "cancelled for a webhook that was always there"
        if now.status == "failed" and not any(attempt.error == OUR_FAULT for attempt in new):
            assert len(_real(now, now.round)) == ATTEMPTS, "failed before the last attempt"
            self.must_fail = self._still_active(write, now.webhook_id)

    def _still_active(self, write: Write, webhook_id: str) -> str | None:
        """The webhook, if it was active when the invocation began, and nobody has changed it since."""
        since = self.world.cloud.history[write.began : self.seen]
        moved = any(other.key[1] == f"WEBHOOK#{webhook_id}" for other in since)
        webhook = self.webhooks.get(webhook_id)
        return webhook_id if webhook and webhook.status == "active" and not moved else None

    def _attempt_recorded(self, delivery: Delivery, attempt: Attempt) -> None:
        """What is charged was POSTed, and came to what is written; in its turn, and not before its time."""
        post = self.world.endpoints.posts.get((delivery.webhook_id, delivery.event_id, attempt.at))
        assert post is not None, "an attempt without a POST"
        assert post.ok is not None, "a fault on our side is charged to the endpoint"
        assert (attempt.error is None) == post.ok
        assert (delivery.status == "delivered") == post.ok
        attempts = _real(delivery, delivery.round)
        assert [a.number for a in attempts] == list(range(1, len(attempts) + 1))
        assert len(attempts) <= ATTEMPTS, "a fifth attempt"
        for delay, (earlier, later) in zip(DELAYS, pairwise(attempts), strict=False):
            due = earlier.ended() + timedelta(seconds=delay)
            assert parse_time(later.at) >= due, f"attempt {later.number} was early"

    def _nothing_is_lost(self) -> None:
        queued = self.world.queued()
        for webhook_id, event_id in self.world.expected:
            delivery = self.world.delivery(webhook_id, event_id)
            final = delivery is not None and delivery.is_final()
            assert final or (webhook_id, event_id) in queued, f"{event_id} for {webhook_id} is lost"
        for delivery in self.deliveries.values():
            key = delivery.webhook_id, delivery.event_id
            assert delivery.is_final() or key in queued, f"{key} stays {delivery.status} for ever"

    def _signals_are_true(self) -> None:
        """Of each webhook failing and recovered alternate, unless a person came between; and each has its id."""
        first: dict[str, tuple[str, Since]] = {}
        for entry in self.world.cloud.told:
            detail = json.loads(entry["Detail"])
            assert (entry["Source"], detail["account_id"]) == ("aisoule.webhooks", ACCOUNT)
            identity = entry["DetailType"], (detail["webhook_id"], detail["failing_since"])
            assert first.setdefault(detail["id"], identity) == identity, "one id for two signals"
        told = list(first.values())
        assert len(set(told)) == len(told), "one signal by two ids"
        assert {since for _, since in told} <= set(self.failed), "told what never was"
        for webhook_id in {webhook_id for _, (webhook_id, _) in told}:
            names = [(name, since) for name, since in told if since[0] == webhook_id]
            assert names[0][0] == "webhook.failing", "recovered, and nobody was told that it had been failing"
            for (earlier, since), (later, until) in pairwise(names):
                if earlier == "webhook.recovered":
                    assert later == "webhook.failing"
                elif later == "webhook.recovered":
                    assert since == until
                else:
                    assert since in self.touched, "failing twice, and no recovery between"

    def _told(self) -> list[tuple[str, Since]]:
        details = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in self.world.cloud.told]
        return [(name, (detail["webhook_id"], detail["failing_since"])) for name, detail in details]

    def _answered_since(self, webhook: Webhook) -> bool:
        """By a recorded 200 of an invocation that had the webhook before it as failing."""
        posts = self.world.endpoints.posts.values()
        since = parse_time(str(webhook.failing_since))
        return any(p.webhook_id == webhook.id and p.recorded and p.ok and p.frame.began > since for p in posts)

    def statuses(self) -> Counter[str]:
        return Counter(str(delivery.status) for delivery in self.deliveries.values())


def _real(delivery: Delivery, round: int) -> list[Attempt]:
    return [a for a in delivery.attempts if a.round == round and a.error != OUR_FAULT]


def _without_health(webhook: Webhook) -> Webhook:
    return replace(webhook, status="active", failing_since=None, failing_reason=None, failing_event_id=None)
