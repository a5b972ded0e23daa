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

import pytest

import api.recovery
import deliver.batch
import deliver.erase
import deliver.failures
import deliver.release
import deliver.retry_after
import deliver.schedule
import deliver.unattempted
import webhooks.clients
import webhooks.config_table
import webhooks.erasures
import webhooks.messages
import webhooks.pace
from infra.settings import MAX_LOG_DAYS
from local.emulator import ROOT
from tests.template import Template, stack_artifact

LOCAL = {
    "stage": "local",
    "ca_file": "/tmp/ca.pem",
    "emulator_python": "/usr/bin/python3",
    "packages": "/tmp/packages",
}
FUNCTIONS = {
    "api": "api.handler.lambda_handler",
    "fanout": "fanout.handler.lambda_handler",
    "deliver": "deliver.handler.lambda_handler",
    "dead_letters": "deliver.dead_letters.lambda_handler",
    "release": "deliver.release.lambda_handler",
    "erase": "deliver.erase.lambda_handler",
}


@cache
def _template(context: tuple[tuple[str, str], ...]) -> Template:
    template: Template = stack_artifact(**dict(context)).template
    return template


def template(**context: str) -> dict[str, Any]:
    return _template(tuple(context.items()))


def resources(kind: str, of: dict[str, Any]) -> dict[str, Any]:
    return {name: r for name, r in of["Resources"].items() if r["Type"] == kind}


def functions(of: dict[str, Any]) -> dict[str, Any]:
    """The functions, by the names of `FUNCTIONS`."""
    by_handler = {
        r["Properties"].get("Handler"): r["Properties"] for r in resources("AWS::Lambda::Function", of).values()
    }
    return {name: by_handler[handler] for name, handler in FUNCTIONS.items()}


LANES = ("QueuesDelivery", "QueuesRetry")
"""In the logical ids."""


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
    for name in LANES:
        _, lane = queue(of, name)
        assert lane["RedrivePolicy"]["maxReceiveCount"] == attempts + 3, "a few without an attempt, through our fault"
        assert lane["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}
    for name in ("deliver", "dead_letters"):
        assert functions(of)[name]["Environment"]["Variables"]["RETRY_DELAYS"] == delays
    assert of["Outputs"]["RetryDelays"]["Value"] == delays, "make smoke checks it"


def test_the_queue_hides_a_message_six_times_as_long_as_the_function_runs() -> None:
    of = template()
    assert functions(of)["deliver"]["Timeout"] == 30
    for name in (*LANES, "DeadLetters"):
        assert queue(of, name)[1]["VisibilityTimeout"] >= 6 * 30


def test_four_steps_that_succeed_at_the_last_try_and_an_attempt_fit_delivers_time() -> None:
    """Read, record, send and visibility."""
    config: Any = webhooks.clients.client("dynamodb").meta.config
    tries = config.retries["total_max_attempts"]
    seconds = 4 * tries * (config.connect_timeout + config.read_timeout) + deliver.schedule.ATTEMPT_SECONDS
    assert tries == 2
    assert seconds <= functions(template())["deliver"]["Timeout"]


def test_each_queue_has_its_function_with_partial_batch_responses() -> None:
    """Both lanes lead to deliver, each with a concurrency of its own."""
    of = template()
    mappings = [m["Properties"] for m in resources("AWS::Lambda::EventSourceMapping", of).values()]
    wired = {m["EventSourceArn"]["Fn::GetAtt"][0]: m for m in mappings}
    consumers = {queue(of, name)[0]: name for name in (*LANES, "DeadLetters")}
    assert set(wired) == set(consumers)
    assert len({str(wired[queue(of, name)[0]]["FunctionName"]) for name in LANES}) == 1
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    sizes = {consumers[name]: (m["BatchSize"], m.get("MaximumBatchingWindowInSeconds", 0)) for name, m in wired.items()}
    assert sizes == {"QueuesDelivery": (10, 0), "QueuesRetry": (40, 1), "DeadLetters": (10, 0)}


def test_a_batch_of_retries_fits_one_read_and_one_thread_each() -> None:
    of = template()
    largest = max(m["Properties"]["BatchSize"] for m in resources("AWS::Lambda::EventSourceMapping", of).values())
    assert 2 * largest <= 100, "BatchGetItem takes 100 keys: a webhook and a delivery for each message"
    assert largest == deliver.batch._SIDE_BY_SIDE


def test_the_rule_matches_the_platforms_events_only_and_keeps_what_it_cannot_hand_over() -> None:
    of = template()
    (rule,) = [r for r in resources("AWS::Events::Rule", of).values() if "EventPattern" in r["Properties"]]
    assert rule["Properties"]["EventPattern"] == {"source": ["aisoule"]}
    undelivered, _ = queue(of, "Undelivered")
    (target,) = rule["Properties"]["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [undelivered, "Arn"]}


def test_an_event_that_fanout_cannot_handle_is_kept() -> None:
    of = template()
    configs = resources("AWS::Lambda::EventInvokeConfig", of).values()
    (config,) = [config for config in configs if "DestinationConfig" in config["Properties"]]
    unhandled, _ = queue(of, "Unhandled")
    destination = config["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
    assert (config["Properties"]["MaximumRetryAttempts"], destination) == (2, {"Fn::GetAtt": [unhandled, "Arn"]})


def test_waiting_deliveries_and_erasures_go_on_each_minute_and_no_run_is_tried_again() -> None:
    of = template()
    works = {"release": deliver.release.RELEASE_SECONDS, "erase": deliver.erase.ERASE_SECONDS}
    rules = [r["Properties"] for r in resources("AWS::Events::Rule", of).values()]
    each_minute = [rule for rule in rules if rule.get("ScheduleExpression") == "rate(1 minute)"]
    targets = {of["Resources"][id]["Properties"]["Handler"]: id for id in map(_target, each_minute)}
    assert set(targets) == {FUNCTIONS[name] for name in works}
    for name, seconds in works.items():
        id = targets[FUNCTIONS[name]]
        assert seconds + 10 <= of["Resources"][id]["Properties"]["Timeout"] < 60
        (config,) = [
            config["Properties"]
            for config in resources("AWS::Lambda::EventInvokeConfig", of).values()
            if config["Properties"]["FunctionName"] == {"Ref": id}
        ]
        assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)


def _target(rule: dict[str, Any]) -> str:
    assert "EventBusName" not in rule, "AWS runs schedules on the default bus only"
    (target,) = rule["Targets"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}, "of EventBridge"
    function: str = target["Arn"]["Fn::GetAtt"][0]
    return function


def test_a_log_is_erased_when_no_invocation_can_know_its_webhooks_any_more() -> None:
    """Each may have read a webhook just before it was deleted, and writes for as long as it runs."""
    of = template()
    delays = {
        name: functions(of)[name]["Environment"]["Variables"]["ERASURE_DELAY_SECONDS"] for name in ("api", "erase")
    }
    longest = max(function["Timeout"] for function in functions(of).values())
    assert delays == {"api": "360", "erase": "360"}
    assert longest + 60 <= 360


def test_a_deleted_webhook_is_known_for_longer_than_its_deliveries() -> None:
    """DynamoDB deletes what has expired within a few days."""
    assert timedelta(days=MAX_LOG_DAYS + 30) <= webhooks.config_table.DELETED_KEPT


def test_an_erasure_is_known_for_longer_than_a_message_that_it_must_stop() -> None:
    retained = max(q["Properties"]["MessageRetentionPeriod"] for q in resources("AWS::SQS::Queue", template()).values())
    assert timedelta(seconds=retained) < webhooks.erasures.KEPT


def test_what_a_function_erases_is_all_that_it_may_delete() -> None:
    granted = {
        (name, action.removeprefix("dynamodb:"), *condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for name in ("deliver", "dead_letters", "erase")
        for statement in _statements(name)
        if (condition := statement.get("Condition"))
        for action in _actions(statement)
        if "Delete" in action or "BatchWrite" in action
    }
    assert granted == {
        ("deliver", "DeleteItem", "EVENT#*"),
        ("dead_letters", "DeleteItem", "EVENT#*"),
        ("erase", "DeleteItem", "ACCOUNT#*", "KEY#*", "INBOX#*", "NOTIFY#*"),
        ("erase", "BatchWriteItem", "LIMIT#*", "REQUEST#*", "NOTIFY#*"),
        ("erase", "BatchWriteItem", "EVENT#*", "WEBHOOK#*", "PACE#*", "INBOX#*"),
    }


def test_moments_are_within_what_sqs_delays_and_below_the_alarm() -> None:
    """Whether the age of a message counts its delay, AWS does not say."""
    (alarm,) = [a for id, a in resources("AWS::CloudWatch::Alarm", template()).items() if "OldestMessage" in id]
    assert webhooks.pace.HORIZON.total_seconds() * 2 <= alarm["Properties"]["Threshold"]
    assert webhooks.pace.HORIZON.total_seconds() <= webhooks.messages.MAX_DELAY_SECONDS


UPDATED = {"api": ["PACE#*", "ERASURE#*"], "erase": ["ERASURE#*"]}
"""The partitions of the log table in which a function may change items by an update; for the others, the paces."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_paces_and_erasures_may_be_changed_in_the_log_by_an_update(name: str) -> None:
    (statement,) = [
        statement
        for statement in _statements(name)
        if "dynamodb:UpdateItem" in statement["Action"] and "DatabaseLog" in json.dumps(statement["Resource"])
    ]
    allowed = UPDATED.get(name, ["PACE#*"])
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": allowed}}


def _actions(statement: dict[str, Any]) -> list[str]:
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


def _statements(name: str) -> list[dict[str, Any]]:
    """Of the function's policies."""
    of = template()
    role = functions(of)[name]["Role"]["Fn::GetAtt"][0]
    return [
        statement
        for policy in resources("AWS::IAM::Policy", of).values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_queues_are_encrypted_keep_14_days_and_refuse_plain_http() -> None:
    of = template()
    queues = resources("AWS::SQS::Queue", of)
    assert all(q["Properties"]["SqsManagedSseEnabled"] for q in queues.values())
    assert {q["Properties"]["MessageRetentionPeriod"] for q in queues.values()} == {14 * 24 * 3600}
    denied = json.dumps([p["Properties"] for p in resources("AWS::SQS::QueuePolicy", of).values()])
    assert all(f'"{name}"' in denied for name in queues)
    assert denied.count('"aws:SecureTransport": "false"') == len(queues)


def test_tables_survive_the_stack_and_expire() -> None:
    for table in resources("AWS::DynamoDB::Table", template()).values():
        properties = table["Properties"]
        assert (table["DeletionPolicy"], properties["DeletionProtectionEnabled"]) == ("Retain", True)
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert properties["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize(("context", "log"), [({}, False), ({"log_recovery": "on"}, True)])
def test_webhooks_can_be_restored_and_the_log_if_wanted(context: dict[str, str], log: bool) -> None:
    recovery = {
        next(name for name in ("Config", "Log") if f"Database{name}" in id): table["Properties"][
            "PointInTimeRecoverySpecification"
        ]["PointInTimeRecoveryEnabled"]
        for id, table in resources("AWS::DynamoDB::Table", template(**context)).items()
    }
    assert recovery == {"Config": True, "Log": log}


def test_lambda_logs_only_what_went_wrong() -> None:
    """START, END and REPORT are INFO, a timeout or a crash is WARN. The level needs the JSON format."""
    for function in functions(template()).values():
        logging = function["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")


def test_each_function_has_the_memory_that_was_measured_for_it() -> None:
    memory = {name: f["MemorySize"] for name, f in functions(template()).items()}
    assert memory == {"api": 512, "fanout": 256, "deliver": 256, "dead_letters": 256, "release": 256, "erase": 256}


def test_there_is_a_dashboard_if_wanted() -> None:
    assert resources("AWS::CloudWatch::Dashboard", template()) == {}
    (dashboard,) = resources("AWS::CloudWatch::Dashboard", template(dashboard="on")).values()
    metrics = re.findall(r'"(AWS/\w+|AisouleWebhooks)","\w+"', json.dumps(dashboard).replace("\\", ""))
    assert 0 < len(metrics) <= 50, "of three dashboards that are free, each may have as many"


def test_the_indexes_hold_only_items_that_have_their_keys() -> None:
    """No index has a key that every delivery has: see `webhooks.items.delivery_item`."""
    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for table in resources("AWS::DynamoDB::Table", template()).values()
        for index in table["Properties"].get("GlobalSecondaryIndexes", [])
    }
    assert indexes == {
        "failed": ["failed_webhook", "sk"],
        "due": ["due", "due_at"],
    }


# What each function may do, whole: whoever adds a grant says so here.
ALLOWED = {
    "api": {
        "Config": "dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem",
        "Log": "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem",
        "QueuesDelivery": "sqs:SendMessage",
        "QueuesRetry": "sqs:SendMessage",
        "Bus": "events:PutEvents",
    },
    "fanout": {
        "Config": "dynamodb:Query",
        "Log": "dynamodb:PutItem dynamodb:UpdateItem",
        "QueuesDelivery": "sqs:SendMessage",
        "QueuesRetry": "sqs:SendMessage",
        "Rejected": "sqs:SendMessage",
        "Unhandled": "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:SendMessage",
    },
    "deliver": {
        "Config": "dynamodb:BatchGetItem dynamodb:Query dynamodb:UpdateItem",
        "Log": "dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem",
        "QueuesDelivery": "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl "
        "sqs:ReceiveMessage",
        "QueuesRetry": "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl "
        "sqs:ReceiveMessage sqs:SendMessage",
        "DeadLetters": "sqs:SendMessage",
        "Bus": "events:PutEvents",
    },
    "dead_letters": {
        "Config": "dynamodb:BatchGetItem dynamodb:Query dynamodb:UpdateItem",
        "Log": "dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem",
        "QueuesRetry": "sqs:SendMessage",
        "DeadLetters": "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:GetQueueUrl "
        "sqs:ReceiveMessage",
        "Bus": "events:PutEvents",
    },
}
ALLOWED["release"] = {
    "Config": "dynamodb:GetItem",
    "Log": "dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query "
    "dynamodb:UpdateItem",
    "QueuesDelivery": "sqs:SendMessage",
    "QueuesRetry": "sqs:SendMessage",
}
ALLOWED["erase"] = {
    "Config": "dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query "
    "dynamodb:UpdateItem",
    "Log": "dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:Query dynamodb:UpdateItem",
    "Bus": "events:PutEvents",
}
_WORDS = ("Config", "Log", *LANES, "DeadLetters", "Rejected", "Unhandled", "Bus")


def _granted(of: dict[str, Any], function: Any) -> dict[str, set[str]]:
    role = function["Role"]["Fn::GetAtt"][0]
    granted: dict[str, set[str]] = {}
    for policy in resources("AWS::IAM::Policy", of).values():
        if {"Ref": role} not in policy["Properties"]["Roles"]:
            continue
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = _actions(statement)
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
    for statement in statements:
        assert set(statement) - {"Condition"} == {"Effect", "Action", "Resource"}
        assert "*" not in json.dumps([statement["Action"], statement["Resource"]])


def test_production_has_nothing_of_the_local_stage() -> None:
    production, local = json.dumps(template()), json.dumps(template(**LOCAL))
    # Those found where they belong, so that the search is not blind.
    only_local = ("LOCAL_ALLOW_LOOPBACK", "LOCAL_CA_FILE", "/tmp/ca.pem", 'Batch"', "ReservedConcurrentExecutions")
    for word in (*only_local, "PYTHONPATH", "/tmp/packages"):
        assert word in local
        assert word not in production
    for word in ("LOCAL_", "loopback", "localhost", "ca.pem"):
        assert word.lower() not in production.lower()
    assert {n for n, f in functions(template(**LOCAL)).items() if "LOCAL_CA_FILE" in f["Environment"]["Variables"]} == {
        "api",
        "deliver",
    }


def test_a_page_of_recovery_fits_into_its_limits() -> None:
    from infra import settings

    assert api.recovery.PAGE == settings.RECOVERY_PAGE


def test_the_limits_are_context_values() -> None:
    of = template(
        max_webhooks="7",
        log_days="90",
        sends_per_minute="5",
        recoveries_per_minute="106",
        host_sends_per_minute="107",
        listings_per_minute="8",
    )
    variables = functions(of)["api"]["Environment"]["Variables"]
    limits = (
        "MAX_WEBHOOKS",
        "SENDS_PER_MINUTE",
        "RECOVERIES_PER_MINUTE",
        "HOST_SENDS_PER_MINUTE",
        "LISTINGS_PER_MINUTE",
    )
    assert [variables[limit] for limit in limits] == ["7", "5", "106", "107", "8"]
    assert {f["Environment"]["Variables"]["LOG_DAYS"] for f in functions(of).values()} == {"90"}


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
        ("api_rate", "0"),
        ("api_concurrency", "0"),
        ("api_concurrency", ""),
        ("explorer", "no"),
        ("retry_delays", ""),
        ("retry_delays", "40000,40000"),
        ("stage", ""),
        ("log_retention", "31"),
        ("sends_per_minute", "0"),
        ("recoveries_per_minute", "60"),
        ("host_sends_per_minute", "99"),
        ("listings_per_minute", "0"),
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
    from infra.context import BadSetting

    with pytest.raises(BadSetting, match=rf"^{name} is .*(allowed values: |expected )"):
        stack_artifact(**{name: value})


def test_people_are_sent_to_where_the_api_is() -> None:
    (http_api,) = resources("AWS::ApiGatewayV2::Api", template())
    for function in ("api", "deliver", "dead_letters"):
        variables = functions(template())[function]["Environment"]["Variables"]
        assert variables["PUBLIC_URL"] == {"Fn::GetAtt": [http_api, "ApiEndpoint"]}
    own = template(
        public_url="https://webhooks.example.com", frame_ancestors="https://a.example https://b.example:8443"
    )
    for function in ("deliver", "dead_letters", "api"):
        variables = functions(own)[function]["Environment"]["Variables"]
        assert variables["PUBLIC_URL"] == "https://webhooks.example.com"
    assert variables["FRAME_ANCESTORS"] == "https://a.example https://b.example:8443"


def test_what_is_shown_and_alarmed_is_what_the_functions_count() -> None:
    """A metric that is renamed in the code alone would be a flat line, and its alarm silent."""
    from infra import settings

    dashboard = json.dumps(resources("AWS::CloudWatch::Dashboard", template(dashboard="on")))
    shown = set(re.findall(r"AisouleWebhooks\W+(\w+)\W+service", dashboard))
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm", template()).values()]
    alarmed = {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == settings.NAMESPACE}
    causes = {f"Failed{cause}" for cause in {*deliver.failures.METRICS.values(), "Connection"}}
    assert alarmed <= shown
    assert causes <= shown
    sources = "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    for name in shown - causes:
        assert f'"{name}"' in sources


def test_deliver_tells_endpoints_whom_to_complain_to_and_the_api_shows_it() -> None:
    of = template(contact="mailto:abuse@example.com")
    given = {name: f["Environment"]["Variables"].get("CONTACT") for name, f in functions(of).items()}
    contact = "mailto:abuse@example.com"
    assert {name for name, contact in given.items() if contact} == {"deliver", "api"}
    assert (given["deliver"], given["api"]) == (contact, contact)


def test_logs_expire_when_told() -> None:
    for days in (30, 365):
        of = template() if days == 30 else template(log_retention=str(days))
        groups = resources("AWS::Logs::LogGroup", of)
        assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}
        for function in functions(of).values():
            assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_numbers_with_an_owner_elsewhere_agree() -> None:
    from infra import settings

    assert settings.ATTEMPT_SECONDS == deliver.schedule.ATTEMPT_SECONDS
    assert settings.MAX_RETRY_AFTER_SECONDS == deliver.retry_after.MAX_SECONDS
    assert timedelta(seconds=settings.MAX_ROUND_SECONDS) == deliver.unattempted.REQUEUED_FOR


@pytest.mark.slow
def test_an_edit_to_one_function_deploys_no_other(tmp_path: Path) -> None:
    """Nor does bytecode, nor another place."""
    for part in ("functions", "layers"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    handler = tmp_path / "functions" / "api" / "handler.py"
    handler.write_text(handler.read_text() + "\n# edited\n")
    (tmp_path / "functions" / "deliver" / "__pycache__").mkdir()
    (tmp_path / "functions" / "deliver" / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"bytecode")
    before, after = _code(functions(template())), _code(functions(_template_in(tmp_path)))
    assert {name for name in FUNCTIONS if before[name] != after[name]} == {"api"}


def _code(of: dict[str, Any]) -> dict[str, str]:
    return {name: function["Code"]["S3Key"] for name, function in of.items()}


def _template_in(directory: Path) -> Template:
    """Synthesised in a fresh process: assets are found from where that was started."""
    command = "import json; from tests.template import stack_artifact; print(json.dumps(stack_artifact().template))"
    paths = (ROOT, ROOT / "functions", ROOT / "layers/webhooks/python")
    shown = subprocess.run(
        [sys.executable, "-c", command],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=True,
    )
    made: Template = json.loads(shown.stdout)
    return made
