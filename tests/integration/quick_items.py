"""moto's items, copied, measured and projected with less CPU: it copies each answer, and a table for each transaction."""

from __future__ import annotations

from typing import Any

import pytest
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table

_MAX_BYTES = 405_000
"""moto's own limit, between DynamoDB's 400 KB and the 409 KB that it was seen to accept."""
_project = Item.project
_all_items = Table.all_items


def patch(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(DynamoType, "__deepcopy__", _value_copy)
    patched.setattr(Item, "__deepcopy__", _item_copy)
    patched.setattr(Item, "__init__", _init)
    patched.setattr(Item, "project", _top_level)
    patched.setattr(Table, "all_items", _by_texts)
    # So that what was pickled is not measured again, each of its attributes.
    patched.setattr(LimitedSizeDict, "__reduce__", lambda self: (LimitedSizeDict, (dict(self),)))


def _value_copy(value: DynamoType, memo: Any = None) -> DynamoType:
    copy = object.__new__(DynamoType)
    copy.type, copy.value = value.type, value.value
    if type(copy.value) is dict:
        copy.value = {key: _value_copy(each) for key, each in copy.value.items()}
    elif type(copy.value) is list:  # of values, or a set's of strings
        copy.value = [_value_copy(each) if type(each) is DynamoType else each for each in copy.value]
    return copy


def _item_copy(item: Item, memo: Any) -> Item:
    return _item(item, {name: _value_copy(value) for name, value in item.attrs.items()})


def _item(of: Item, attributes: dict[str, DynamoType]) -> Item:
    made = object.__new__(type(of))
    made.hash_key, made.range_key, made.attrs = of.hash_key, of.range_key, LimitedSizeDict(attributes)
    return made


def _init(self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """Its size is asked once, and not once an attribute."""
    self.hash_key, self.range_key = hash_key, range_key
    self.attrs = LimitedSizeDict({name: DynamoType(value) for name, value in attrs.items()})
    if self.size() > _MAX_BYTES:
        raise ItemSizeTooLarge


def _top_level(self: Item, projection_expressions: list[list[str]]) -> Item:
    """Names alone need no JSON of the whole item for each of them."""
    if any(len(path) > 1 or "[" in path[0] for path in projection_expressions):
        return _project(self, projection_expressions)
    names = {name for (name,) in projection_expressions}
    return _item(self, {name: value for name, value in self.attrs.items() if name in names})


def _by_texts(self: Table) -> list[Item]:
    """In order of their keys, which are strings: Python compares those quicker than moto its values."""
    if not self.range_key_attr or any(attribute["AttributeType"] != "S" for attribute in self.attr):
        return _all_items(self)
    items = [item for of_one_key in self.items.values() for item in of_one_key.values()]
    return sorted(items, key=lambda item: (item.hash_key.value, item.range_key.value))
