"""Reads and deletions of many items, of which DynamoDB may leave some undone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Aws
from tests.integration.pipeline import put_items
from webhooks.batches import UnprocessedKeys, batch_delete, batch_get
from webhooks.item_keys import delivery_key

KEYS = [delivery_key("wh_1", f"2026#evt_{number:02}") for number in range(30)]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Between how many seconds each pause is drawn; none is waited for."""
    drawn: list[tuple[float, float]] = []
    monkeypatch.setattr("webhooks.batches.random.uniform", lambda low, high: drawn.append((low, high)))
    monkeypatch.setattr("webhooks.batches.time.sleep", lambda _: None)
    return drawn


def stored(aws: Aws) -> list[Any]:
    return batch_get(aws.dynamodb, {aws.log_table: KEYS})[aws.log_table]


def keys(items: list[dict[str, Any]]) -> list[str]:
    return sorted(item["sk"]["S"] for item in items)


def test_what_is_left_unread_is_asked_for_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, pauses: list[tuple[float, float]]
) -> None:
    put_items(aws, KEYS)
    real = aws.dynamodb.batch_get_item
    asked: list[Any] = []

    def eight(**request: Any) -> Any:
        ((table, wanted),) = request["RequestItems"].items()
        asked.append(wanted["ConsistentRead"])
        now, later = wanted["Keys"][:8], wanted["Keys"][8:]
        answer = real(RequestItems={table: wanted | {"Keys": now}})
        return answer | {"UnprocessedKeys": {table: wanted | {"Keys": later}} if later else {}}

    monkeypatch.setattr(aws.dynamodb, "batch_get_item", eight)
    assert keys(stored(aws)) == keys(KEYS)
    assert asked == [True] * 4
    assert len(pauses) == 3


def test_what_stays_unread_four_times_is_no_answer(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, pauses: list[tuple[float, float]]
) -> None:
    """Whoever read it would take the items for absent. The pauses double, and end while a function has time left."""
    asked: list[Any] = []

    def none(**request: Any) -> Any:
        asked.append(request)
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}

    monkeypatch.setattr(aws.dynamodb, "batch_get_item", none)
    with pytest.raises(UnprocessedKeys, match=rf"^keys of \['{aws.log_table}'\] left unprocessed 4 times$"):
        stored(aws)
    assert len(asked) == 4
    assert pauses == [(0, 0.1), (0, 0.2), (0, 0.4)]


def test_items_are_deleted_by_twenty_five(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    put_items(aws, KEYS)
    real = aws.dynamodb.batch_write_item
    asked: list[int] = []

    def counted(**request: Any) -> Any:
        asked.append(len(request["RequestItems"][aws.log_table]))
        return real(**request)

    monkeypatch.setattr(aws.dynamodb, "batch_write_item", counted)
    batch_delete(aws.dynamodb, aws.log_table, KEYS)
    assert stored(aws) == []
    assert asked == [25, 5]


def test_what_stays_undeleted_four_times_is_said(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, pauses: list[tuple[float, float]]
) -> None:
    put_items(aws, KEYS)
    real = aws.dynamodb.batch_write_item
    asked: list[int] = []

    def five(**request: Any) -> Any:
        ((table, wanted),) = request["RequestItems"].items()
        asked.append(len(wanted))
        real(RequestItems={table: wanted[:5]})
        return {"UnprocessedItems": {table: wanted[5:]}}

    monkeypatch.setattr(aws.dynamodb, "batch_write_item", five)
    with pytest.raises(UnprocessedKeys, match=rf"^5 keys of {aws.log_table} left undeleted 4 times$"):
        batch_delete(aws.dynamodb, aws.log_table, KEYS)
    assert asked == [25, 20, 15, 10]
    assert len(pauses) == 3
    assert keys(stored(aws)) == keys(KEYS[20:])
