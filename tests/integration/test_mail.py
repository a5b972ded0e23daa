"""A mail when a webhook begins to fail: to whom, what it says, and that there is no second one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from local.emulator import ROOT
from mail.handler import MailRefused, lambda_handler
from mail.message import compose
from tests.integration.api_client import Api
from tests.integration.conftest import Aws, Clock
from tests.integration.pipeline import Pipeline, failures
from tests.integration.test_telemetry import write_lines_too, written
from webhooks import operational_events
from webhooks.clients import client
from webhooks.models import Webhook
from webhooks.notifications import MAILED_EVERY, MAILS_PER_DAY, Notifications, notification_table
from webhooks.times import parse_time, rfc3339

SENDER, OPS = "webhooks@example.com", "ops@customer.example"
URL = "https://localhost:1/hook"


@pytest.fixture(autouse=True)
def sender(aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", SENDER)
    client("sesv2").create_email_identity(EmailIdentity=SENDER)
    monkeypatch.setattr("webhooks.conflicts.time.sleep", lambda _: None)


@pytest.fixture
def account(api: Api, sender: None) -> Api:
    account = api.of_account("acme")
    assert account.call("PUT", "/v1/notifications", {"email": OPS}).status == 200
    return account


def mails() -> list[Any]:
    """All that SES was given."""
    backend: Any = get_backend("ses")[DEFAULT_ACCOUNT_ID]["us-east-1"]
    return list(backend.sent_messages)


def failing(aws: Aws, clock: Clock, webhook_id: str = "wh_1", **values: Any) -> dict[str, Any]:
    """What the bus says of a webhook that begins to fail now."""
    webhook = Pipeline(aws).webhook(
        URL,
        webhook_id,
        **{
            "name": "Order desk",
            "status": "failing",
            "failing_since": rfc3339(clock.at),
            "failing_reason": "answered 500, expected 200",
            "failing_code": "status",
            "failing_event_id": "evt_1",
            **values,
        },
    )
    return emitted(webhook)


def emitted(webhook: Webhook) -> dict[str, Any]:
    entries: list[Any] = []
    events = client("events")
    events.meta.events.register(
        "provide-client-params.events.PutEvents", lambda params, **_: entries.extend(params["Entries"])
    )
    operational_events.emit(events, "bus", "webhook.failing", webhook)
    (entry,) = entries[-1:]
    return {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}


def tell(event: dict[str, Any]) -> None:
    lambda_handler(event, None)


def test_all_attempts_failed_so_the_account_gets_a_mail(aws: Aws, clock: Clock, account: Api) -> None:
    """From the dead letter on, by what the dead-letters function emits."""
    pipeline = Pipeline(aws)
    pipeline.webhook(URL, name="Order desk")
    message = pipeline.message()
    pipeline.logged(message, status="retrying", attempts=failures(4))
    pipeline.process_dead_letters(message)
    ((name, detail),) = pipeline.operational_events()
    assert name == "webhook.failing"
    tell({"detail": detail})
    (mail,) = mails()
    assert (mail.source, mail.destinations) == (SENDER, {"ToAddresses": [OPS]})
    assert mail.subject == 'Your webhook "Order desk" is failing'
    assert "answered 500, expected 200" in mail.body
    assert "failed or are being retried: 1\n" in mail.body


def test_it_says_what_why_since_when_where_and_how_to_switch_it_off(aws: Aws, clock: Clock, account: Api) -> None:
    event = failing(aws, clock)
    tell(event)
    (mail,) = mails()
    for part in (
        '"Order desk"',
        "since 2026-05-29 10:30 UTC",
        "answered 500, expected 200 (status)",
        "https://webhooks.example.com/settings/webhooks#/wh_1",
        "new events are still sent",
        "account acme",
    ):
        assert part in mail.body
    method, url, body = re.findall(r"^(PUT) (\S+)\n(\{.*\})$", mail.body, re.MULTILINE)[0]
    assert account.call(method, url.removeprefix("https://webhooks.example.com"), json.loads(body)).status == 200
    clock.at += MAILED_EVERY
    tell(failing(aws, clock))
    assert len(mails()) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"failed_deliveries": 999}, "being retried: 999\n"),
        ({"failed_deliveries": 1000}, "being retried: 1000 or more\n"),
        ({"catch_up": False}, "are not resent automatically. Resend"),
        ({"catch_up": True}, "are then resent automatically."),
    ],
)
def test_it_says_how_much_failed_and_what_becomes_of_it(
    aws: Aws, clock: Clock, account: Api, values: dict[str, Any], said: str
) -> None:
    event = failing(aws, clock)
    tell({"detail": event["detail"] | values})
    assert said in mails()[0].body


def test_the_documented_mail_is_this_one() -> None:
    page = (ROOT / "docs" / "telling-customers.md").read_text()
    detail = json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])
    message = compose(detail, "https://webhooks.example.com")
    assert f"Subject: {message.subject}\n\n{message.text}" in page


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Desk\r\nBcc: victim@example.com", "Desk Bcc: victim@example.com"),
        ("a\u2028b\x00c\u0085d", "a b c d"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("Bestellungen für 数", "Bestellungen für 数"),
    ],
)
def test_a_name_stays_on_its_line(aws: Aws, clock: Clock, account: Api, name: str, shown: str) -> None:
    tell(failing(aws, clock, name=name))
    (mail,) = mails()
    assert mail.subject == f'Your webhook "{shown}" is failing'
    assert mail.body.splitlines()[0].startswith(f'Your webhook "{shown}" has been failing since')


def test_an_event_that_is_repeated_makes_no_second_mail(aws: Aws, clock: Clock, account: Api) -> None:
    """The bus repeats it at once; deliver when the webhook works again, days later as well."""
    event = failing(aws, clock)
    for later in (timedelta(0), timedelta(seconds=1), timedelta(hours=1), MAILED_EVERY, timedelta(days=3)):
        clock.at += later
        tell(event)
    assert len(mails()) == 1


def test_one_mail_a_day_and_webhook(aws: Aws, clock: Clock, account: Api) -> None:
    tell(failing(aws, clock))
    clock.at += MAILED_EVERY - timedelta(seconds=1)
    tell(failing(aws, clock))
    assert len(mails()) == 1
    tell(failing(aws, clock, "wh_2"))
    assert len(mails()) == 2
    clock.at += timedelta(seconds=1)
    tell(failing(aws, clock))
    assert len(mails()) == 3


@pytest.mark.long
def test_twenty_mails_a_day_and_account(aws: Aws, clock: Clock, account: Api) -> None:
    for number in range(MAILS_PER_DAY + 1):
        tell(failing(aws, clock, f"wh_{number}"))
    assert len(mails()) == MAILS_PER_DAY == 20
    other = Api().of_account("other")
    other.call("PUT", "/v1/notifications", {"email": "a@other.example"})
    tell(emitted(replace(Pipeline(aws).stored("wh_0"), account_id="other")))
    assert mails()[-1].destinations == {"ToAddresses": ["a@other.example"]}
    clock.at += timedelta(days=1)
    tell(failing(aws, clock))
    assert len(mails()) == MAILS_PER_DAY + 2


@pytest.mark.parametrize("body", [{"email": OPS, "enabled": False}, {"email": None}, {"email": None, "enabled": False}])
def test_switched_off_no_mail_is_sent(aws: Aws, clock: Clock, account: Api, body: dict[str, Any]) -> None:
    account.call("PUT", "/v1/notifications", body)
    tell(failing(aws, clock))
    assert mails() == []
    account.call("PUT", "/v1/notifications", {"email": OPS})
    tell(failing(aws, clock))
    assert len(mails()) == 1, "nothing was reserved meanwhile"


def test_an_account_that_has_set_nothing_gets_none(aws: Aws, clock: Clock) -> None:
    tell(failing(aws, clock))
    assert mails() == []


def answering(status: int, code: str) -> Callable[..., Any]:
    """SES's answer, with the address in its words as in real ones."""
    error = {"Error": {"Code": code, "Message": f"no {OPS}"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return lambda **_: (AWSResponse("", status, HTTPHeaders(), None), error)


def raising(error: Exception) -> Callable[..., Any]:
    def hook(**_: Any) -> None:
        raise error

    return hook


REFUSED = {
    "throttled": (answering(429, "TooManyRequestsException"), "TooManyRequestsException"),
    "not verified": (answering(400, "MessageRejected"), "MessageRejected"),
    "not allowed": (answering(403, "AccessDeniedException"), "AccessDeniedException"),
    "not reached": (raising(ConnectTimeoutError(endpoint_url="ses")), "ConnectTimeoutError"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_ses_refused_is_sent_when_lambda_tries_again(
    aws: Aws,
    clock: Clock,
    account: Api,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: str,
) -> None:
    write_lines_too(monkeypatch)
    hook, code = REFUSED[case]
    event = failing(aws, clock)
    events = client("sesv2").meta.events
    events.register("before-call.sesv2.SendEmail", hook)
    try:
        with pytest.raises(MailRefused) as raised:
            tell(event)
    finally:
        events.unregister("before-call.sesv2.SendEmail", hook)
    assert str(raised.value) == code
    lines = written(capsys)
    assert [(line["level"], line["message"], line["webhook_id"], line["code"]) for line in lines] == [
        ("ERROR", "mail.refused", "wh_1", code)
    ]
    tell(event)
    assert len(mails()) == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("hook", "code"),
    [
        (answering(500, "InternalFailure"), "InternalFailure"),
        (raising(ReadTimeoutError(endpoint_url="ses")), "ReadTimeoutError"),
    ],
)
def test_what_may_have_been_sent_is_not_sent_again(
    aws: Aws,
    clock: Clock,
    account: Api,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hook: Callable[..., Any],
    code: str,
) -> None:
    write_lines_too(monkeypatch)
    asked: list[Any] = []
    events = client("sesv2").meta.events
    events.register("before-call.sesv2.SendEmail", hook)
    events.register_first("before-call.sesv2.SendEmail", lambda **_: asked.append(1))
    event = failing(aws, clock)
    try:
        tell(event)
        tell(event)
    finally:
        events.unregister("before-call.sesv2.SendEmail", hook)
    assert len(asked) == 1
    lines = [(line["message"], line.get("code", line.get("why"))) for line in written(capsys)]
    assert lines == [("mail.unanswered", code), ("mail.skipped", "limit")]


def test_the_client_asks_ses_once(aws: Aws) -> None:
    """Other calls are repeated by the SDK."""
    assert client("sesv2").meta.config.retries["total_max_attempts"] == 1
    assert client("sesv2").meta.config.connect_timeout == 1


def test_no_line_has_the_address_or_the_name(
    aws: Aws, clock: Clock, account: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines_too(monkeypatch)
    tell(failing(aws, clock))
    tell(failing(aws, clock))
    monkeypatch.setenv("MAIL_FROM", "nobody@unverified.example")
    with pytest.raises(MailRefused, match=r"^MessageRejected$"):
        tell(failing(aws, clock, "wh_2"))
    shown = capsys.readouterr().out
    assert shown.count("webhook_id") == 3
    for private in (OPS, "Order desk", "nobody@"):
        assert private not in shown


def test_a_mail_is_reserved_by_one_of_two(aws: Aws, clock: Clock) -> None:
    assert notification_table().reserve("acme", "wh_1")
    assert not notification_table().reserve("acme", "wh_1")
    notification_table().release("acme", "wh_1")
    assert notification_table().reserve("acme", "wh_1")


def test_what_was_sent_is_stored_for_a_day_or_two(aws: Aws, clock: Clock) -> None:
    notification_table().reserve("acme", "wh_1")
    stored = aws.dynamodb.scan(TableName=aws.config_table)["Items"]
    ends = [parse_time("2026-05-30T00:00:00Z") if "mails" in item else clock.at + MAILED_EVERY for item in stored]
    assert sorted("mails" in item for item in stored) == [False, True]
    for item, end in zip(stored, ends, strict=True):
        assert 0 <= int(item["expires_at"]["N"]) - end.timestamp() < timedelta(days=2).total_seconds()


def test_where_mails_go_is_forgotten_of_one_account(aws: Aws) -> None:
    set_up = Notifications(OPS, enabled=False)
    for account_id in ("acme", "other"):
        notification_table().save(account_id, set_up)
    notification_table().forget("acme")
    assert [notification_table().read(each) for each in ("acme", "other")] == [Notifications(), set_up]
