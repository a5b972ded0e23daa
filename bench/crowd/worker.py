"""What deliver does with a batch, by the real schedule: every message is decided, POSTed side by side, and settled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil, inf

from bench.crowd.clock import Clock
from bench.crowd.mapping import Mapping
from bench.crowd.marks import Marks
from bench.crowd.moments import BEGAN, moment, rfc3339_at, seconds
from bench.crowd.queue import Queue
from bench.crowd.scenario import Endpoints, Published
from bench.crowd.settings import RECEIVED_AT_ONCE, Load, Times
from deliver.lanes import SLOW_SECONDS
from deliver.schedule import Acknowledge, Cancel, DeadLetter, Move, Schedule, Wait
from deliver.snapshots import Snapshot
from webhooks.deliveries import Attempt, Delivery, ErrorCode
from webhooks.messages import DeliveryMessage
from webhooks.times import parse_time

_FIRST = DeliveryMessage("wh", "acme", "evt", "message.incoming", BEGAN, 1, BEGAN, "{}", id="message")
_RETRIED = replace(_FIRST, queue="retry", takes_over=_FIRST.successor_id())


@dataclass
class Counts:
    """What is paid for, and what must add up. `late`: seconds by which retries were attempted after they were due."""

    invocations: int = 0
    busy_seconds: float = 0.0
    received: int = 0
    attempts: int = 0
    requests: int = 0
    delivered: int = 0
    dead_lettered: int = 0
    passed_on: int = 0
    late: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """Of one message of a batch: where it goes, None is nowhere, and when it is shown there."""

    number: int
    to: Queue | None
    shown_at: float = 0.0


class Worker:
    """`arrived`: when each message was POSTed first, by its number; infinite until then."""

    def __init__(self, load: Load, times: Times, published: Published, endpoints: Endpoints, clock: Clock) -> None:
        self.counts = Counts()
        self.arrived = [inf] * len(published.times)
        self.marks = Marks(clock, times.mark)
        self.delivery: Mapping
        self.retry: Mapping
        self._accounts, self._endpoints = published.accounts, endpoints
        self._times, self._clock = times, clock
        self._schedule = Schedule(load.delays)
        self._logged: dict[int, Delivery] = {}
        self._ended_early: set[int] = set()
        self._batches = 0

    def begin(self, mapping: Mapping, batch: list[int]) -> float:
        """A batch begins now; when it will have ended."""
        times, counts = self._times, self.counts
        half = (times.batch + times.each * len(batch)) / 2
        posting = self._clock.now + half
        if mapping.running > mapping.environments:
            mapping.environments += 1
            posting += times.cold_start
        self._batches += 1
        results, longest = [], 0.0
        for number in batch:
            took, result = self._handle(mapping, number, posting)
            longest = max(longest, took)
            results.append(result)
        ended = posting + longest + half
        counts.invocations += 1
        counts.busy_seconds += ended - self._clock.now
        counts.received += len(batch)
        self._count_requests(mapping, results)
        self._clock.at(ended, self._settle, (mapping, results))
        return ended

    def _handle(self, mapping: Mapping, number: int, at: float) -> tuple[float, Result]:
        account, wait = self._accounts[number], 0.0
        delivery = self._logged.get(number)
        message = _RETRIED if mapping is self.retry else _FIRST
        snapshot = Snapshot.of(message, self.marks.webhook(account), delivery)
        if delivery is not None or account in self.marks:  # all others are POSTed at once
            decision = self._schedule.decide(snapshot, moment(at))
            if isinstance(decision, Acknowledge | Cancel | DeadLetter):
                return 0.0, Result(number, mapping.queue, at)
            due = seconds(decision.due) if decision.due else at
            if isinstance(decision, Move):
                self.counts.passed_on += 1
                return 0.0, Result(number, self.retry.queue, due)
            if isinstance(decision, Wait):
                return 0.0, Result(number, mapping.queue, due)
            wait = max(due - at, 0.0)
            if delivery is not None:
                self.counts.late.append(at + wait - due)
        took, result = self._attempt(mapping, number, snapshot, at + wait)
        return wait + took, result

    def _attempt(self, mapping: Mapping, number: int, snapshot: Snapshot, at: float) -> tuple[float, Result]:
        account, made = self._accounts[number], snapshot.recorded()
        self.arrived[number] = min(self.arrived[number], at)
        self.counts.attempts += 1
        took, succeeded = self._endpoints.attempt(number, made + (number in self._ended_early), account, at)
        if succeeded and took < SLOW_SECONDS and account not in self.marks:
            return took, self._delivered(number)
        code: ErrorCode | None = None if succeeded else "timeout"
        attempt = Attempt(made + 1, 1, rfc3339_at(at), ceil(took * 1000), error=code, error_code=code)
        if self.retry is not self.delivery:
            first = self.marks.attempted(account, number, at, attempt, self._batches)
            if mapping is self.delivery and took > SLOW_SECONDS and not first:
                self._ended_early.add(number)
                ends = SLOW_SECONDS + self._times.mark
                return ends, Result(number, self.retry.queue, at + ends)
        after = self._schedule.after(snapshot, attempt)
        if after.is_final():
            return took, self._delivered(number)
        if after.next_attempt_at is None:
            self._logged.pop(number)
            self.counts.dead_lettered += 1
            return took, Result(number, None)
        self._logged[number] = after
        return took, Result(number, self.retry.queue, seconds(parse_time(after.next_attempt_at)))

    def _delivered(self, number: int) -> Result:
        self._logged.pop(number, None)
        self.counts.delivered += 1
        return Result(number, None)

    def _settle(self, of: tuple[Mapping, list[Result]]) -> None:
        """At the batch's end: delete, hide, or send to the other queue, until whole seconds later, rounded up."""
        mapping, results = of
        now = self._clock.now
        for result in results:
            if result.to is mapping.queue:
                self._clock.at(now + ceil(max(result.shown_at - now, 0)), self._show_again, (mapping, result.number))
                continue
            mapping.queue.delete(result.number)
            if result.to is not None:
                self._clock.at(now + ceil(max(result.shown_at - now, 0)), self._show, result.number)

    def _show_again(self, of: tuple[Mapping, int]) -> None:
        mapping, number = of
        mapping.queue.show_again(number)
        mapping.offer()

    def _show(self, number: int) -> None:
        self.retry.queue.show(number)
        self.retry.offer()

    def _count_requests(self, mapping: Mapping, results: list[Result]) -> None:
        """Receives, deletes, changes of visibility, and sends to the other queue: each by ten."""
        hidden = sum(result.to is mapping.queue for result in results)
        sent = sum(result.to is not None for result in results) - hidden
        for count in (len(results), len(results) - hidden, hidden, sent):
            self.counts.requests += -(-count // RECEIVED_AT_ONCE)
