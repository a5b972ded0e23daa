"""Each grant is taken away, one at a time, from the roles that the emulator enforces: something must stop working."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from local.receiver import Receiver
from tests.deployed import Deployed, deploying, receiving_for
from tests.e2e.journey import Journey

NOT_ASKED_FOR_HERE = {
    # The emulator moves the messages of a queue, and an event that failed, by itself.
    *(f"{function} sqs:{call} on {queue}"
      for function, queue in (
          ("Deliver", "QueuesDelivery"), ("Deliver", "QueuesRetry"), ("DeadLetters", "DeadLetters"))
      for call in ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage")),
    *(f"Fanout sqs:{call} on Unhandled" for call in ("GetQueueAttributes", "GetQueueUrl", "SendMessage")),
    # For a batch it asks for a permission that AWS does not know, in the place of this one.
    *(f"{function} sqs:SendMessage on QueuesDelivery" for function in ("Api", "Fanout", "Release")),
    *(f"{function} sqs:SendMessage on QueuesRetry"
      for function in ("Api", "Fanout", "Deliver", "DeadLetters", "Release")),
    "Deliver sqs:SendMessage on DeadLetters",
    # Only for webhooks in the slow lane, which tests/integration/test_lanes.py sends to.
    *(f"{function} sqs:SendMessageBatch on QueuesRetry" for function in ("Api", "Fanout", "Release")),
    # Only after a fault on our side: what stays on the delivery queue otherwise moves.
    "Deliver sqs:ChangeMessageVisibilityBatch on QueuesDelivery",
    # Only after a crash between disabling a webhook and emitting it, which tests/integration/test_gone.py makes.
    "DeadLetters dynamodb:Query on Config",
    # Only after a crash between a 200 and marking the webhook active, which tests/model/test_catching_up.py makes.
    "DeadLetters dynamodb:UpdateItem on Log",
    # Only after a call that was cut off, or one that created a webhook meanwhile; see tests/integration/test_erasure.py.
    *(f"Erase dynamodb:{call} on Config" for call in ("PutItem", "UpdateItem")),
    "Erase events:PutEvents on Bus",
}  # fmt: skip


_FUNCTIONS = {
    "ApiFunction": "Api",
    "FanoutFunction": "Fanout",
    "DeliveryDeliver": "Deliver",
    "DeliveryDeadLetters": "DeadLetters",
    "DeliveryRelease": "Release",
    "ErasureFunction": "Erase",
}
_RESOURCES = ("Config", "Log", "QueuesDelivery", "QueuesRetry", "DeadLetters", "Rejected", "Unhandled", "Bus")


@dataclass(frozen=True)
class Grant:
    """One action of one statement in a role's policy."""

    role: str
    policy: str
    statement: int
    action: str
    resource: str

    def __str__(self) -> str:
        function = next(name for start, name in _FUNCTIONS.items() if start in self.role)
        resource = next(name for name in _RESOURCES if re.search(rf"{name}[0-9A-F]{{8}}", self.resource))
        return f"{function} {self.action} on {resource}"


@pytest.mark.slow(minutes=11)
@pytest.mark.parametrize("half", [0, 1])  # each takes ten minutes, most of them waiting
def test_without_any_one_grant_something_stops_working(half: int) -> None:
    with deploying((1, 1, 1)) as deployed, receiving_for(deployed) as receiver:
        iam = deployed.outputs.client("iam")
        await_works(deployed, receiver)
        unnoticed = set()
        for grant in grants(iam)[half::2]:
            with without(iam, grant):
                failure = Journey(deployed, receiver).first_failure()
            print(f"{grant}: {failure or 'not noticed here'}")
            unnoticed |= set() if failure else {str(grant)}
        await_works(deployed, receiver)
    assert unnoticed - NOT_ASKED_FOR_HERE == set()


def await_works(deployed: Deployed, receiver: Receiver) -> None:
    """With all grants. A step waits 10 s, which functions that have to start may need on a busy machine: three tries."""
    failures = []
    while failure := Journey(deployed, receiver).first_failure():
        failures.append(failure)
        assert len(failures) < 3, failures


def grants(iam: Any) -> list[Grant]:
    return [
        Grant(role["RoleName"], policy, number, action, json.dumps(statement["Resource"]))
        for role in iam.list_roles()["Roles"]
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        for number, statement in enumerate(_statements(iam, role["RoleName"], policy))
        for action in _actions(statement)
    ]


@contextmanager
def without(iam: Any, grant: Grant) -> Iterator[None]:
    whole = _statements(iam, grant.role, grant.policy)
    less = json.loads(json.dumps(whole))
    less[grant.statement]["Action"] = [a for a in _actions(less[grant.statement]) if a != grant.action]
    _put(iam, grant, [statement for statement in less if statement["Action"]])
    yield
    _put(iam, grant, whole)


def _put(iam: Any, grant: Grant, statements: list[Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=grant.role, PolicyName=grant.policy, PolicyDocument=document)


def _statements(iam: Any, role: str, policy: str) -> list[Any]:
    found: list[Any] = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]
    return found


def _actions(statement: Any) -> list[str]:
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
