"""What several tests of examples need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import ca
from local.emulator import ROOT


@pytest.fixture
def pem(tmp_path: Path) -> tuple[str, str]:
    """As docs/local.md has it; and the authority's certificate. Whether that is trusted is the deployed stack's matter."""
    certificate, key = ca.create(tmp_path / "ca")
    pem = tmp_path / "receiver.pem"
    make = (ROOT / "docs" / "local.md").read_text().split("```python\n")[1].split("```")[0]
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({"ca_file": str(certificate), "ca_key_file": str(key)}))
    make = make.replace(".local/outputs.json", str(outputs)).replace(".local/receiver.pem", str(pem))
    exec(compile(make, "docs/local.md", "exec"), {})
    return str(pem), str(certificate)
