"""What the page has to know of the API's rules is as the API has it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import get_args

import pytest

from api.header_fields import MAX_HEADERS
from api.statistics import Period
from api.validation import VIEW_PATTERN
from local.emulator import ROOT
from webhooks.catch_up import EARLIER, SentAgain
from webhooks.deliveries import DeliveryStatus
from webhooks.inboxes import KEPT
from webhooks.payload import ID


def find(module: str, pattern: str) -> str:
    """The only match, or its group, in a module of the page."""
    source = (ROOT / "functions" / "api" / "portal" / f"{module}.js").read_text()
    (found,) = re.findall(pattern, source, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("module", "name", "number"),
    [
        ("headers", "MAX_HEADERS", MAX_HEADERS),
        ("inbox", "KEPT", KEPT),
        ("recover", "EARLIER", EARLIER // timedelta(milliseconds=1)),
    ],
)
def test_numbers(module: str, name: str, number: int) -> None:
    assert int(find(module, rf"\nconst {name} = (\d+);")) == number


def test_the_statuses_of_a_delivery() -> None:
    statuses = find("filters", r"\nexport const STATUSES = \[(.*?)\];")
    assert re.findall(r"'(\w+)'", statuses) == list(get_args(DeliveryStatus))


def test_the_periods_of_statistics() -> None:
    periods = find("stats", r"\nconst PERIODS = \{(.*?)\};")
    assert re.findall(r"'(\w+)':", periods) == list(get_args(Period))


def test_what_is_said_of_a_delivery_that_failed_in_an_outage() -> None:
    said = find("delivery", r"\nconst SENT_AGAIN = \{(.*?)\n\};")
    assert re.findall(r"^  (\w+):", said, re.MULTILINE) == list(get_args(SentAgain))


def test_the_id_of_an_event() -> None:
    """In the form that the attribute `pattern` has: a hyphen in a class is escaped."""
    pattern = find("find", r" pattern: '(.*?)'").replace("\\\\", "\\")
    escaped = ID.replace("-]", r"\-]")
    assert pattern == rf"\s*{escaped}\s*"


def test_a_session_opens_with_each_view_that_is_of_one_webhook_or_makes_one() -> None:
    views = VIEW_PATTERN.replace(ID, "evt_-1").replace("[A-Za-z0-9]{1,61}", "a1")
    of_a_session = {"new", "wh_a1", *(f"wh_a1{ending}" for ending in re.findall(r"[(|](/[^|)]*)", views))}
    routes = re.findall(r"\[/\^(.*?)\$/, \w+\]", find("main", r"  views: \[(.*?)\n  \],"))
    of_the_page = {
        re.sub(r"[()]", "", route.replace(r"[\w-]+", "evt_-1").replace(r"\w+", "a1").replace(r"\/", "/"))
        for route in routes
    }
    assert of_a_session == of_the_page - {"", "events/evt_-1"}
    assert all(re.search(VIEW_PATTERN, view) for view in of_a_session)
    in_the_link = re.compile(find("link", r"\?:&view=(\(.*?\))\)"))
    assert all(in_the_link.fullmatch(view) for view in of_a_session)
