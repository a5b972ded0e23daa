"""The template's tables, queues and bus on moto, and the environment that it gives the functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.template import Template

PUBLIC_URL = "https://webhooks.example.com"
_OF_A_TABLE = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


@dataclass
class Resources:
    """By the last part of the path in the template, in lower case, such as `config`: a table's name, a queue's URL."""

    tables: dict[str, str] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    bus: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def names(template: Template) -> dict[str, str]:
    """Of the tables, the queues and the bus, by their logical ids."""
    kinds = ("DynamoDB::Table", "SQS::Queue", "Events::EventBus")
    return {id: name for kind in kinds for id, name, _ in _of_type(template, kind)}


def create(template: Template, dynamodb: Any, sqs: Any, events: Any) -> Resources:
    made, refs = Resources(), {}
    for id, name, properties in _of_type(template, "DynamoDB::Table"):
        _create_table(dynamodb, name, properties)
        refs[id] = made.tables[name] = name
    dead_letter_queues_first = sorted(_of_type(template, "SQS::Queue"), key=lambda queue: "RedrivePolicy" in queue[2])
    for id, name, properties in dead_letter_queues_first:
        attributes = {"VisibilityTimeout": str(properties.get("VisibilityTimeout", 30))}
        if policy := properties.get("RedrivePolicy"):
            to = queue_arn(refs[policy["deadLetterTargetArn"]["Fn::GetAtt"][0]])
            attributes["RedrivePolicy"] = json.dumps(policy | {"deadLetterTargetArn": to})
        refs[id] = made.queues[name] = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    for id, name, _ in _of_type(template, "Events::EventBus"):
        events.create_event_bus(Name=name)
        refs[id] = made.bus = name
    made.environment = environment(template, refs)
    return made


def create_tables_anew(template: Template, dynamodb: Any) -> None:
    """Empty, where they are kept from test to test."""
    for _, name, properties in _of_type(template, "DynamoDB::Table"):
        dynamodb.delete_table(TableName=name)
        _create_table(dynamodb, name, properties)


def _create_table(dynamodb: Any, name: str, properties: Mapping[str, Any]) -> None:
    dynamodb.create_table(TableName=name, **{key: properties[key] for key in _OF_A_TABLE if key in properties})


def queue_arn(url: str) -> str:
    """Without a call, of which each test would make three."""
    account, name = url.split("/")[-2:]
    return f"arn:aws:sqs:us-east-1:{account}:{name}"


def environment(template: Template, refs: dict[str, str]) -> dict[str, str]:
    """What the functions have in common and each of its own: one process stands for all. `refs` by logical id."""
    merged: dict[str, str] = {}
    for _, name, properties in _of_type(template, "Lambda::Function"):
        for variable, value in properties.get("Environment", {}).get("Variables", {}).items():
            if not variable.startswith("POWERTOOLS_"):
                resolved = _resolved(value, refs)
                assert merged.setdefault(variable, resolved) == resolved, f"{variable} of {name} has another value"
    return merged


def _resolved(value: Any, refs: dict[str, str]) -> str:
    match value:
        case {"Ref": str(id)}:
            return refs[id]
        case {"Fn::GetAtt": [_, "ApiEndpoint"]}:
            return PUBLIC_URL
    assert isinstance(value, str), value
    return value


def _of_type(template: Template, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Logical id, name and properties."""
    for id, resource in template["Resources"].items():
        if resource["Type"] == f"AWS::{kind}":
            path = resource["Metadata"]["aws:cdk:path"].removesuffix("/Resource")
            yield id, path.split("/")[-1].lower(), resource["Properties"]
