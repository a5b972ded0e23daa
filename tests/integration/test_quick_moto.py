"""What is patched in moto for the sake of CPU changes no answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.quick_moto import quick_moto

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
REFUSED = {
    "ConditionalCheckFailedException": 2,
    "ResourceNotFoundException": 1,
    "TransactionCanceledException": 1,
    "ValidationException": 3,
}
"""How many of the calls, by the code of the error."""
ITEM = KEY | {
    "text": {"S": "é" * 10},
    "amount": {"N": "3"},
    "yes": {"BOOL": True},
    "none": {"NULL": True},
    "bytes": {"B": b"\x00\xff"},
    "tags": {"SS": ["x", "y"]},
    "parts": {"L": [{"S": "x"}, {"M": {"n": {"N": "1"}}}]},
    "nested": {"M": {"inner": {"M": {"b": {"B": b"x"}, "s": {"S": ""}}}, "another": {"N": "0.5"}}},
    "index": {"S": "i"},
}


def calls(dynamodb: Any, sqs: Any, events: Any) -> Iterator[Callable[[], Any]]:
    table: dict[str, Any] = {"TableName": "t"}
    dynamodb.create_table(
        **table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "index")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "keys",
                "KeySchema": [
                    {"AttributeName": "index", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    for number in ("3", "1", "2"):
        yield partial(dynamodb.put_item, **table, Item=ITEM | {"sk": {"S": number}})
    yield partial(dynamodb.put_item, **table, Item=ITEM | {"pk": {"S": "b"}})
    yield lambda: dynamodb.scan(**table)
    yield lambda: dynamodb.get_item(**table, Key=KEY)
    yield lambda: dynamodb.batch_get_item(RequestItems={"t": {"Keys": [KEY, KEY | {"sk": {"S": "absent"}}]}})
    yield lambda: dynamodb.get_item(**table, Key=KEY, ProjectionExpression="nested.inner, parts[1], absent")
    query = {**table, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    yield lambda: dynamodb.query(**query, Limit=2)
    yield lambda: dynamodb.query(**query, ExclusiveStartKey=KEY)
    yield lambda: dynamodb.query(**query, Select="COUNT")
    yield lambda: dynamodb.query(**query, ProjectionExpression="sk, nested, absent", ScanIndexForward=False)
    yield lambda: dynamodb.query(**query, ProjectionExpression="sk, nested.another")
    of_index = {"KeyConditionExpression": "#i = :i", "ExpressionAttributeNames": {"#i": "index"}}
    yield lambda: dynamodb.query(**table, IndexName="keys", **of_index, ExpressionAttributeValues={":i": {"S": "i"}})
    values = {":most": {"N": "4"}, ":one": {"N": "1"}, ":new": {"S": "new"}, ":more": {"SS": ["z"]}}
    update = {
        **table,
        "Key": KEY,
        "ConditionExpression": "amount < :most AND attribute_exists(yes)",
        "ReturnValues": "ALL_OLD",
        "UpdateExpression": "SET nested.another = amount + :one, parts[0] = if_not_exists(absent, :new) "
        "ADD tags :more REMOVE yes",
        "ExpressionAttributeValues": values,
    }
    yield lambda: dynamodb.update_item(**update)
    yield lambda: dynamodb.update_item(**update)
    yield lambda: dynamodb.update_item(**update, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    yield lambda: dynamodb.update_item(**update | {"UpdateExpression": "SET amount = :one, amount = :most"})
    only_most = {":most": {"N": "9"}}
    twice = {"UpdateExpression": "SET amount = :most, amount = :most", "ExpressionAttributeValues": only_most}
    yield lambda: dynamodb.update_item(**table, Key=KEY, **twice)
    put = {"Put": {**table, "Item": KEY | {"sk": {"S": "9"}}}}
    refused = {**table, "Key": KEY, "ConditionExpression": "attribute_not_exists(pk)"}
    rolled_back = {"UpdateExpression": "SET nested.another = :most", "ExpressionAttributeValues": only_most}
    change = {**table, "Key": KEY, **rolled_back}
    yield lambda: dynamodb.transact_write_items(
        TransactItems=[put, {"Update": change}, {"ConditionCheck": refused | {"Key": KEY | {"sk": {"S": "2"}}}}]
    )
    yield lambda: dynamodb.transact_write_items(TransactItems=[put, {"Update": change}])
    deleted = {"DeleteRequest": {"Key": KEY | {"sk": {"S": "9"}}}}
    yield lambda: dynamodb.batch_write_item(
        RequestItems={"t": [deleted, {"PutRequest": {"Item": ITEM | {"sk": {"S": "7"}}}}]}
    )
    yield lambda: dynamodb.delete_item(**table, Key=KEY | {"sk": {"S": "2"}}, ReturnValues="ALL_OLD")
    yield lambda: dynamodb.put_item(**table, Item=KEY | {"large": {"S": "x" * 405_000}})
    yield lambda: dynamodb.put_item(**table, Item=KEY | {"sk": {"S": "8"}, "two": {"S": "x", "N": "1"}})
    yield lambda: dynamodb.put_item(TableName="absent", Item=KEY)
    yield lambda: dynamodb.scan(**table)
    yield lambda: sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=9)
    attributes = {"a": {"DataType": "String", "StringValue": "é"}}
    yield lambda: sqs.send_message(QueueUrl=queue, MessageBody="é", MessageAttributes=attributes)
    yield lambda: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages",
                                           "ApproximateNumberOfMessagesDelayed"])  # fmt: skip
    batch = [{"Id": str(number), "MessageBody": f"{number}", "DelaySeconds": 60 * number} for number in range(3)]
    yield lambda: sqs.send_message_batch(QueueUrl=queue, Entries=batch)
    (received,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1)["Messages"]
    hidden = {"Id": "1", "ReceiptHandle": received["ReceiptHandle"], "VisibilityTimeout": 0}
    yield lambda: sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[hidden])
    yield lambda: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    yield lambda: sqs.send_message(QueueUrl=queue, MessageBody="")
    yield lambda: events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])


_ITS_OWN = {"RequestId", "RetryAttempts", "HTTPHeaders", "MessageId", "EventId", "ReceiptHandle"}


def answers(quick: bool) -> list[Any]:
    found: list[Any] = []
    with quick_moto() if quick else nullcontext(), mock_aws(config={"core": {"mock_credentials": False}}):
        # By their hosts, because Amazon's engine may be what the environment names.
        client: Any = boto3.client
        services = ("dynamodb", "sqs", "events")
        clients = (client(service, endpoint_url=f"https://{service}.us-east-1.amazonaws.com") for service in services)
        for call in calls(*clients):
            try:
                found.append(_without_its_own(call()))
            except ClientError as refused:
                found.append(_without_its_own(refused.response) | {"type": type(refused).__name__})
    return found


def _without_its_own(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_its_own(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_its_own(each) for name, each in value.items() if name not in _ITS_OWN}
    return value


@pytest.mark.long
def test_each_call_is_answered_as_by_moto_alone() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as another:  # in this one, moto may be patched already
        own = another.submit(answers, quick=False).result()
    assert answers(quick=True) == own
    assert Counter(each["Error"]["Code"] for each in own if "Error" in each) == REFUSED


def test_what_goes_elsewhere_is_signed() -> None:
    """The session's patches stay while a process runs tests of the deployed stack, which refuses what is not signed."""
    request = AWSRequest("POST", "http://localhost:4566/", data=b"{}")
    with quick_moto():
        SigV4Auth(Credentials("testing", "testing"), "dynamodb", "us-east-1").add_auth(request)
    assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
