"""docs/why-not-arrived.md, read by a machine; and what the API said, in the words of its table."""

from __future__ import annotations

import json
import re
import shlex
from string import Template
from typing import Any

from local.emulator import ROOT

PAGE = (ROOT / "docs" / "why-not-arrived.md").read_text()


def rows() -> list[str]:
    """What the log or the API says, in the tables from top to bottom, with the code where there is a column for it."""
    found: list[str] = []
    heading: list[str] = []
    for line in PAGE.splitlines():
        cells = line.removeprefix("| ").split(" | ")
        if not line.startswith("| "):
            heading = heading if line.startswith("|") else []
        elif not heading:
            heading = cells
        elif heading[0].startswith("what "):
            found.append(" | ".join(cells[: 2 if heading[1] == "`error_code`" else 1]))
    return found


def codes() -> list[str]:
    """Those that the page explains."""
    return re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Error codes")[2], re.MULTILINE)


def calls(**values: str) -> list[tuple[str, str]]:
    """Method and path of each `curl` on the page."""
    found = []
    for line in re.findall(r"^curl .*", PAGE, re.MULTILINE):
        words = shlex.split(Template(line).substitute(values, API="", ACCOUNT_KEY=""))
        (path,) = [word for word in words if word.startswith("/")]
        found.append(("POST" if "POST" in words else "GET", path))
    return found


def example() -> Any:
    """The page's delivery."""
    return json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])


def of_delivery(delivery: Any) -> str:
    """What a delivery says, above all its last attempt, without ids and times; and the attempt's code."""
    last = delivery["attempts"][-1]
    error = f"`{last['error']}`" if last["error"] else "null"
    following = "a time" if delivery["next_attempt_at"] else "null"
    code = f"`{last['error_code']}`" if last["error_code"] else "null"
    said = f"`{delivery['status']}`, {last['status_code'] or 'null'}, {error}, next {following} | {code}"
    return said.replace("localhost", "example.com")


def of_empty_log(listed: Any, webhook: Any, event: str) -> str:
    assert listed == {"data": [], "next_cursor": None, "searched_to": None}
    lacks = "" if event in webhook["events"] else ", its `events` lack this one"
    return f"an empty list; the webhook is `{webhook['status']}`{lacks}"


def of_refusal(status: int, problem: Any) -> str:
    return f"{status}, `{problem['detail']}`"


def without_what_varies(delivery: Any) -> Any:
    """Ids, times and durations replaced, so that one delivery compares with another."""
    text = json.dumps(delivery)
    for pattern, instead in (
        (r'"\d{4}-\d\d-\d\dT[\d:.]+Z"', '"time"'),
        (r"evt_[0-9a-f]+", "evt"),
        (r'"duration_ms": \d+', '"duration_ms": 0'),
    ):
        text = re.sub(pattern, instead, text)
    return json.loads(text)
