"""The benchmarks' numbers are those that are deployed."""

from __future__ import annotations

import json

from bench import idle
from bench.crowd import plan
from bench.load import Load
from local.emulator import ROOT
from tests.infra.test_template import functions, resources, template


def test_the_retry_queue_of_the_benchmarks_is_the_deployed_one() -> None:
    mappings = [m["Properties"] for m in resources("AWS::Lambda::EventSourceMapping", template()).values()]
    (retry,) = [m for m in mappings if m.get("MaximumBatchingWindowInSeconds")]
    assert retry["BatchSize"] == plan.RETRY_BATCH == Load().retry_batch
    assert retry["MaximumBatchingWindowInSeconds"] == plan.RETRY_WINDOW


def test_the_memory_of_the_model_is_the_deployed_one() -> None:
    memory = {name: function["MemorySize"] for name, function in functions(template()).items()}
    assert {mb for name, mb in memory.items() if name != "api"} == {Load().memory_mb}


def test_the_model_of_an_idle_stack_is_the_template_and_knows_which_queue_is_polled_less() -> None:
    """docs/cost.md is written from what was counted last: `make bench ARGS="--parts idle"`."""
    there = idle.resources()
    assert there == json.loads((ROOT / "bench" / "measured.json").read_text())["idle"]["resources"]
    assert (there[idle.BOUNDED], there[idle.UNBOUNDED], there[idle.SCHEDULE]) == (2, 1, 2)
