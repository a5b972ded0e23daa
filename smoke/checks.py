"""Each check does one thing that only a real installation can show, and returns what it found, as a line to print."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from smoke.installation import EVENT, CheckFailed, Installation, arn, client, wait_until
from webhooks.times import parse_time

ARRIVAL_SECONDS = 180

FORBIDDEN = {
    "table": ("dynamodb:Scan", "dynamodb:DeleteTable"),
    "queue": ("sqs:PurgeQueue",),
    "other": ("iam:PassRole", "sts:AssumeRole", "s3:GetObject"),
}
"""What no role of the stack may do, by the kind of resource."""


def keys_are_required(to: Installation) -> str:
    path = "/v1/events"
    body = {"account_id": to.account_id, "event": EVENT.name, "data": dict(EVENT.example)}
    answers = [
        to.customer.call("POST", path, json=body, headers={"Authorization": authorization})
        for authorization in ("", "Bearer key_unknown.secret")
    ]
    answers.append(to.customer.call("POST", path, json=body))
    statuses = [answer.status_code for answer in answers]
    expect("without a key, with an unknown one, and with an account's", statuses, [401, 401, 403])
    return (
        "401 without a key and with an unknown one, 403 with an account's on a call of the platform; "
        f"WWW-Authenticate arrives {challenge(answers[0].headers)}"
    )


def challenge(headers: Iterable[str]) -> str:
    """How: whether API Gateway's HTTP APIs rename the header, as its REST APIs do, is not documented."""
    names = [name for name in headers if name.lower().endswith("www-authenticate")]
    if not names:
        return "not at all"
    return "as it is" if names[0].lower() == "www-authenticate" else f"as {names[0]}"


def roles_are_narrow(to: Installation) -> str:
    """Asks IAM's policy simulator, and first whether that knows what is allowed: one role at least reads a table."""
    arns = _arns(to.outputs)
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=to.stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    roles = [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::IAM::Role"]
    readers = [role for role in roles if _allowed(role, ["dynamodb:GetItem"], arns["table"])]
    expect("whether the simulator finds a role that may read a table", bool(readers), True)
    for role in roles:
        expect(f"allowed to {role}", [a for kind in arns for a in _allowed(role, FORBIDDEN[kind], arns[kind])], [])
    return f"none of {len(roles)} roles may {', '.join(action for kind in FORBIDDEN.values() for action in kind)}"


def _arns(outputs: dict[str, str]) -> dict[str, list[str]]:
    queues = [url.rpartition("/")[2] for name, url in outputs.items() if name.endswith("QueueUrl")]
    return {
        "table": [arn("dynamodb", f"table/{outputs[name]}") for name in ("ConfigTable", "LogTable")],
        "queue": [arn("sqs", name) for name in queues],
        "other": ["*"],
    }


def _allowed(role: str, actions: Sequence[str], resources: Sequence[str]) -> list[str]:
    iam = client("iam")
    answer = iam.simulate_principal_policy(
        PolicySourceArn=iam.get_role(RoleName=role)["Role"]["Arn"],
        ActionNames=list(actions),
        ResourceArns=list(resources),
    )
    return [found["EvalActionName"] for found in answer["EvaluationResults"] if found["EvalDecision"] == "allowed"]


def events_arrive_signed(to: Installation, events: int) -> str:
    """By the API, and one by the bus; each is verified with the secret, by two schemes."""
    ids = [to.publish() for _ in range(events)]
    detail = {"account_id": to.account_id, "data": dict(EVENT.example)}
    entry = {"Source": "aisoule", "DetailType": EVENT.name, "Detail": json.dumps(detail)}
    put = client("events").put_events(Entries=[entry | {"EventBusName": to.outputs["EventBusName"]}])
    expect("FailedEntryCount", put["FailedEntryCount"], 0)
    to.published += 1
    wanted = {*ids, put["Entries"][0]["EventId"]}
    wait_until("all events arrive", ARRIVAL_SECONDS, lambda: wanted <= to.received().keys())
    received = to.received()
    for event_id in wanted:
        _verify(received[event_id], to.webhook["secret"])
    latencies = sorted(_latency(to, event_id, received[event_id]) for event_id in ids)
    p50, p95, p99 = (latencies[ceil(len(latencies) * share) - 1] for share in (0.5, 0.95, 0.99))
    return f"{len(wanted)} events arrived and verify; from fanout to arrival p50 {p50} ms, p95 {p95}, p99 {p99}"


def _verify(request: Any, secret: str) -> None:
    body: str = request["body"]
    expected = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    expect("X-Webhook-Signature", request["headers"]["x-webhook-signature"], expected)
    try:
        Webhook(secret).verify(body, request["headers"])
    except WebhookVerificationError as wrong:
        raise CheckFailed(f"webhook-signature: {wrong}") from None


def _latency(to: Installation, event_id: str, request: Any) -> int:
    """Both times are of clocks in AWS. Milliseconds."""
    accepted = parse_time(to.customer.get(f"/v1/events/{event_id}")["accepted_at"])
    return round((parse_time(request["received_at"]) - accepted).total_seconds() * 1000)


def expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise CheckFailed(f"{what}: {found}, expected {expected}")
