"""DynamoDB's expressions: what moto accepts and AWS does not. Their effect is tested with the tables."""

from __future__ import annotations

from webhooks.expressions import compare_and_set, if_unchanged


def test_no_map_of_names_or_values_is_empty() -> None:
    """AWS: "ExpressionAttributeNames must not be empty"."""
    assert if_unchanged({}) == {"ConditionExpression": "attribute_exists(pk)"}
    update = compare_and_set({"a": None}, unchanged={})
    assert update.keys() == {"UpdateExpression", "ConditionExpression", "ExpressionAttributeNames"}
    assert update["UpdateExpression"] == "REMOVE #a"


def test_every_name_and_value_is_used() -> None:
    """AWS: "Value provided in ExpressionAttributeValues unused in expressions"."""
    update = compare_and_set({"a": 1, "b": None}, unchanged={"a": 0, "c": None}, increased="version")
    expressions = f"{update['UpdateExpression']} {update['ConditionExpression']} ".replace(",", " ").replace(")", " ")
    assert set(update["ExpressionAttributeNames"]) == {"#a", "#b", "#c", "#version"}
    assert set(update["ExpressionAttributeValues"]) == {":a", ":was_a", ":one"}
    for placeholder in (*update["ExpressionAttributeNames"], *update["ExpressionAttributeValues"]):
        assert f"{placeholder} " in expressions
