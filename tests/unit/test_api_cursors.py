from __future__ import annotations

import base64
import re
import string
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import cursors
from api.problems import Problem
from webhooks.times import rfc3339

LETTERS = string.ascii_letters + string.digits + "-_"
ids = st.text(LETTERS, min_size=1, max_size=64)
times = st.datetimes(timezones=st.just(UTC)).map(rfc3339)
sort_keys = st.builds("{}#{}".format, times, ids)


@given(ids)
def test_a_list_of_things_goes_on_after_an_id(id: str) -> None:
    assert cursors.decode(cursors.encode(id), cursors.ID) == id


@given(sort_keys)
def test_the_log_goes_on_after_a_sort_key(sort_key: str) -> None:
    assert cursors.decode(cursors.encode(sort_key), cursors.DELIVERY) == sort_key


@given(st.builds("{}#{}".format, times, sort_keys))
def test_a_recovery_goes_on_after_a_sort_key_or_the_place_of_a_pending_delivery(place: str) -> None:
    for after in (place, place.partition("#")[2]):
        assert cursors.decode(cursors.encode(after), cursors.RECOVERY) == after


def test_no_cursor_is_the_beginning_and_the_end() -> None:
    assert cursors.decode(None, cursors.ID) is cursors.encode(None) is None


def decoded(cursor: str, shape: re.Pattern[str]) -> str | Problem:
    try:
        return str(cursors.decode(cursor, shape))
    except Problem as refused:
        return refused


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_a_400(text: str) -> None:
    """Or by chance a well-formed one, which then holds a sort key and nothing more."""
    for shape in (cursors.ID, cursors.DELIVERY):
        found = decoded(text, shape)
        if isinstance(found, Problem):
            assert (found.status, found.errors[0]["field"]) == (400, "cursor")
        else:
            assert shape.fullmatch(found)


@pytest.mark.parametrize(
    "key", ["ACCOUNT#other", "WEBHOOK#wh_1", "2026-05-29T10:30:00.123Z#a#b", "2026-05-29T10:30:00Z#a"]
)
def test_a_whole_key_is_none(key: str) -> None:
    for shape in (cursors.ID, cursors.DELIVERY):
        with pytest.raises(Problem):
            cursors.decode(cursors.encode(key), shape)


@given(ids, sort_keys)
def test_one_lists_cursor_is_none_of_the_others(id: str, sort_key: str) -> None:
    with pytest.raises(Problem):
        cursors.decode(cursors.encode(id), cursors.DELIVERY)
    with pytest.raises(Problem):
        cursors.decode(cursors.encode(sort_key), cursors.ID)
