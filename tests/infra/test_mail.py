"""The function that sends mails, what it may do, and what becomes of a mail that could not be sent."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from infra.context import BadSetting
from local.emulator import ROOT
from mail.handler import NEWS_FOR
from tests.infra.test_safeguards import decisions
from tests.infra.test_template import LOCAL, resources, template
from tests.template import stack_artifact

HANDLER = "mail.handler.lambda_handler"
SENDER = "webhooks@mail.example.com"


def on() -> dict[str, Any]:
    return template(mail_from=SENDER)


def the_function() -> tuple[str, dict[str, Any]]:
    (found,) = [
        (id, f["Properties"])
        for id, f in resources("AWS::Lambda::Function", on()).items()
        if f["Properties"].get("Handler") == HANDLER
    ]
    return found


def the_queue() -> str:
    (found,) = [id for id in resources("AWS::SQS::Queue", on()) if "Unsent" in id]
    return found


def statements() -> list[dict[str, Any]]:
    _, function = the_function()
    role = function["Role"]["Fn::GetAtt"][0]
    return [
        statement
        for policy in resources("AWS::IAM::Policy", on()).values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_without_the_setting_there_is_nothing_of_it() -> None:
    default = json.dumps(template()).lower()
    for word in (HANDLER, "mail_from", "ses:", "unsent"):
        assert word.lower() not in default
        assert word.lower() in json.dumps(on()).lower()


def test_it_hears_of_failing_alone_and_what_cannot_be_sent_is_kept() -> None:
    id, _ = the_function()
    (rule,) = [
        rule["Properties"]
        for rule in resources("AWS::Events::Rule", on()).values()
        if rule["Properties"].get("Targets", [{}])[0].get("Arn") == {"Fn::GetAtt": [id, "Arn"]}
    ]
    assert rule["EventPattern"] == {"source": ["aisoule.webhooks"], "detail-type": ["webhook.failing"]}
    (bus,) = resources("AWS::Events::EventBus", on())
    assert rule["EventBusName"] == {"Ref": bus}
    queue = {"Fn::GetAtt": [the_queue(), "Arn"]}
    assert rule["Targets"][0]["DeadLetterConfig"]["Arn"] == queue
    (config,) = [
        config["Properties"]
        for config in resources("AWS::Lambda::EventInvokeConfig", on()).values()
        if config["Properties"]["FunctionName"] == {"Ref": id}
    ]
    assert config["MaximumRetryAttempts"] == 2
    assert timedelta(seconds=config["MaximumEventAgeInSeconds"]) <= NEWS_FOR
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == queue
    allowed = [
        statement
        for policy in resources("AWS::SQS::QueuePolicy", on()).values()
        if {"Ref": the_queue()} in policy["Properties"]["Queues"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert [statement["Principal"] for statement in allowed] == [{"Service": "events.amazonaws.com"}]


def test_it_sends_from_its_own_address_and_reaches_no_webhook_and_no_key() -> None:
    granted: dict[str, Any] = {}
    for statement in statements():
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        granted |= dict.fromkeys(actions, statement)
    database = {f"dynamodb:{call}" for call in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")}
    sqs = {f"sqs:{call}" for call in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")}
    assert granted.keys() == {"ses:SendEmail"} | database | sqs
    for action in database:
        assert "DatabaseConfig" in json.dumps(granted[action]["Resource"])
        assert granted[action]["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["NOTIFY#*"]}}
    for action in sqs:
        assert granted[action]["Resource"] == {"Fn::GetAtt": [the_queue(), "Arn"]}
    send = granted["ses:SendEmail"]
    assert send["Condition"] == {"StringEquals": {"ses:FromAddress": SENDER}}
    identities = ["".join(map(_text, arn["Fn::Join"][1])) for arn in send["Resource"]]
    assert identities == [
        f"arn:PARTITION:ses:REGION:ACCOUNT:identity/{name}" for name in (SENDER, SENDER.partition("@")[2])
    ]


def _text(part: Any) -> str:
    return part if isinstance(part, str) else str(part["Ref"]).removeprefix("AWS::").removesuffix("Id").upper()


@pytest.mark.parametrize("keys", [["ACCOUNT#acme"], ["KEY#key_1"], ["NOTIFY#acme", "ACCOUNT#acme"], ["NOTIFY#acme"]])
def test_items_of_other_kinds_are_denied(keys: list[str]) -> None:
    calls = [(f"dynamodb:{call}", keys) for call in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")]
    of_the_table = [statement for statement in statements() if "DatabaseConfig" in json.dumps(statement["Resource"])]
    allowed = {decision == "Allow" for decision in decisions(of_the_table, calls)}
    assert allowed == {keys == ["NOTIFY#acme"]}


def test_the_api_knows_that_mails_are_sent() -> None:
    handlers = {
        f["Properties"]["Handler"]: f["Properties"]["Environment"]["Variables"].get("MAIL_FROM")
        for f in resources("AWS::Lambda::Function", on()).values()
        if f["Properties"].get("Handler")
    }
    assert {handler: sender for handler, sender in handlers.items() if sender} == {
        HANDLER: SENDER,
        "api.handler.lambda_handler": SENDER,
    }


def test_the_alarm_tells_of_what_was_not_sent() -> None:
    (alarm,) = [a["Properties"] for id, a in resources("AWS::CloudWatch::Alarm", on()).items() if "MailUnsent" in id]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [the_queue(), "QueueName"]}}]
    assert (alarm["Threshold"], alarm["Statistic"]) == (1, "Maximum")
    assert alarm["AlarmDescription"] == "docs/operations.md#mailunsent"
    assert "\n### MailUnsent\n" in (ROOT / "docs" / "operations.md").read_text()


def test_the_emulator_is_granted_more_than_aws() -> None:
    """It asks for the permission on no identity."""
    local = json.dumps(template(mail_from=SENDER, **LOCAL))
    assert '"Action": "ses:SendEmail", "Effect": "Allow", "Resource": "*"' in local


@pytest.mark.parametrize(
    "value",
    ["webhooks", "webhooks@example", "*@example.com", "a?@example.com", "${aws:x}@example.com", "a@b@example.com"],
)
def test_the_sender_is_an_address_without_wildcards(value: str) -> None:
    with pytest.raises(BadSetting, match=r"^mail_from is .*expected"):
        stack_artifact(mail_from=value)
