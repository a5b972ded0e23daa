"""DynamoDB's expressions, made of plain values as parts of a request, and the refusal of an update that was made already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webhooks.attribute_values import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef as Value


def begins_with(key: Mapping[str, Value]) -> dict[str, Any]:
    """Asks a query for the items with the same partition key whose sort keys begin with this one."""
    return {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
        "ExpressionAttributeValues": {":pk": key["pk"], ":sk": key["sk"]},
    }


def if_unchanged(values: Mapping[str, Any]) -> dict[str, Any]:
    """Makes a write depend on these values of an existing item; None stands for an attribute that is absent."""
    same = {name: value for name, value in values.items() if value is not None}
    absent = [name for name, value in values.items() if value is None]
    conditions = [
        "attribute_exists(pk)",
        *(f"#{name} = :was_{name}" for name in same),
        *(f"attribute_not_exists(#{name})" for name in absent),
    ]
    return _without_empty(
        ConditionExpression=" AND ".join(conditions),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues=to_item({f":was_{name}": value for name, value in same.items()}),
    )


def compare_and_set(
    changes: Mapping[str, Any], *, unchanged: Mapping[str, Any], increased: str | None = None
) -> dict[str, Any]:
    """
    Makes an update of the `changes`, which removes those that are None and adds 1 to the attribute `increased`. It depends
    on the values `unchanged`, as by `if_unchanged`.
    """
    condition = if_unchanged(unchanged)
    given = {name: value for name, value in changes.items() if value is not None}
    clauses = {
        "SET": ", ".join(f"#{name} = :{name}" for name in given),
        "REMOVE": ", ".join(f"#{name}" for name, value in changes.items() if value is None),
        "ADD": f"#{increased} :one" if increased else "",
    }
    names = {f"#{name}": name for name in (*changes, *([increased] if increased else []))}
    values = {f":{name}": value for name, value in given.items()} | ({":one": 1} if increased else {})
    return _without_empty(
        UpdateExpression=" ".join(f"{clause} {terms}" for clause, terms in clauses.items() if terms),
        ConditionExpression=condition["ConditionExpression"],
        ExpressionAttributeNames=condition.get("ExpressionAttributeNames", {}) | names,
        ExpressionAttributeValues=condition.get("ExpressionAttributeValues", {}) | to_item(values),
    )


def is_made(item: Mapping[str, Value], changes: Mapping[str, Any]) -> bool:
    """Whether the item that a refused update returned has its changes: the SDK repeated it, as its answer was lost."""
    found = from_item(dict(item))
    return bool(found) and all(found.get(name) == value for name, value in changes.items())


def _without_empty(**parts: Any) -> dict[str, Any]:
    """DynamoDB refuses empty maps of names and values."""
    return {name: part for name, part in parts.items() if part}
