"""The goals, what was measured against each, and what holds back those that are missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench import idle
from bench.cost import total, unwanted
from bench.load import Load, Measured


@dataclass(frozen=True)
class Goal:
    """Met when `figure` is at most `limit`. `why` is only shown when it is not."""

    name: str
    figure: float
    limit: float
    form: str = "{:.2f}"
    why: str = ""

    @property
    def met(self) -> bool:
        return self.figure <= self.limit

    def row(self) -> str:
        result = "met" if self.met else f"**MISSED** by {self.figure / self.limit - 1:.0%}: {self.why}"
        return f"| {self.name} | {self.form.format(self.limit)} | {self.form.format(self.figure)} | {result} |"


def measured(found: Mapping[str, Any]) -> Measured:
    """The cost model's input from the measurements."""
    deliver, fanout, sizes = found["deliver"]["cpu_ms"], found["fanout"]["cpu_ms"], found["sizes"]
    together = found["together"]["cpu_ms"]
    each = max((deliver["batch of 10"] * 10 - deliver["batch of 1"]) / 9, 0)
    webhook = max((fanout["100"] - fanout["1"]) / 99, 0)
    line = (sizes["deliver_log_10"] - sizes["deliver_log_1"]) / 9
    return Measured(
        deliver_batch_ms=max(deliver["batch of 1"] - each, 0),
        deliver_each_ms=each,
        fanout_event_ms=fanout["1"] - webhook,
        fanout_each_ms=webhook,
        fanout_tens_ms=together["10 together, of 10 accounts"],
        fanout_unwanted_ms=together["nobody wants it"],
        deliver_each_log=round(line),
        deliver_batch_log=round(sizes["deliver_log_1"] - line),
        **{name: sizes[name] for name in _SIZES},
    )


_SIZES = (
    "event_item", "delivery_item", "dead_item", "webhook_item", "message", "post", "fanout_log", "fanout_tens_log",
    "unwanted_log", "failed_log",
)  # fmt: skip


def goals(found: Mapping[str, Any]) -> list[Goal]:
    return [*_speed(found), *_fanout(found), *_start(found), *_money(found)]


def _speed(found: Mapping[str, Any]) -> list[Goal]:
    hanging = found["deliver"]["hanging"]
    why = "signing, vetting the URL, the log's whole item, a log line and ten threads"
    return [
        Goal("deliver: CPU per delivery, batch of 10 ÷ the floor", found["deliver"]["ratio"], 1.3, why=why),
        Goal("deliver: wall time of a batch with a hanging endpoint, s", hanging["batch_s"], 5.5),
        Goal("deliver: the nine others answered within, s", hanging["others_s"], 1.0),
    ]


def _fanout(found: Mapping[str, Any]) -> list[Goal]:
    calls = found["fanout"]["calls"]
    wanted = {"1": 1, "10": 1, "100": 10, "1 of 100": 1}
    nobody, cpu = found["together"]["calls"]["nobody wants it"], found["together"]["cpu_ms"]
    return [
        *(Goal(f"fanout: AWS calls, {name} webhooks: one write, one read, {sends} sends",
               sum(calls[name].values()) if _kinds(calls[name], sends) else 99, 2 + sends, "{:.0f}")
          for name, sends in wanted.items()),
        Goal("fanout: AWS calls for an event that nobody wants: one read",
             sum(nobody.values()) if nobody == {"Query": 1} else 99, 1, "{:.0f}"),
        Goal("fanout: CPU per event in a batch of 100 ÷ one by one", cpu["100 together, of 10 accounts"] / cpu["one by one"],
             1.0),
    ]  # fmt: skip


def _kinds(calls: Mapping[str, int], sends: int) -> bool:
    return calls == {"PutItem": 1, "Query": 1, "SendMessageBatch": sends}


def _start(found: Mapping[str, Any]) -> list[Goal]:
    why = {"api": "Powertools' resolver with validation, pydantic and the routes' models, most of it built at import"}
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
    tens = Load(together=10)
    return [
        Goal("$ per million deliveries, fan-out 1, one by one", total(Load(), model), 4.0,
             why="two writes ($1.25), an event on the bus ($1.00), a send and its share of a receive and a delete ($0.60) "
             "and an invocation ($0.20) for one delivery are $3.05 before anything is computed, read, logged or kept"),
        Goal("$ per million deliveries, fan-out 1, events published in tens", total(tens, model), 2.6,
             why="two writes for one delivery; the parts: docs/cost.md"),
        Goal("$ per million deliveries, fan-out 10", total(Load(fan_out=10), model), 1.75,
             why="the write of the log and keeping it 30 days; docs/cost.md has the parts"),
        Goal("$ per million events that nobody wants, one by one", sum(unwanted(Load(), model).values()), 1.6,
             why="the event on the bus and an invocation"),
        Goal("$ per million deliveries to endpoints that hang, fan-out 1, retries in batches of 40",
             total(Load(dead=1), model), 16.0, why="six writes, and 5 s of each attempt's batch; the parts: docs/cost.md"),
        Goal("$ per million deliveries to endpoints that hang, fan-out 1, retries in batches of 10",
             total(Load(dead=1, retry_batch=10), model), 16.0, why="5 s of each attempt's batch, shared by ten"),
        Goal("$ a month when idle, before AWS's free allowances", sum(idle.monthly(there).values()), 0.5,
             why="the alarms are $0.10 each; the rest is Lambda's polling of three empty queues"),
        Goal("$ a month when idle, in an account that runs nothing else", idle.after_allowances(there), 0.5,
             why="Lambda's polling of three empty queues"),
    ]  # fmt: skip
