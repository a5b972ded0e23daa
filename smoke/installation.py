"""The deployed stack as the drill uses it: its outputs, an account of its own with a test address, and what it leaves."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from deliver.schedule import Schedule
from local.client import Client
from webhooks.event_types import EVENT_TYPES
from webhooks.key_table import KeyTable

EVENT = EVENT_TYPES["message.incoming"]


class CheckFailed(Exception):
    """What was expected, and what came instead."""


@dataclass
class Installation:
    """`webhook` is the test address as it was created, with its secret."""

    stack: str
    outputs: dict[str, str]
    account_id: str
    platform: Client
    customer: Client
    webhook: dict[str, Any]
    published: int = 0

    @property
    def path(self) -> str:
        return f"/v1/webhooks/{self.webhook['id']}"

    @property
    def schedule(self) -> Schedule:
        return Schedule.parse(self.outputs["RetryDelays"])

    def publish(self) -> str:
        self.published += 1
        return self.platform.publish(self.account_id, EVENT.name, dict(EVENT.example))

    def received(self) -> dict[str, Any]:
        """What the test address has received, by event id."""
        found: list[Any] = []
        query: dict[str, str] = {}
        while True:
            page = self.customer.get(f"{self.path}/requests", **query)
            found += page["data"]
            if not page["next_cursor"]:
                return {request["headers"]["webhook-id"]: request for request in found}
            query = {"cursor": page["next_cursor"]}


def client(service: Any) -> Any:
    # Like the CDK CLI that deployed the stack. By itself, boto3 reads AWS_DEFAULT_REGION and the configuration alone.
    return boto3.session.Session().client(service, region_name=os.environ.get("AWS_REGION") or None)


def arn(service: str, resource: str) -> str:
    """Of a resource in the caller's account and region."""
    _, partition, _, _, account, *_ = client("sts").get_caller_identity()["Arn"].split(":")
    return f"arn:{partition}:{service}:{client('sqs').meta.region_name}:{account}:{resource}"


@contextmanager
def installed(stack: str, api_url: str | None) -> Iterator[Installation]:
    """
    Erases the account at the end, with its webhook and its key, and deletes the platform key, whatever happened. Raises
    ApiRefused if the account could not be erased. `api_url`: if it is not the output ApiUrl.
    """
    described = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described}
    url = (api_url or outputs["ApiUrl"]).rstrip("/")
    account_id = f"smoke-{secrets.token_hex(6)}"
    keys = KeyTable(client("dynamodb"), outputs["ConfigTable"])
    with ExitStack() as ending:
        key, token = keys.mint("platform")
        ending.callback(keys.revoke, key.id)
        platform = Client(url, token)
        ending.callback(platform.close)
        account_key = platform.post("/v1/api-keys", {"account_id": account_id}, 201)
        ending.callback(platform.delete, f"/v1/accounts/{account_id}", 202)
        customer = Client(url, account_key["key"])
        ending.callback(customer.close)
        webhook = customer.post("/v1/test-addresses", {"name": "Smoke test"}, 201)
        yield Installation(stack, outputs, account_id, platform, customer, webhook)


def wait_until(what: str, seconds: float, look: Callable[[], Any]) -> Any:
    """What `look` returns once it is true; it is called about a thousand times at most. Raises CheckFailed."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise CheckFailed(f"{what}: not within {seconds:g} s")
        time.sleep(max(0.5, seconds / 1000))
    return found
