"""`make smoke`: a drill against a deployed stack. docs/operations.md says what it needs and what it changes."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import requests
from botocore.exceptions import BotoCoreError, ClientError

from bench.cost import total
from bench.goals import measured
from bench.load import Load
from local.client import ApiRefused
from local.emulator import ROOT
from smoke import checks
from smoke.alarm import alarms_are_delivered
from smoke.installation import CheckFailed, Installation, installed
from smoke.retries import failing_and_back

_BROKEN = (ApiRefused, BotoCoreError, ClientError, CheckFailed, LookupError, requests.RequestException)


def main() -> int:
    """0 if every check passed."""
    arguments = _arguments()
    try:
        with installed(arguments.stack, arguments.api) as to:
            failed = _run(to, arguments.events)
            _say(f"     {_bill(to.published)}")
    except _BROKEN as broken:
        _say(f"The drill could not be made or tidied up: {broken}. Are AWS credentials and a region set?")
        return 1
    except KeyboardInterrupt:
        _say("Interrupted; the account is being erased.")
        return 130
    _say("All checks passed." if not failed else f"{failed} checks failed.")
    return 1 if failed else 0


def _run(to: Installation, events: int) -> int:
    """How many failed. One that failed does not stop the others."""
    named: dict[str, Callable[[], str]] = {
        "keys": lambda: checks.keys_are_required(to),
        "roles": lambda: checks.roles_are_narrow(to),
        "events": lambda: checks.events_arrive_signed(to, events),
        "alarm": lambda: alarms_are_delivered(to),
        "failing": lambda: failing_and_back(to),
    }
    delays = to.schedule.delays
    _say(
        f"     the last check takes {sum(delays)} s at least: retries come {', '.join(map(str, delays))} s after a failure"
    )
    failed = 0
    for name, check in named.items():
        began = time.monotonic()
        try:
            found = check()
        except _BROKEN as broken:
            failed += 1
            found = f"FAILED: {broken}"
        _say(f"{name:8} {found} ({time.monotonic() - began:.0f} s)")
    return failed


def _bill(events: int) -> str:
    found = json.loads((ROOT / "bench" / "measured.json").read_text())
    dollars = events * total(Load(batch=1), measured(found)) / 1_000_000
    return f"{events} events cost about ${dollars:.6f} by docs/cost.md, without what an installation costs by the month"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make smoke", description="A drill against a deployed stack.")
    parser.add_argument("--stack", default="AisouleWebhooks", help="the stack's name")
    parser.add_argument("--api", help="the API's URL, if it is not the stack's output ApiUrl")
    parser.add_argument(
        "--events", type=int, default=20, choices=range(1, 51), metavar="1-50", help="how many to publish"
    )
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
