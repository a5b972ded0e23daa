"""Whether what fails is retried by the deployed schedule, and sent again when its endpoint is back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from deliver.schedule import Schedule
from smoke.checks import ARRIVAL_SECONDS, expect
from smoke.installation import CheckFailed, Installation, wait_until
from webhooks.times import parse_time


def failing_and_back(to: Installation) -> str:
    """The endpoint is an address of the API that nobody has: it answers 404. Takes as long as the schedule."""
    good, schedule = to.webhook["url"], to.schedule
    to.customer.patch(to.path, {"url": good.rpartition("/")[0] + "/nobody-has-this-one"})
    retried, recovered = (f"{to.path}/deliveries/{to.publish()}" for _ in range(2))
    seconds = sum(schedule.delays) + schedule.attempts * ARRIVAL_SECONDS
    _await_status(to, retried, "failed", seconds)
    _await_status(to, recovered, "failed", seconds)
    waits = [waited(to.customer.get(path)["attempts"], schedule) for path in (retried, recovered)]
    _await_status(to, to.path, "failing")
    to.customer.patch(to.path, {"url": good})
    to.customer.post(f"{retried}/retry", None, 202)
    _await_status(to, retried, "delivered")
    _await_status(to, to.path, "active")
    answer = to.customer.post(f"{to.path}/recover", {"since": to.webhook["created_at"]}, 202)
    expect("deliveries that were queued by the recovery", answer["enqueued"], 1)
    _await_status(to, recovered, "delivered")
    found = " and ".join(", ".join(f"{wait:.1f}" for wait in each) for each in waits)
    return (
        f"two deliveries got 404 {schedule.attempts} times, with retries after {found} s; failing; one delivered by a "
        "retry, and active again; the other delivered by recovery"
    )


def waited(attempts: Sequence[Any], schedule: Schedule) -> list[float]:
    """Seconds from the end of each attempt to the start of the next. Raises CheckFailed if a retry was early."""
    expect("status codes", [attempt["status_code"] for attempt in attempts], [404] * schedule.attempts)
    waits = []
    for delay, (failed, retry) in zip(schedule.delays, pairwise(attempts), strict=True):
        ended = parse_time(failed["at"]) + timedelta(milliseconds=failed["duration_ms"])
        waits.append((parse_time(retry["at"]) - ended).total_seconds())
        if waits[-1] < delay:
            raise CheckFailed(
                f"attempt {retry['number']}: {waits[-1]:g} s after the one before, expected {delay} s or more"
            )
    return waits


def _await_status(to: Installation, path: str, status: str, seconds: float = ARRIVAL_SECONDS) -> None:
    def reached() -> bool:
        answer = to.customer.call("GET", path)
        return answer.status_code == 200 and answer.json()["status"] == status

    wait_until(f"{path} is {status}", seconds, reached)
