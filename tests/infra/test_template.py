"""What the template must say: wiring, permissions, and numbers that agree. Never how many resources there are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import deliver.dead_letters
import deliver.failures
import deliver.schedule
from infra import settings
from infra.app import build
from infra.settings import BadSetting
from local.emulator import ROOT

LOCAL = {"stage": "local", "ca_file": "/tmp/ca.pem", "emulator_python": "/usr/bin/python3"}
FUNCTIONS = {
    "api": "api.handler.lambda_handler",
    "fanout": "fanout.handler.lambda_handler",
    "deliver": "deliver.handler.lambda_handler",
    "judge": "deliver.dead_letters.lambda_handler",
}


@cache
def _template(context: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    app = cdk.App(context={"aws:cdk:bundling-stacks": [], **dict(context)})
    stack = build(app)
    template: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return template


def template(**context: str) -> dict[str, Any]:
    return _template(tuple(context.items()))


def resources(kind: str, of: dict[str, Any]) -> dict[str, Any]:
    return {name: r for name, r in of["Resources"].items() if r["Type"] == kind}


def functions(of: dict[str, Any]) -> dict[str, Any]:
    """The four, by the names of `FUNCTIONS`."""
    by_handler = {
        r["Properties"].get("Handler"): r["Properties"] for r in resources("AWS::Lambda::Function", of).values()
    }
    return {name: by_handler[handler] for name, handler in FUNCTIONS.items()}


def queue(of: dict[str, Any], word: str) -> tuple[str, Any]:
    (found,) = [(n, r["Properties"]) for n, r in resources("AWS::SQS::Queue", of).items() if word in n]
    return found


def test_functions_run_on_arm_with_a_supported_python() -> None:
    for function in functions(template()).values():
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert len(function["Layers"]) == 2


@pytest.mark.parametrize("delays", ["10,60,300", "1,2,3", "5", "30,30,30,30,30"])
def test_everything_that_depends_on_the_schedule_agrees(delays: str) -> None:
    of = template(retry_delays=delays)
    attempts = delays.count(",") + 2
    dead, _ = queue(of, "DeadLetters")
    _, delivery = queue(of, "QueuesDelivery")
    assert delivery["RedrivePolicy"]["maxReceiveCount"] == attempts
    assert delivery["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}
    for name in ("deliver", "judge"):
        assert functions(of)[name]["Environment"]["Variables"]["RETRY_DELAYS"] == delays


def test_the_queue_hides_a_message_six_times_as_long_as_the_function_runs() -> None:
    of = template()
    _, delivery = queue(of, "QueuesDelivery")
    assert functions(of)["deliver"]["Timeout"] == 30
    assert delivery["VisibilityTimeout"] >= 6 * 30


def test_both_queues_have_their_function_with_partial_batch_responses() -> None:
    of = template()
    mappings = [m["Properties"] for m in resources("AWS::Lambda::EventSourceMapping", of).values()]
    delivery, _ = queue(of, "QueuesDelivery")
    dead, _ = queue(of, "DeadLetters")
    wired = {m["EventSourceArn"]["Fn::GetAtt"][0]: m for m in mappings}
    assert set(wired) == {delivery, dead}
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == 10
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_the_rule_matches_the_platforms_events_only_and_keeps_what_it_cannot_hand_over() -> None:
    of = template()
    (rule,) = resources("AWS::Events::Rule", of).values()
    assert rule["Properties"]["EventPattern"] == {"source": ["aisoule"]}
    undelivered, _ = queue(of, "Undelivered")
    (target,) = rule["Properties"]["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [undelivered, "Arn"]}


def test_an_event_that_fanout_cannot_handle_is_kept() -> None:
    of = template()
    (config,) = resources("AWS::Lambda::EventInvokeConfig", of).values()
    unhandled, _ = queue(of, "Unhandled")
    destination = config["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
    assert (config["Properties"]["MaximumRetryAttempts"], destination) == (2, {"Fn::GetAtt": [unhandled, "Arn"]})


def test_queues_are_encrypted_keep_14_days_and_refuse_plain_http() -> None:
    of = template()
    queues = resources("AWS::SQS::Queue", of)
    assert all(q["Properties"]["SqsManagedSseEnabled"] for q in queues.values())
    assert {q["Properties"]["MessageRetentionPeriod"] for q in queues.values()} == {14 * 24 * 3600}
    denied = json.dumps([p["Properties"] for p in resources("AWS::SQS::QueuePolicy", of).values()])
    assert all(f'"{name}"' in denied for name in queues)
    assert denied.count('"aws:SecureTransport": "false"') == len(queues)


def test_tables_survive_the_stack_can_be_restored_and_expire() -> None:
    for table in resources("AWS::DynamoDB::Table", template()).values():
        properties = table["Properties"]
        assert (table["DeletionPolicy"], properties["DeletionProtectionEnabled"]) == ("Retain", True)
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_only_failed_deliveries_are_in_the_index() -> None:
    (index,) = [
        index
        for table in resources("AWS::DynamoDB::Table", template()).values()
        for index in table["Properties"].get("GlobalSecondaryIndexes", [])
    ]
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    assert (index["IndexName"], keys) == ("failed", ["failed_webhook", "sk"])


# What each function may do, whole: whoever adds a grant says so here.
ALLOWED = {
    "api": {
        "Config": "dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem",
        "Log": "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query",
        "QueuesDelivery": "sqs:SendMessage",
        "Bus": "events:PutEvents",
    },
    "fanout": {
        "Config": "dynamodb:Query",
        "Log": "dynamodb:PutItem",
        "QueuesDelivery": "sqs:SendMessage",
        "Rejected": "sqs:SendMessage",
        "Unhandled": "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:SendMessage",
    },
    "deliver": {
        "Config": "dynamodb:BatchGetItem dynamodb:UpdateItem",
        "Log": "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem",
        "QueuesDelivery": "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl "
        "sqs:ReceiveMessage",
        "Bus": "events:PutEvents",
    },
    "judge": {
        "Config": "dynamodb:BatchGetItem dynamodb:UpdateItem",
        "Log": "dynamodb:BatchGetItem dynamodb:PutItem",
        "QueuesDelivery": "sqs:SendMessage",
        "DeadLetters": "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl "
        "sqs:ReceiveMessage",
        "Bus": "events:PutEvents",
    },
}
_WORDS = ("Config", "Log", "QueuesDelivery", "DeadLetters", "Rejected", "Unhandled", "Bus")


def _granted(of: dict[str, Any], function: Any) -> dict[str, set[str]]:
    role = function["Role"]["Fn::GetAtt"][0]
    granted: dict[str, set[str]] = {}
    for policy in resources("AWS::IAM::Policy", of).values():
        if {"Ref": role} not in policy["Properties"]["Roles"]:
            continue
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            named = re.findall(r'"Fn::GetAtt": \["(\w+)"', json.dumps(statement["Resource"]))
            assert named, f"{statement} is not for a resource of the stack"
            for name in named:
                (word,) = {word for word in _WORDS if re.search(rf"{word}[0-9A-F]{{8}}$", name)}
                granted.setdefault(word, set()).update(actions)
    return granted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_may_do_exactly_this(name: str) -> None:
    of = template()
    expected = {word: set(actions.split()) for word, actions in ALLOWED[name].items()}
    assert _granted(of, functions(of)[name]) == expected


def test_no_policy_has_a_wildcard() -> None:
    statements = [
        statement
        for policy in resources("AWS::IAM::Policy", template()).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert statements
    assert "*" not in json.dumps(statements)


def test_production_has_nothing_of_the_local_stage() -> None:
    production, local = json.dumps(template()), json.dumps(template(**LOCAL))
    # Those found where they belong, so that the search is not blind.
    for word in ("LOCAL_ALLOW_LOOPBACK", "LOCAL_CA_FILE", "/tmp/ca.pem", 'Batch"', "ReservedConcurrentExecutions"):
        assert word in local
        assert word not in production
    for word in ("LOCAL_", "loopback", "localhost", "ca.pem"):
        assert word.lower() not in production.lower()
    assert {n for n, f in functions(template(**LOCAL)).items() if "LOCAL_CA_FILE" in f["Environment"]["Variables"]} == {
        "api",
        "deliver",
    }


def test_the_limits_are_context_values() -> None:
    of = template(
        max_webhooks="7", log_days="90", max_concurrency="33", sends_per_minute="5", recoveries_per_minute="6"
    )
    api = functions(of)["api"]["Environment"]["Variables"]
    limits = ("MAX_WEBHOOKS", "SENDS_PER_MINUTE", "RECOVERIES_PER_MINUTE")
    assert [api[limit] for limit in limits] == ["7", "5", "6"]
    assert {f["Environment"]["Variables"]["LOG_DAYS"] for f in functions(of).values()} == {"90"}
    mappings = resources("AWS::Lambda::EventSourceMapping", of).values()
    assert {m["Properties"]["ScalingConfig"]["MaximumConcurrency"] for m in mappings} == {33}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage", "prod"),
        ("retry_delays", "a,b"),
        ("retry_delays", "10,-1"),
        ("retry_delays", "0"),
        ("retry_delays", "43200"),
        ("retry_delays", "1,1,1,1,1,1,1,1,1,1"),
        ("log_days", "0"),
        ("max_webhooks", "many"),
        ("max_concurrency", "1"),
        ("retry_delays", ""),
        ("retry_delays", "40000,40000"),
        ("stage", ""),
        ("log_retention", "31"),
        ("sends_per_minute", "0"),
        ("public_url", "http://webhooks.example.com"),
        ("public_url", "https://webhooks.example.com/api"),
        ("contact", "abuse@example.com"),
        ("alarm_email", "ops"),
        ("contact", "https://example.com/a\r\nb"),
        ("contact", "https://example.com/(a)"),
        ("frame_ancestors", "https://a.example *"),
        ("frame_ancestors", "https://a.example;script-src"),
    ],
)
def test_a_bad_setting_says_which_and_what_is_allowed(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=rf"^{name} is .*allowed|^{name} is .*expected"):
        build(cdk.App(context={"aws:cdk:bundling-stacks": [], name: value}))


def test_people_are_sent_to_where_the_api_is() -> None:
    (http_api,) = resources("AWS::ApiGatewayV2::Api", template())
    variables = functions(template())["api"]["Environment"]["Variables"]
    assert variables["PUBLIC_URL"] == {"Fn::GetAtt": [http_api, "ApiEndpoint"]}
    own = template(
        public_url="https://webhooks.example.com", frame_ancestors="https://a.example https://b.example:8443"
    )
    variables = functions(own)["api"]["Environment"]["Variables"]
    assert variables["PUBLIC_URL"] == "https://webhooks.example.com"
    assert variables["FRAME_ANCESTORS"] == "https://a.example https://b.example:8443"


def test_ten_alarms_tell_the_operator_and_each_is_explained() -> None:
    """Ten, because so many are free."""
    of = template(alarm_email="ops@example.com")
    operations = (ROOT / "docs" / "operations.md").read_text().lower()
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm", of).values()]
    (topic,) = resources("AWS::SNS::Topic", of)
    assert len(alarms) == 10
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
        place = alarm["AlarmDescription"].partition("docs/operations.md#")[2]
        assert f"## {place}\n" in operations, place
    (subscription,) = resources("AWS::SNS::Subscription", of).values()
    assert subscription["Properties"]["Endpoint"] == "ops@example.com"
    assert resources("AWS::SNS::Subscription", template()) == {}


def test_a_message_is_overdue_only_after_its_whole_schedule() -> None:
    for delays, seconds in (("10,60,300", 370 + 20 + 600), ("1,2,3", 6 + 20 + 600)):
        alarms = resources("AWS::CloudWatch::Alarm", template(retry_delays=delays))
        (threshold,) = [a["Properties"]["Threshold"] for name, a in alarms.items() if "OldestMessage" in name]
        assert threshold == seconds


def test_what_is_shown_and_alarmed_is_what_the_functions_count() -> None:
    """A metric that is renamed in the code alone would be a flat line, and its alarm silent."""
    dashboard = json.dumps(resources("AWS::CloudWatch::Dashboard", template()))
    shown = set(re.findall(r"AisouleWebhooks\W+(\w+)\W+service", dashboard))
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm", template()).values()]
    alarmed = {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == settings.NAMESPACE}
    causes = {f"Failed{cause}" for cause in {*deliver.failures._CAUSES.values(), "Connection"}}
    assert alarmed <= shown
    assert causes <= shown
    sources = "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    for name in shown - causes:
        assert f'"{name}"' in sources


def test_only_deliver_tells_endpoints_whom_to_complain_to() -> None:
    of = template(contact="mailto:abuse@example.com")
    told = {name: f["Environment"]["Variables"].get("CONTACT") for name, f in functions(of).items()}
    assert told == {"deliver": "mailto:abuse@example.com", "api": None, "fanout": None, "judge": None}


def test_logs_expire_when_told() -> None:
    for days in (30, 365):
        of = template() if days == 30 else template(log_retention=str(days))
        groups = resources("AWS::Logs::LogGroup", of)
        assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}
        for function in functions(of).values():
            assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_numbers_with_an_owner_elsewhere_agree() -> None:
    assert settings.ATTEMPT_SECONDS == deliver.schedule.ATTEMPT_SECONDS
    assert timedelta(seconds=settings.MAX_ROUND_SECONDS) == deliver.dead_letters.REQUEUED_FOR


def test_an_edit_to_one_function_deploys_no_other(tmp_path: Path) -> None:
    for part in ("functions", "layers"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    before = _code_in(tmp_path)
    handler = tmp_path / "functions" / "api" / "handler.py"
    handler.write_text(handler.read_text() + "\n# edited\n")
    (tmp_path / "functions" / "deliver" / "__pycache__").mkdir()
    (tmp_path / "functions" / "deliver" / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"bytecode")
    after = _code_in(tmp_path)
    assert {name for name in FUNCTIONS if before[name] != after[name]} == {"api"}


_PATHS = (".", "functions", "layers/webhooks/python")


def _code_in(directory: Path) -> dict[str, str]:
    """Each function's asset, synthesised in a fresh process: assets are found from where that was started."""
    command = (
        "import json; from tests.infra.test_template import functions, template; "
        "print(json.dumps({name: f['Code']['S3Key'] for name, f in functions(template()).items()}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", command],
        cwd=directory,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "functions", ROOT / "layers/webhooks/python")))},
        capture_output=True,
        text=True,
        check=True,
    )
    code: dict[str, str] = json.loads(shown.stdout)
    return code
