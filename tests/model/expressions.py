"""DynamoDB's condition and update expressions, as far as the functions use them."""

from __future__ import annotations

import marshal
import operator
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

Item = dict[str, Any]
Plain = TypeVar("Plain")
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD)\b")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Unknown(BaseException):
    """An expression that is not simulated: no handler may take it for AWS's refusal."""


def copied(plain: Plain) -> Plain:
    """As `deepcopy`, for what JSON could say: a third of the model's time was copying."""
    same: Plain = marshal.loads(marshal.dumps(cast("Any", plain)))
    return same


def holds(request: Item, item: Item | None) -> bool:
    """`attribute_exists(name)`, `attribute_not_exists(name)` and comparisons with a value, joined by AND and then by OR."""
    if "ConditionExpression" not in request:
        return True
    ways = request["ConditionExpression"].split(" OR ")
    return any(all(_is_true(term, request, item or {}) for term in way.split(" AND ")) for way in ways)


def updated(request: Item, item: Item | None) -> Item:
    """
    What `SET name = :value`, `name + :value` or `if_not_exists(name,:value)`, `REMOVE name` and `ADD name :value` make of
    it; of none, a new one.
    """
    result = copied(item or request["Key"])
    parts = _CLAUSE.split(request["UpdateExpression"])[1:]
    for clause, body in zip(parts[::2], parts[1::2], strict=True):
        for term in body.strip().split(", "):
            _apply(clause, term, request, result)
    return result


def _is_true(term: str, request: Item, item: Item) -> bool:
    if there := re.fullmatch(r"attribute_(not_)?exists\((#?\w+)\)", term):
        return (_name(there[2], request) in item) is not bool(there[1])
    match term.split(" "):
        case [name, comparison, value] if comparison in _COMPARISONS:
            pass
        case _:
            raise Unknown(term)
    stored = item.get(_name(name, request))
    return stored is not None and _COMPARISONS[comparison](_plain(stored), _plain(_value(value, request)))


def _apply(clause: str, term: str, request: Item, item: Item) -> None:
    match clause, term.split(" "):
        case "SET", [name, "=", absent] if otherwise := re.fullmatch(r"if_not_exists\((\w+),(:\w+)\)", absent):
            assert otherwise[1] == name
            item.setdefault(_name(name, request), _value(otherwise[2], request))
        case "SET", [name, "=", value]:
            item[_name(name, request)] = _value(value, request)
        case "SET", [name, "=", same, "+", value] if same == name:
            _add(_name(name, request), _value(value, request), item)
        case "ADD", [name, value]:
            item.setdefault(_name(name, request), {"N": "0"})
            _add(_name(name, request), _value(value, request), item)
        case "REMOVE", [name]:
            item.pop(_name(name, request), None)
        case _:
            raise Unknown(f"{clause} {term}")


def _add(name: str, value: Item, item: Item) -> None:
    item[name] = {"N": str(int(item[name]["N"]) + int(value["N"]))}


def _name(name: str, request: Item) -> str:
    names: dict[str, str] = request.get("ExpressionAttributeNames", {})
    return names.get(name, name)


def _value(value: str, request: Item) -> Item:
    found: Item = request["ExpressionAttributeValues"][value]
    return found


def _plain(value: Item) -> Any:
    """Of numbers and texts what they are ordered by."""
    return int(value["N"]) if "N" in value else value.get("S", value)
