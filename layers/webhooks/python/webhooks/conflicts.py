"""Two transactions on one item, such as an account's counter, refuse each other; the SDK repeats neither."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds, at most, before a write that met another transaction is repeated."""


def retry_on_conflict(write: Callable[[], T]) -> T:
    """What `write` returns, or raises for any other reason or the fifth time."""
    for pause in _PAUSES:
        try:
            return write()
        except ClientError as refused:
            if not _met_another(refused):
                raise
        time.sleep(random.uniform(0, pause))
    return write()


def transact(client: DynamoDBClient, *writes: Any) -> bool:
    """Writes all of them, or none: False if the condition of one is not met. Raises for any other reason."""
    try:
        retry_on_conflict(lambda: client.transact_write_items(TransactItems=writes))
    except client.exceptions.TransactionCanceledException as cancelled:
        if "ConditionalCheckFailed" in {reason["Code"] for reason in cancelled.response["CancellationReasons"]}:
            return False
        raise
    return True


def _met_another(refused: ClientError) -> bool:
    reasons: Any = refused.response.get("CancellationReasons", [])
    codes = {reason["Code"] for reason in reasons} - {"None"}
    return refused.response["Error"]["Code"] == "TransactionConflictException" or codes == {"TransactionConflict"}
