"""What the emulator does not show: each of these is about something that AWS does by itself."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from local.emulator import PYTHON
from tests.infra.test_template import FUNCTIONS, LOCAL, functions, resources, template
from tests.template import stack_artifact


def test_only_the_functions_of_the_requeue_loop_may_be_called_recursively() -> None:
    """Lambda stops a chain of messages at the 16th call of the same function; the requeue's own bound is a day."""
    loops = {name: f.get("RecursiveLoop") for name, f in functions(template()).items()}
    assert {name for name, loop in loops.items() if loop == "Allow"} == {"deliver", "dead_letters"}
    assert {loop for name, loop in loops.items() if name in ("api", "fanout")} == {None}


def test_every_alarm_goes_to_a_topic_that_cloudwatch_may_publish_to() -> None:
    """A topic's policy replaces SNS's default one, which would let the account's own services publish."""
    of = template()
    topics = {
        action["Ref"]
        for alarm in resources("AWS::CloudWatch::Alarm", of).values()
        for action in (*alarm["Properties"]["AlarmActions"], *alarm["Properties"]["OKActions"])
    }
    assert topics
    for topic in topics:
        statements = [
            statement
            for policy in resources("AWS::SNS::TopicPolicy", of).values()
            if {"Ref": topic} in policy["Properties"]["Topics"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        (allowed,) = [statement for statement in statements if statement["Effect"] == "Allow"]
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert (allowed["Action"], allowed["Resource"]) == ("sns:Publish", {"Ref": topic})
        assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        (denied,) = [statement for statement in statements if statement["Effect"] == "Deny"]
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_saved_querys_name_is_one_that_cloudwatch_accepts() -> None:
    """The pattern is the API's own (PutQueryDefinition): a slash makes a folder, a colon is refused."""
    (query,) = resources("AWS::Logs::QueryDefinition", template()).values()
    name = query["Properties"]["Name"]
    assert re.fullmatch(r"([^:*/]+/?)*[^:*/]+", name), name
    assert name == "AIsoule Webhooks/Follow an event"
    assert '| filter @message like /"evt_…"/' in query["Properties"]["QueryString"]
    assert re.search(r"\berror_code\b", query["Properties"]["QueryString"])
    assert not re.search(r"\berror\b", query["Properties"]["QueryString"]), "an endpoint's words are not in our logs"


def config_statements(of: dict[str, Any], function: Any) -> list[dict[str, Any]]:
    """What the function's role may do with the config table."""
    role = function["Role"]["Fn::GetAtt"][0]
    return [
        statement
        for policy in resources("AWS::IAM::Policy", of).values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "DatabaseConfig" in json.dumps(statement["Resource"])
    ]


@pytest.mark.parametrize("context", [{}, LOCAL], ids=["aws", "local"])
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "api"])
def test_only_the_api_reaches_the_keys_in_the_config_table(name: str, context: dict[str, str]) -> None:
    from infra.database import ACCOUNTS, COUNTERS, INBOXES, KEYS, NOTIFICATIONS

    of = template(**context)
    statements = config_statements(of, functions(of)[name])
    assert statements
    for statement in statements:
        partitions = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        # An erasure deletes keys that it does not read.
        others = {
            "dynamodb:DeleteItem": [KEYS, INBOXES, NOTIFICATIONS],
            "dynamodb:Query": [*COUNTERS, NOTIFICATIONS],
            "dynamodb:BatchWriteItem": [*COUNTERS, NOTIFICATIONS],
        }
        alone = others.get(str(statement["Action"]), ()) if name == "erase" else ()
        assert set(partitions) <= {ACCOUNTS, *alone}
        # Those that name no key would pass the condition: it is about all of the keys that there are.
        assert not re.search("Scan|PartiQL|Export|Stream", json.dumps(statement["Action"]))


EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
asked = json.load(sys.stdin)
policies = [parse_policy_document(asked["policy"])]
for action, keys in asked["calls"]:
    context = EvalContext("arn:aws:iam::1:role/r", "AssumedRole", "1", action, "arn:table", "us-east-1",
        source_ip="127.0.0.1", secure_transport=True, service_context={"dynamodb:leadingkeys": keys})
    print(evaluate(context, policies).decision)
"""


def decisions(statements: list[dict[str, Any]], calls: list[tuple[str, list[str]]]) -> list[str]:
    """
    Of the emulator's evaluation of policies. When it runs the functions it does not know the keys of their calls, so that
    the condition is always true; here it is given them.
    """
    resolved = [statement | {"Resource": "arn:table"} for statement in statements]
    asked = json.dumps({"policy": {"Version": "2012-10-17", "Statement": resolved}, "calls": calls})
    done = subprocess.run([PYTHON, "-c", EVALUATE], input=asked, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("name", "keys", "allowed"),
    [
        ("deliver", ["ACCOUNT#acme"], {"BatchGetItem", "Query", "UpdateItem"}),
        ("deliver", ["ACCOUNT#acme", "ACCOUNT#other"], {"BatchGetItem", "Query", "UpdateItem"}),
        ("deliver", ["KEY#key_1"], set()),
        ("deliver", ["ACCOUNT#acme", "KEY#key_1"], set()),
        ("dead_letters", ["ACCOUNT#acme"], {"BatchGetItem", "Query", "UpdateItem"}),
        ("dead_letters", ["KEY#key_1"], set()),
        ("fanout", ["ACCOUNT#acme"], {"Query"}),
        ("fanout", ["KEY#key_1"], set()),
        ("erase", ["ACCOUNT#acme"], {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}),
        ("erase", ["KEY#key_1"], {"DeleteItem"}),
        ("erase", ["LIMIT#acme"], {"Query", "BatchWriteItem"}),
        ("api", ["KEY#key_1"], {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}),
    ],
)
def test_a_key_is_denied_to_all_but_the_api(name: str, keys: list[str], allowed: set[str]) -> None:
    of = template()
    calls = ["GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]
    decided = decisions(config_statements(of, functions(of)[name]), [(f"dynamodb:{call}", keys) for call in calls])
    assert {call for call, decision in zip(calls, decided, strict=True) if decision == "Allow"} == allowed


def test_the_tables_are_the_same_resources_for_ever() -> None:
    """CloudFormation would make new, empty tables under new logical ids, and the service would start from nothing."""
    assert set(resources("AWS::DynamoDB::Table", template())) == {"DatabaseConfigA29BE884", "DatabaseLogCF7B0BC9"}


def test_the_stack_on_aws_cannot_be_deleted_by_accident() -> None:
    assert stack_artifact().termination_protection is True
    assert not stack_artifact(**LOCAL).termination_protection
