"""Stops the clock of the library for Standard Webhooks, here or in a receiver that is started."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path


def clock_at(now: int) -> type[datetime]:
    """To stand for `standardwebhooks.webhooks.datetime`. Seconds since 1970."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls.fromtimestamp(now, tz)

    return Stopped


def environment(directory: Path, now: int) -> dict[str, str]:
    """For a Python or Node process: each runs a file of the directory before the receiver."""
    (directory / "sitecustomize.py").write_text(
        "from standardwebhooks import webhooks\n"
        "from tests.examples.stopped_clock import clock_at\n"
        f"webhooks.datetime = clock_at({now})\n"
    )
    (directory / "clock.cjs").write_text(f"Date.now = () => {now} * 1000;\n")
    root = Path(__file__).parents[2]
    return {"PYTHONPATH": f"{directory}:{root}", "NODE_OPTIONS": f"--require={directory / 'clock.cjs'}"}
