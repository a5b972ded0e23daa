"""What the documents point at is there."""

from __future__ import annotations

import ast
import json
import re
import socket
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, UnknownProtocol
from pathlib import Path

import pytest

from deliver.failures import _BEFORE_THE_REQUEST, _CERTIFICATE, WAITING, explain, timed_out
from local.emulator import ROOT
from tests.e2e import why_not_arrived
from tests.template import default_template
from webhooks.deliveries import ErrorCode
from webhooks.errors import Ipv6Only
from webhooks.telemetry import ATTEMPTED

DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "bench/results.md")
    for path in ROOT.glob(pattern)
)


def anchors(document: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / document).read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_error_code_is_explained() -> None:
    assert why_not_arrived.codes() == list(ErrorCode.__args__)  # type: ignore[attr-defined]


def test_the_policy_for_who_publishes_allows_our_source_alone() -> None:
    page = (ROOT / "docs" / "publishing.md").read_text()
    (policy,) = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "Effect" in found]
    rules = [r["Properties"] for r in default_template()["Resources"].values() if r["Type"] == "AWS::Events::Rule"]
    (source,) = {source for rule in rules for source in rule.get("EventPattern", {}).get("source", [])}
    assert policy["Condition"] == {"StringEquals": {"events:source": source}}


def failures() -> Iterator[str]:
    """The words of each failure that an attempt may have, without what varies."""
    steps = (*_BEFORE_THE_REQUEST, WAITING)
    yield from (str(timed_out(step)).removeprefix("no answer within 5 s ") for step in _BEFORE_THE_REQUEST)
    yield str(timed_out())
    for error in (
        socket.gaierror(socket.EAI_AGAIN, ""),
        socket.gaierror(socket.EAI_NONAME, ""),
        ConnectionRefusedError(),
        BadStatusLine("SMTP"),
        UnknownProtocol("HTTP/3"),
        HTTPException(),
    ):
        yield str(explain(error, steps[0]))
    yield str(explain(ConnectionResetError(), "")).strip()
    yield str(explain(OSError(), "")).strip()
    yield from _CERTIFICATE.values()
    yield from ("certificate not accepted", "TLS failed")
    yield "the endpoint does not speak TLS at this port"
    yield f"the host {Ipv6Only()}"


def test_every_error_is_explained_in_the_words_of_the_log() -> None:
    page = (ROOT / "docs" / "why-not-arrived.md").read_text()
    assert [words for words in failures() if words not in page] == []


ROOTS = (ROOT, ROOT / "layers/webhooks/python", ROOT / "functions/api")


def test_the_map_of_the_code_is_true() -> None:
    """Whatever stands there with a slash in it is a file or a folder."""
    named = re.findall(r"`([\w./*-]+/[\w.*-]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(named) > 20
    assert [path for path in named if not any((root / path).exists() for root in ROOTS)] == []


def test_the_walks_pass_functions_that_exist() -> None:
    named = set(re.findall(r"`([\w./]+\.py):([\w.]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    assert len(named) > 25
    assert sorted(f"{file}:{name}" for file, name in named if name not in defined_in(file)) == []


def defined_in(file: str) -> set[str]:
    """Functions, classes and methods, the latter as `Class.method`."""
    (path,) = [root / file for root in ROOTS if (root / file).exists()]
    kinds = (ast.FunctionDef, ast.ClassDef)
    outer = [node for node in ast.parse(path.read_text()).body if isinstance(node, kinds)]
    methods = {
        f"{a.name}.{b.name}" for a in outer for b in a.body if isinstance(a, ast.ClassDef) and isinstance(b, kinds)
    }
    return {node.name for node in outer} | methods


LINE = r"[a-z_]+\.[a-z_]+"
LOGGING = ("info", "warning", "error", "exception", "log_delivery", "count_done")


def logged() -> set[str]:
    """The messages of all lines that the functions log: what they pass, as it stands there, to what logs."""
    found = {ATTEMPTED}
    for path in (*ROOT.glob("functions/**/*.py"), *ROOT.glob("layers/webhooks/**/*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        logs = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) in LOGGING]
        given = [argument.value for call in logs for argument in call.args if isinstance(argument, ast.Constant)]
        found |= {text for text in map(str, given) if re.fullmatch(LINE, text)}
    return found


@pytest.mark.long
def test_every_line_that_is_logged_is_in_the_table() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("| function | lines |\n")[2].partition("\n\n")[0]
    assert len(logged()) > 20
    assert set(re.findall(f"`({LINE})`", table)) == logged()
