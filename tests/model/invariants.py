"""What was promised, checked against every write that was made, every operational event and every message that waits."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

from deliver.unattempted import OUR_FAULT, REQUEUED_FOR
from tests.model.cloud import Key, Write
from tests.model.expressions import Item
from tests.model.simulation import ACCOUNT, DELAYS, Simulation
from webhooks.catch_up import CatchUp
from webhooks.deliveries import FINAL, Attempt, Delivery
from webhooks.items import delivery_of, webhook_of
from webhooks.models import Webhook
from webhooks.times import parse_time, rfc3339

ATTEMPTS = len(DELAYS) + 1
Since = tuple[str, str]
"""A webhook, and since when it was failing."""


@dataclass
class Invariants:
    simulation: Simulation
    seen: int = 0
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    deliveries: dict[Key, Delivery] = field(default_factory=dict)
    events: dict[Key, Item] = field(default_factory=dict)
    failed: list[Since] = field(default_factory=list)
    """Every time that a webhook became failing, in order."""
    recovered: set[Since] = field(default_factory=set)
    lane_changes: int = 0
    moments: dict[Key, int] = field(default_factory=dict)
    """Of each pace, the next one that is free."""
    waited: int = 0
    must_fail: str | None = None
    """The webhook that the next write has to mark."""
    touched: set[Since] = field(default_factory=set)
    """Those that a person ended: disabled, enabled or deleted while failing."""
    gone: set[str] = field(default_factory=set)
    """Webhooks that were disabled or deleted at some time."""
    ended: set[Since] = field(default_factory=set)
    """Webhooks that their endpoint ended, and when; but not those that a person edited afterwards."""
    times_ended: int = 0
    must_cancel: tuple[str, str] | None = None
    """The (webhook, event) whose 410 the next write has to record."""

    def check(self) -> None:
        """After every step."""
        assert not self.simulation.endpoints.broken, self.simulation.endpoints.broken[0]
        for write in self.simulation.cloud.history[self.seen :]:
            must_fail, self.must_fail = self.must_fail, None
            must_cancel, self.must_cancel = self.must_cancel, None
            self.seen += 1
            self._written(write)
            if must_cancel:
                self._ended_by(must_cancel, write)
            assert must_fail is None or self.failed[-1:] == [(must_fail, self.webhooks[must_fail].failing_since)]
        assert self.must_fail is None, "out of attempts, and the webhook is not failing"
        self._nothing_is_lost()
        self._operational_events_are_true()
        self._publishers_skip_nothing_that_is_wanted()

    def check_end(self) -> None:
        """When faults are over and time has passed: everything is final, and every status tells the truth."""
        assert not self.simulation.cloud.on_bus
        assert not self.simulation.waiting(), "something waits for ever"
        queues = dict(self.simulation.cloud.queues)
        rejected = [json.loads(message.request["MessageBody"]) for message in queues.pop("rejected").messages]
        assert {kept["event"]["detail"]["id"] for kept in rejected} == set(self.simulation.bad), "rejected and not kept"
        for name, queue in queues.items():
            assert not queue.messages, f"a message never leaves the queue {name}"
        for webhook_id, event_id in self.simulation.expected:
            delivery = self.simulation.delivery(webhook_id, event_id)
            assert delivery is not None, f"{event_id} for {webhook_id} never became anything"
            assert delivery.status in FINAL, f"{event_id} for {webhook_id} is still {delivery.status}"
        assert self.subscribed() == self.emitted_subscribed(), "publishers know subscribers that are gone"
        emitted = {(name, since) for name, since in self._emitted()}
        for since in self.failed:
            assert since in self.touched or ("webhook.failing", since) in emitted, "webhook.failing was not emitted"
        assert self.ended <= self._emitted_disabled(), "webhook.disabled was not emitted"
        assert self.recovered <= {since for name, since in emitted if name == "webhook.recovered"}
        assert not self.simulation.is_catching_up(), "catching up has no end"
        for catch_up in self.simulation.catch_ups():
            self._caught_up(catch_up)
        for webhook in self.webhooks.values():
            assert webhook.status != "failing" or not self._answered_since(webhook), "failing after a 200"

    def _caught_up(self, catch_up: CatchUp) -> None:
        """One that is done has left nothing failed."""
        if catch_up.state != "done" or catch_up.ended_at is None:
            return
        earliest = rfc3339(parse_time(catch_up.ended_at) - timedelta(hours=24))
        for delivery in self.deliveries.values():
            if delivery.webhook_id == catch_up.webhook_id and delivery.accepted_at > max(catch_up.since, earliest):
                failed = delivery.status == "failed" and rfc3339(delivery.attempts[-1].ended()) < catch_up.ended_at
                assert not failed, f"{delivery.event_id} is still failed"

    def _written(self, write: Write) -> None:
        if write.table == "config":
            if write.key[1].startswith("WEBHOOK#"):
                self._webhook_written(write)
        elif write.key[0].startswith("PACE#"):
            self._pace_written(write)
        elif write.key[1] == "EVENT":
            assert write.item is not None
            assert self.events.setdefault(write.key, write.item) == write.item, "a stored event changed"
        else:
            assert write.item is not None
            self._delivery_written(write, delivery_of(write.item))

    def _pace_written(self, write: Write) -> None:
        if write.key[1] != "PACE" or write.item is None or "next_slot" not in write.item:
            self.waited += write.key[1] != "PACE"
            return
        moment = int(write.item["next_slot"]["N"])
        assert moment >= self.moments.get(write.key, 0), "a moment was given twice"
        self.moments[write.key] = moment

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
            if was and was.disabled_at:
                self.ended.discard((webhook_id, was.disabled_at))
            return
        assert was is not None, "a deleted webhook came back"
        assert now is not None
        assert _without_health(was) == _without_health(now), "a function edited a webhook"
        if was.lane != now.lane:
            assert replace(was, slow_since=None, prompt_since=None) == replace(now, slow_since=None, prompt_since=None)
            self.lane_changes += 1
            return
        if now.status == "disabled":
            self._became_disabled(was, now)
            return
        assert (was.status, now.status) in [("active", "failing"), ("failing", "active")], f"{was.status} {now.status}"
        if now.status == "failing":
            self._became_failing(now)
        else:
            assert (now.failing_since, now.failing_reason, now.failing_event_id) == (None, None, None)
            self.recovered.add((webhook_id, str(was.failing_since)))

    def _became_disabled(self, was: Webhook, now: Webhook) -> None:
        """Only by a 410, in one transaction with the delivery that has it."""
        assert was.status != "disabled", "disabled twice"
        assert now.disabled_at is not None
        assert now.disabled_event_id is not None
        if was.failing_since:
            self.touched.add((was.id, was.failing_since))
        self.ended.add((now.id, now.disabled_at))
        self.times_ended += 1
        self.must_cancel = now.id, now.disabled_event_id

    def _ended_by(self, webhook_and_event: tuple[str, str], write: Write) -> None:
        delivery = self.deliveries[write.key]
        assert (delivery.webhook_id, delivery.event_id) == webhook_and_event
        assert delivery.status == "cancelled"
        post = self.simulation.endpoints.posts[(*webhook_and_event, delivery.attempts[-1].at)]
        assert post.gone, "disabled without a 410"
        assert not self._edited_since(post.writes, delivery.webhook_id), "disabled, and a person's later edit is lost"

    def _edited_since(self, writes: int, webhook_id: str) -> bool:
        """By a person, after so many writes."""
        return any(
            write.person and write.key[1] == f"WEBHOOK#{webhook_id}"
            for write in self.simulation.cloud.history[writes : self.seen]
        )

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
        since = self.simulation.cloud.history[write.began : self.seen]
        moved = any(other.key[1] == f"WEBHOOK#{webhook_id}" for other in since)
        webhook = self.webhooks.get(webhook_id)
        return webhook_id if webhook and webhook.status == "active" and not moved else None

    def _attempt_recorded(self, delivery: Delivery, attempt: Attempt) -> None:
        """Each recorded attempt was POSTed, with that result, in order and not before it was due."""
        post = self.simulation.endpoints.posts.get((delivery.webhook_id, delivery.event_id, attempt.at))
        assert post is not None, "an attempt without a POST"
        assert post.ok is not None, "a fault on our side is recorded as the endpoint's"
        assert (attempt.error is None) == post.ok
        assert (delivery.status == "delivered") == post.ok
        assert post.gone or delivery.status != "cancelled", "an attempt is recorded, and ended the round"
        if post.gone and delivery.status != "cancelled":
            edited = self._edited_since(post.invocation.writes_before, delivery.webhook_id)
            assert edited, "a 410 did not disable the webhook"
        attempts = _real(delivery, delivery.round)
        assert [a.number for a in attempts] == list(range(1, len(attempts) + 1))
        assert len(attempts) <= ATTEMPTS, "a fifth attempt"
        for delay, (earlier, later) in zip(DELAYS, pairwise(attempts), strict=False):
            due = earlier.ended() + timedelta(seconds=delay)
            assert parse_time(later.at) >= due, f"attempt {later.number} was early"
        if delivery.next_attempt_at:
            # Never sooner than the schedule; later if the endpoint asks for it, but 15 minutes at most.
            wait = max(DELAYS[len(attempts) - 1], min(post.asked, 900))
            late = parse_time(delivery.next_attempt_at) - attempt.ended() - timedelta(seconds=wait)
            assert timedelta(0) <= late <= timedelta(milliseconds=2), f"due {late} after its time"

    def _nothing_is_lost(self) -> None:
        queued = self.simulation.queued()
        for webhook_id, event_id in self.simulation.expected:
            if (webhook_id, event_id) not in queued:
                delivery = self.simulation.delivery(webhook_id, event_id)
                final = delivery is not None and delivery.is_final()
                assert final, f"{event_id} for {webhook_id} is lost"
        for delivery in self.deliveries.values():
            key = delivery.webhook_id, delivery.event_id
            assert delivery.is_final() or key in queued, f"{key} stays {delivery.status} for ever"

    def _operational_events_are_true(self) -> None:
        """Of each webhook failing and recovered alternate, unless a person came between; and each has its id."""
        first: dict[str, tuple[str, Since]] = {}
        first_disabled: dict[str, tuple[str, Since]] = {}
        for entry in self.simulation.cloud.emitted:
            detail = json.loads(entry["Detail"])
            assert (entry["Source"], detail["account_id"]) == ("aisoule.webhooks", ACCOUNT)
            if entry["DetailType"] == "account.subscriptions_changed":
                continue
            if entry["DetailType"] == "webhook.disabled":
                assert detail["webhook_id"] in self.gone, "emitted for a disabling that never was"
                disabled = "webhook.disabled", (detail["webhook_id"], detail["disabled_at"])
                assert first_disabled.setdefault(detail["id"], disabled) == disabled
                continue
            identity = entry["DetailType"], (detail["webhook_id"], detail["failing_since"])
            assert first.setdefault(detail["id"], identity) == identity, "one id for two operational events"
        emitted = list(first.values())
        assert len(set(first_disabled.values())) == len(first_disabled), "one disabling with two ids"
        assert len(set(emitted)) == len(emitted), "one operational event with two ids"
        assert {since for _, since in emitted} <= set(self.failed), "emitted for what never was"
        for webhook_id in {webhook_id for _, (webhook_id, _) in emitted}:
            names = [(name, since) for name, since in emitted if since[0] == webhook_id]
            assert names[0][0] == "webhook.failing", "recovered without webhook.failing before"
            for (earlier, since), (later, until) in pairwise(names):
                if earlier == "webhook.recovered":
                    assert later == "webhook.failing"
                elif later == "webhook.recovered":
                    assert since == until
                else:
                    assert since in self.touched, "failing twice, and no recovery between"

    def _publishers_skip_nothing_that_is_wanted(self) -> None:
        """A publisher keeps what has the highest version, in whatever order it comes."""
        assert self.subscribed() <= self.emitted_subscribed(), "publishers know fewer subscribers than there are"

    def subscribed(self) -> set[str]:
        """The event types that have a subscriber."""
        return {e for webhook in self.webhooks.values() if webhook.status != "disabled" for e in webhook.events}

    def emitted_subscribed(self) -> set[str]:
        details = [json.loads(entry["Detail"]) for entry in self.simulation.cloud.emitted]
        changes = [detail for detail in details if "version" in detail]
        return set(max(changes, key=lambda detail: detail["version"])["events"]) if changes else set()

    def _emitted(self) -> list[tuple[str, Since]]:
        details = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in self.simulation.cloud.emitted]
        return [(n, (d["webhook_id"], d["failing_since"])) for n, d in details if n.startswith("webhook.")]

    def _emitted_disabled(self) -> set[Since]:
        entries = [entry for entry in self.simulation.cloud.emitted if entry["DetailType"] == "webhook.disabled"]
        details = [json.loads(entry["Detail"]) for entry in entries]
        return {(detail["webhook_id"], detail["disabled_at"]) for detail in details if detail["disabled_reason"]}

    def _answered_since(self, webhook: Webhook) -> bool:
        """By a recorded 200 of an invocation that had the webhook before it as failing."""
        posts = self.simulation.endpoints.posts.values()
        since = parse_time(str(webhook.failing_since))
        return any(p.webhook_id == webhook.id and p.recorded and p.ok and p.invocation.began > since for p in posts)

    def statuses(self) -> Counter[str]:
        return Counter(str(delivery.status) for delivery in self.deliveries.values())


def _real(delivery: Delivery, round: int) -> list[Attempt]:
    return [a for a in delivery.attempts if a.round == round and a.error != OUR_FAULT]


def _without_health(webhook: Webhook) -> Webhook:
    return replace(
        webhook,
        status="active",
        failing_since=None,
        failing_reason=None,
        failing_code=None,
        failing_event_id=None,
        disabled_at=None,
        disabled_reason=None,
        disabled_event_id=None,
        slow_since=None,
        prompt_since=None,
    )
