"""The snippets that customers copy are run as they stand in the README and on the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.emulator import ROOT
from webhooks import signing

README = (ROOT / "README.md").read_text()
PAGE = ROOT / "functions" / "api" / "portal" / "snippets.js"
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
VERDICTS = [genuine for *_, genuine in CASES]
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
	verdicts := []bool{}
	for _, c := range given.Cases {
		verdicts = append(verdicts, isFromAisoule(given.Secret, []byte(c[0]), c[1]))
	}
	shown, _ := json.Marshal(verdicts)
	fmt.Println(string(shown))
}
"""

pytestmark = pytest.mark.parametrize("place", ["readme", "page"])


def snippet(place: str, language: str) -> str:
    if place == "page":
        return page()[NAMES[language]]
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


@cache
def page() -> dict[str, str]:
    program = f"{PAGE.read_text()}\nconsole.log(JSON.stringify(SNIPPETS))"
    shown = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    snippets: dict[str, str] = json.loads(shown.stdout)
    return snippets


def verdicts(*command: str | Path) -> list[bool]:
    """What a program says of the cases, which it reads as JSON."""
    if command[0] != "node" and shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here: the README asks a machine for Python and Node alone, which always run")
    given = json.dumps({"secret": SECRET, "cases": [[body, signature] for body, signature, _ in CASES]})
    shown = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=120)
    said: list[bool] = json.loads(shown.stdout)
    return said


def test_python(place: str) -> None:
    names: dict[str, Any] = {}
    exec(snippet(place, "python"), names)
    assert [names["is_from_aisoule"](SECRET, body.encode(), signature) for body, signature, _ in CASES] == VERDICTS


def test_node(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.js"
    program.write_text(
        snippet(place, "js")
        + 'const given = JSON.parse(require("node:fs").readFileSync(0));\n'
        + "console.log(JSON.stringify(given.cases.map(([b, s]) => isFromAisoule(given.secret, b, s))));\n"
    )
    assert verdicts("node", program) == VERDICTS


def test_php(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.php"
    program.write_text(
        "<?php\ndeclare(strict_types=1);\n"
        + snippet(place, "php")
        + "$given = json_decode(file_get_contents('php://stdin'));\n"
        + "echo json_encode(array_map(fn($c) => is_from_aisoule($given->secret, $c[0], $c[1]), $given->cases));\n"
    )
    assert verdicts("php", program) == VERDICTS


def test_ruby(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.rb"
    program.write_text(
        'require "json"\nrequire "openssl"\n'
        + snippet(place, "ruby")
        + "given = JSON.parse($stdin.read)\n"
        + 'puts given["cases"].map { |b, s| from_aisoule?(given["secret"], b, s) }.to_json\n'
    )
    assert verdicts("ruby", program) == VERDICTS


def test_go(place: str, tmp_path: Path) -> None:
    program = tmp_path / "verify.go"
    program.write_text(GO % re.sub(r"import \(.*?\)\n", "", snippet(place, "go"), flags=re.DOTALL))
    assert verdicts("go", "run", program) == VERDICTS
