"""Other versions deployed over one another while messages are in flight: nothing is lost, nothing is early."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from local import ca, stack
from local.emulator import ROOT
from local.receiver import receiving
from tests import sharing
from tests.e2e import versions
from tests.e2e.upgraded_installation import SETTLED_SECONDS, Installation, began, ended

DELAYS = (10, 20, 60)
_REPLACEMENTS = 3
_AT_ONCE = 3
"""Events that are under way at each replacement."""


@pytest.fixture
def directory() -> Iterator[Path]:
    if not versions.is_known(versions.ONE_QUEUE):
        assert "GITHUB_ACTIONS" not in os.environ, "ci.yml fetches the history for this test"
        pytest.skip(f"a shallow clone has no {versions.ONE_QUEUE} to deploy: `git fetch --unshallow` brings it")
    directory = Path(tempfile.mkdtemp(dir=sharing.directory()))
    yield directory
    stack.down(directory)
    shutil.rmtree(directory)


@pytest.mark.slow(minutes=7)
def test_nothing_is_lost_or_early_on_the_way_here_back_and_here_again(directory: Path, tmp_path: Path) -> None:
    """From a single queue to this version, back to the one before this, and here again."""
    one_queue = versions.check_out(versions.ONE_QUEUE, tmp_path / "one-queue")
    version_before = versions.the_one_before()
    assert version_before
    before = versions.check_out(version_before, tmp_path / "before")
    versions.deploy(one_queue, directory, DELAYS)
    with ExitStack() as ending:
        context = ca.server_context(directory / "ca" / "ca.pem", directory / "ca" / "ca-key.pem")
        receiver = ending.enter_context(receiving(context))
        installation = Installation(directory, receiver)
        ending.callback(installation.close)
        in_flight: list[str] = []
        for by in (ROOT, before, ROOT):
            indexes = _indexes(directory)
            if in_flight:
                installation.hold_dead_letters()
            in_flight += _replace(installation, directory, by)
            if "paced" not in installation.webhooks:
                installation.create_what_the_first_version_did_not_know()
            assert len(indexes ^ _indexes(directory)) <= 1, "CloudFormation makes or deletes one index in an update"
        for number, event_id in enumerate(in_flight):
            _check(installation, event_id, paced=number >= _AT_ONCE)
        assert [installation.status(name) for name in ("up", "down", "slow")] == ["active", "failing", "failing"]
        assert installation.status("paced") == "active"
        assert installation.catch_up() == "waiting"
        _check_catching_up(installation, in_flight[_AT_ONCE:])


def _replace(installation: Installation, directory: Path, by: Path) -> list[str]:
    """Puts another version in the place of the deployed one. The events whose deliveries were under way meanwhile."""
    installation.shorten_visibility()
    failed_once = [installation.publish_and_fail() for _ in range(_AT_ONCE - 1)]
    held = installation.publish_and_hold()
    code, began = installation.deployed_code(), time.monotonic()
    versions.deploy(by, directory, DELAYS)
    print(f"replaced in {time.monotonic() - began:.0f} s")
    assert installation.deployed_code() != code
    installation.shorten_visibility()
    installation.release()
    return [*failed_once, held]


def _indexes(directory: Path) -> set[str]:
    """Of the tables that were deployed last."""
    template = json.loads((directory / "cdk.out" / f"{stack.STACK}.template.json").read_text())
    properties = [resource.get("Properties", {}) for resource in template["Resources"].values()]
    return {index["IndexName"] for table in properties for index in table.get("GlobalSecondaryIndexes", [])}


def _check(installation: Installation, event_id: str, *, paced: bool) -> None:
    """Delivered to whoever answers 200; failed after four attempts, each at its time, for the others."""
    expected = [("up", "delivered", 1), ("down", "failed", 4), ("slow", "failed", 4)]
    for name, status, attempts in [*expected, *([("paced", "delivered", 1)] if paced else [])]:
        done = installation.await_delivery(
            name, event_id, lambda delivery, status=status: delivery["status"] == status, seconds=SETTLED_SECONDS
        )
        assert [attempt["number"] for attempt in done["attempts"]] == list(range(1, attempts + 1))
        _check_posts(installation.posts(name, event_id), done["attempts"])
        for delay, (earlier, later) in zip(DELAYS, pairwise(done["attempts"]), strict=False):
            assert began(later) >= ended(earlier) + delay, "early"


def _check_posts(posts: list[float], attempts: list[Any]) -> None:
    """Each attempt of the log is a POST. What was in hand when its function was replaced may have been POSTed once more."""
    for attempt in attempts:
        # the log has whole milliseconds
        assert any(began(attempt) <= at <= ended(attempt) + 0.002 for at in posts), f"{attempt} is in the log alone"
    assert len(posts) <= len(attempts) + _REPLACEMENTS


def _check_catching_up(installation: Installation, event_ids: list[str]) -> None:
    """The endpoint works again. What failed while versions changed arrives after the next event, by itself."""
    for event_id in event_ids:
        installation.await_delivery(
            "catches-up", event_id, lambda delivery: delivery["status"] == "failed", seconds=SETTLED_SECONDS
        )
    installation.mend("catches-up")
    for event_id in [installation.publish(), *event_ids]:
        done = installation.await_delivery(
            "catches-up", event_id, lambda delivery: delivery["status"] == "delivered", seconds=SETTLED_SECONDS
        )
        _check_posts(installation.posts("catches-up", event_id), done["attempts"])
    assert installation.status("catches-up") == "active"
