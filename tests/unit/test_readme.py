"""The snippets that customers copy are run as they stand in the README."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.emulator import ROOT
from webhooks import signing

README = (ROOT / "README.md").read_text()
BODY = '{"event":"message.incoming","data":{"text":"na\\u00efve"}}'
SECRET = signing.new_secret()
GOOD = signing.hex_signature(SECRET, BODY.encode())
CASES = [
    (BODY, GOOD, True),
    (BODY + " ", GOOD, False),
    (BODY, GOOD[:-2], False),
    (BODY, "", False),
    (BODY, "zz", False),
]


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize(("body", "signature", "genuine"), CASES)
def test_python(body: str, signature: str, genuine: bool) -> None:
    names: dict[str, Any] = {}
    exec(snippet("python"), names)
    assert names["is_from_aisoule"](SECRET, body.encode(), signature) is genuine


def test_node(tmp_path: Path) -> None:
    program = tmp_path / "verify.js"
    cases = json.dumps([[body, signature] for body, signature, _ in CASES])
    program.write_text(
        snippet("js")
        + f"console.log(JSON.stringify({cases}.map(([b, s]) => isFromAisoule({json.dumps(SECRET)}, b, s))))"
    )
    shown = subprocess.run(["node", program], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == [genuine for *_, genuine in CASES]
