"""The goals, what was measured against each, and what holds back those that are missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench import idle
from bench.cost import Load, Measured, total


@dataclass(frozen=True)
class Goal:
    """Met when `figure` is at most `limit`. `why` is only told when it is not."""

    name: str
    figure: float
    limit: float
    form: str = "{:.2f}"
    why: str = ""

    @property
    def met(self) -> bool:
        return self.figure <= self.limit

    def row(self) -> str:
        verdict = "met" if self.met else f"**MISSED** by {self.figure / self.limit - 1:.0%}: {self.why}"
        return f"| {self.name} | {self.form.format(self.limit)} | {self.form.format(self.figure)} | {verdict} |"


def measured(found: Mapping[str, Any]) -> Measured:
    """The cost model's input from the measurements."""
    deliver, fanout, sizes = found["deliver"]["cpu_ms"], found["fanout"]["cpu_ms"], found["sizes"]
    each = max((deliver["batch of 10"] * 10 - deliver["batch of 1"]) / 9, 0)
    webhook = max((fanout["100"] - fanout["1"]) / 99, 0)
    line = (sizes["deliver_log_10"] - sizes["deliver_log_1"]) / 9
    return Measured(
        deliver_batch_ms=max(deliver["batch of 1"] - each, 0),
        deliver_each_ms=each,
        fanout_event_ms=fanout["1"] - webhook,
        fanout_each_ms=webhook,
        deliver_each_log=round(line),
        deliver_batch_log=round(sizes["deliver_log_1"] - line),
        **{name: sizes[name] for name in _SIZES},
    )


_SIZES = ("event_item", "delivery_item", "webhook_item", "message", "post", "fanout_log", "platform_log")


def goals(found: Mapping[str, Any]) -> list[Goal]:
    return [*_speed(found), *_fanout(found), *_start(found), *_money(found)]


def _speed(found: Mapping[str, Any]) -> list[Goal]:
    hanging = found["deliver"]["hanging"]
    why = "signing, vetting the URL, the log's whole item, a log line and ten threads; see the profile below"
    return [
        Goal("deliver: CPU per delivery, batch of 10 ÷ the floor", found["deliver"]["ratio"], 1.3, why=why),
        Goal("deliver: wall time of a batch with a hanging endpoint, s", hanging["batch_s"], 5.5),
        Goal("deliver: the nine others answered within, s", hanging["others_s"], 1.0),
    ]


def _fanout(found: Mapping[str, Any]) -> list[Goal]:
    calls = found["fanout"]["calls"]
    wanted = {"1": 1, "10": 1, "100": 10, "1 of 100": 1}
    return [
        Goal(f"fanout: AWS calls, {name} webhooks: one write, one read, {sends} sends",
             sum(calls[name].values()) if _kinds(calls[name], sends) else 99, 2 + sends, "{:.0f}")
        for name, sends in wanted.items()
    ]  # fmt: skip


def _kinds(calls: Mapping[str, int], sends: int) -> bool:
    return calls == {"PutItem": 1, "Query": 1, "SendMessageBatch": sends}


def _start(found: Mapping[str, Any]) -> list[Goal]:
    why = {
        "fanout": "pydantic, which checks the events",
        "api": "Powertools' resolver with validation, pydantic and the routes' models, most of it built at import",
    }
    starts = [
        Goal(f"{name}: cold start's CPU ÷ bare boto3 clients", start["ratio"], 1.6 if name == "api" else 1.3,
             why=why.get(name, "requests and the service's own modules"))
        for name, start in found["cold"].items()
    ]  # fmt: skip
    size = sum(found["layers"]["bytes"].values()) / 1e6
    return [*starts, Goal("layers, zipped, MB", size, 8.0, "{:.1f}", why="pydantic-core and botocore")]


def _money(found: Mapping[str, Any]) -> list[Goal]:
    model = measured(found)
    there = found["idle"]["resources"]
    return [
        Goal("$ per million deliveries, fan-out 1, 300 ms, full batches", total(Load(), model), 4.0,
             why="two writes, an event on the bus, a send and an invocation for one delivery; the parts: docs/cost.md"),
        Goal("$ per million deliveries, fan-out 10, 300 ms, full batches", total(Load(fan_out=10), model), 1.9,
             why="the write of the log and keeping it 30 days; docs/cost.md has the parts"),
        Goal("$ a month when idle, in an account that runs nothing else", idle.after_allowances(there), 0.5,
             why="Lambda's polling of two empty queues"),
        Goal("$ a month when idle, before AWS's free allowances", sum(idle.monthly(there).values()), 0.5,
             why="the dashboard, the alarms, and Lambda's polling of two empty queues, in this order"),
    ]  # fmt: skip
