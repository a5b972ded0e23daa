"""AWS clients that give up early: the queue repeats the work, so waiting botocore's 60 s would only cost."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient


def _config() -> Config:
    return Config(
        connect_timeout=1,
        # Two tries of (1 + 2) s for each of deliver's four steps around a 5 s POST (read, record, send, visibility) take 29
        # of its 30 s, so a batch usually ends even if AWS hardly answers. The mark of a lane is a fifth step, at its
        # change only, and while the attempt is under way for the most part.
        # The emulator is one process for all of AWS: on a busy machine it is late, and a step that it made is made again.
        read_timeout=float(os.environ.get("LOCAL_READ_SECONDS", "2")),
        # As many as deliver has threads (40), and some: what is beyond is closed after its call.
        max_pool_connections=48,
        retries={"mode": "standard", "total_max_attempts": 2},  # `max_attempts` would not count the first
        # Measured: together a tenth of deliver's CPU. AWS validates what it is sent; who asks need not be spelt out anew.
        parameter_validation=False,
        user_agent="aisoule-webhooks",
    )


# A mail that was sent without an answer would be sent again: it is tried once, and given the time.
_MAIL = Config(read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["sesv2"]) -> Any: ...  # has no types here: one call is made of it, by `mail.handler`
@cache
def client(service: Literal["dynamodb", "sqs", "events", "sesv2"]) -> DynamoDBClient | SQSClient | EventBridgeClient:
    """One client a service and process; connections stay open between invocations."""
    config = _config().merge(_MAIL) if service == "sesv2" else _config()
    return cast("DynamoDBClient", _session().create_client(service, config=config))


@cache
def _session() -> Session:
    """What boto3's clients are made by; boto3 itself would import all of S3's transfers first, 75 ms at each cold start."""
    return Session()
