"""Attributes as DynamoDB has them: the same as boto3 would write, for all that is stored."""

from __future__ import annotations

from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from webhooks.items import from_item, to_item

stored = st.recursive(
    st.text() | st.booleans() | st.integers(-(10**15), 10**15),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values=st.dictionaries(st.text(min_size=1), stored, max_size=4))
def test_it_is_what_boto3_writes_and_comes_back_as_it_was(values: dict[str, Any]) -> None:
    item = to_item(values)
    assert item == {name: TypeSerializer().serialize(value) for name, value in values.items()}
    assert from_item(item) == values == {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def test_none_is_absent() -> None:
    assert to_item({"a": None, "b": "x"}) == {"b": {"S": "x"}}


@pytest.mark.parametrize("value", [1.5, {"x"}, b"x", [None], object()])
def test_what_is_not_stored_is_refused_and_not_written_as_something_else(value: object) -> None:
    with pytest.raises(TypeError):
        to_item({"a": value})


def test_what_a_newer_version_may_write_is_read_past() -> None:
    item = {"a": {"N": "1.5"}, "b": {"SS": ["x"]}, "c": {"B": b"x"}, "d": {"NULL": True}, "e": {"N": "-7"}}
    assert from_item(item) == {"a": "1.5", "b": ["x"], "c": b"x", "d": None, "e": -7}
