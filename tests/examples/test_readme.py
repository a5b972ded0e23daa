"""The snippets that customers copy are run as they stand in the README and on the page."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.emulator import ROOT
from tests.examples import languages
from webhooks import signing

README = (ROOT / "README.md").read_text()
PAGE = ROOT / "functions" / "api" / "portal" / "verification.js"
NAMES = {"python": "Python", "js": "Node", "php": "PHP", "go": "Go", "ruby": "Ruby"}
BODY = '{"event":"message.incoming","data":{"text":"na\\u00efve"}}'
SECRET = signing.new_secret()
GOOD = signing.hex_signature(SECRET, BODY.encode())
CASES = [
    (BODY, GOOD, True),
    (BODY + " ", GOOD, False),
    (BODY, GOOD[:-2], False),
    (BODY, "", False),
    (BODY, "zz", False),
    (BODY, "é" + GOOD[1:], False),
]
EXPECTED = [genuine for *_, genuine in CASES]
GO = """package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

%s

func main() {
	var given struct {
		Secret string
		Cases  [][2]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	results := []bool{}
	for _, c := range given.Cases {
		results = append(results, isFromAisoule(given.Secret, []byte(c[0]), c[1]))
	}
	shown, _ := json.Marshal(results)
	fmt.Println(string(shown))
}
"""
GO_SURVIVING = """
func main() {
	var given []struct {
		Secret, Body string
		Headers      map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	verdicts := []bool{}
	for _, c := range given {
		headers := http.Header{}
		for name, value := range c.Headers {
			headers.Set(name, value)
		}
		verdicts = append(verdicts, isFromAisoule(c.Secret, []byte(c.Body), headers))
	}
	shown, _ := json.Marshal(verdicts)
	fmt.Println(string(shown))
}
"""

each_place = pytest.mark.parametrize("place", ["readme", "page"])


def snippet(place: str, language: str) -> str:
    if place == "page":
        return page("SNIPPETS")[NAMES[language]]
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


@cache
def page(table: str) -> dict[str, str]:
    # Of the module only its table: what it imports needs a browser.
    module = re.sub(r"^(import .*\n|export )", "", PAGE.read_text(), flags=re.MULTILINE)
    program = f"{module}\nconsole.log(JSON.stringify({table}))"
    shown = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    snippets: dict[str, str] = json.loads(shown.stdout)
    return snippets


def results(*command: str | Path, cases: Any = None) -> list[bool]:
    """What a program says of the cases, which it reads as JSON."""
    languages.need(str(command[0]))
    given = json.dumps(cases or {"secret": SECRET, "cases": [[body, signature] for body, signature, _ in CASES]})
    shown = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=120)
    said: list[bool] = json.loads(shown.stdout)
    return said


@each_place
def test_python(place: str) -> None:
    names: dict[str, Any] = {}
    exec(snippet(place, "python"), names)
    assert [names["is_from_aisoule"](SECRET, body.encode(), signature) for body, signature, _ in CASES] == EXPECTED


@each_place
def test_node(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.js"
    program.write_text(
        snippet(place, "js")
        + 'const given = JSON.parse(require("node:fs").readFileSync(0));\n'
        + "console.log(JSON.stringify(given.cases.map(([b, s]) => isFromAisoule(given.secret, b, s))));\n"
    )
    assert results("node", program) == EXPECTED


@each_place
def test_php(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.php"
    program.write_text(
        "<?php\ndeclare(strict_types=1);\n"
        + snippet(place, "php")
        + "$given = json_decode(file_get_contents('php://stdin'));\n"
        + "echo json_encode(array_map(fn($c) => is_from_aisoule($given->secret, $c[0], $c[1]), $given->cases));\n"
    )
    assert results("php", program) == EXPECTED


@each_place
def test_ruby(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.rb"
    program.write_text(
        'require "json"\nrequire "openssl"\n'
        + snippet(place, "ruby")
        + "given = JSON.parse($stdin.read)\n"
        + 'puts given["cases"].map { |b, s| from_aisoule?(given["secret"], b, s) }.to_json\n'
    )
    assert results("ruby", program) == EXPECTED


@each_place
def test_go(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.go"
    program.write_text(GO % re.sub(r"import \(.*?\)\n", "", snippet(place, "go"), flags=re.DOTALL))
    assert results("go", "run", program) == EXPECTED


class TestSurvivingARotation:
    """The page's code for `webhook-signature`, signed by the library for Standard Webhooks."""

    OLD, NEW = signing.new_secret(), signing.new_secret()

    def cases(self) -> list[tuple[str, dict[str, str], bool]]:
        """Secret, headers, verdict."""
        at = datetime.now(UTC)
        old, new = (Webhook(secret).sign("evt_1", at, BODY) for secret in (self.OLD, self.NEW))
        before = {"webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": old}
        overlap = before | {"webhook-signature": f"{new} {old}"}
        late = at - timedelta(seconds=330)
        return [
            (self.OLD, before, True),
            (self.OLD, overlap, True),
            (self.NEW, overlap, True),
            (self.OLD, before | {"webhook-signature": new}, False),
            (self.NEW, before, False),
            (self.OLD, before | {"webhook-id": "evt_2"}, False),
            (self.OLD, before | {"webhook-signature": ""}, False),
            (self.OLD, {name: value for name, value in before.items() if name != "webhook-signature"}, False),
            (
                self.OLD,
                before
                | {
                    "webhook-timestamp": str(int(late.timestamp())),
                    "webhook-signature": Webhook(self.OLD).sign("evt_1", late, BODY),
                },
                False,
            ),
        ]

    def run(self, *command: str | Path) -> None:
        cases = self.cases()
        given = [{"secret": secret, "body": BODY, "headers": headers} for secret, headers, _ in cases]
        assert results(*command, cases=given) == [genuine for *_, genuine in cases]

    def test_python(self) -> None:
        names: dict[str, Any] = {}
        exec(page("SURVIVING_SNIPPETS")["Python"], names)
        for secret, headers, genuine in self.cases():
            assert names["is_from_aisoule"](secret, BODY.encode(), headers) == genuine

    def test_node(self, tmp_path: Path) -> None:
        program = tmp_path / "verify.js"
        program.write_text(
            page("SURVIVING_SNIPPETS")["Node"]
            + 'const given = JSON.parse(require("node:fs").readFileSync(0));\n'
            + "console.log(JSON.stringify(given.map((c) => isFromAisoule(c.secret, Buffer.from(c.body), c.headers))));\n"
        )
        self.run("node", program)

    def test_php(self, tmp_path: Path) -> None:
        program = tmp_path / "verify.php"
        program.write_text(
            "<?php\ndeclare(strict_types=1);\n"
            + page("SURVIVING_SNIPPETS")["PHP"]
            + "$verdicts = [];\nforeach (json_decode(file_get_contents('php://stdin')) as $c) {\n    $_SERVER = [];\n"
            + "    foreach ($c->headers as $name => $value)\n"
            + "        $_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] = $value;\n"
            + "    $verdicts[] = is_from_aisoule($c->secret, $c->body);\n}\necho json_encode($verdicts);\n"
        )
        self.run("php", program)

    def test_ruby(self, tmp_path: Path) -> None:
        program = tmp_path / "verify.rb"
        program.write_text(
            'require "json"\n'
            + page("SURVIVING_SNIPPETS")["Ruby"]
            + "puts JSON.parse($stdin.read).map { |c| h = c['headers']; from_aisoule?(c['secret'], c['body'], "
            + "h['webhook-id'], h['webhook-timestamp'], h['webhook-signature'].to_s) }.to_json\n"
        )
        self.run("ruby", program)

    def test_go(self, tmp_path: Path) -> None:
        program = tmp_path / "verify.go"
        code = page("SURVIVING_SNIPPETS")["Go"].replace("import (", 'import (\n"encoding/json"\n"fmt"\n"os"', 1)
        program.write_text(f"package main\n\n{code}\n{GO_SURVIVING}")
        self.run("go", "run", program)
