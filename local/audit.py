"""Asks which packages have known vulnerabilities: the deployed ones, and the tools, which run with AWS credentials.

The last part of `make check`. A vulnerability fails it. Packages that could not be audited are a warning at the very end;
with AUDIT_REQUIRED=1, as in CI, they fail it, too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.emulator import ROOT

REQUIREMENTS = [
    "layers/dependencies/requirements.txt",
    "requirements-dev.txt",
    "requirements-uv.txt",
    "requirements-emulator.txt",
    "requirements-release.txt",
]
NODE = ["package-lock.json", "tests/e2e/clients/package-lock.json"]
_PIP_AUDIT = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
_RULE = "!" * 100


@dataclass(frozen=True, slots=True)
class Audit:
    """Of the packages in one lock file: a line for each that is vulnerable, and how many are unknown for which reason."""

    file: str
    packages: int
    vulnerable: tuple[str, ...] = ()
    unaudited: int = 0
    reason: str = ""


def main() -> None:
    audits = [*audit_python(), *map(audit_node, NODE)]
    text, failed = report(audits, required=os.environ.get("AUDIT_REQUIRED") == "1")
    sys.stdout.write(text)
    sys.exit(failed)


def audit_python() -> list[Audit]:
    """Once the index knows no package of a file, it is not asked about the next."""
    audits: list[Audit] = []
    for file in REQUIREMENTS:
        if audits and audits[-1].unaudited == audits[-1].packages:
            audits.append(_unaudited(file, _pinned(file), "the index was not asked again"))
        else:
            done = _run([*_PIP_AUDIT, "--progress-spinner", "off", "-r", file])
            audits.append(read_pip_audit(file, done.stdout, done.stderr))
    return audits


def audit_node(file: str) -> Audit:
    packages = len(json.loads((ROOT / file).read_text())["packages"]) - 1  # the first is this project
    command = ["npm", "audit", "--json", "--prefix", str(ROOT / Path(file).parent)]
    return read_npm_audit(file, _run(command).stdout, packages)


def read_pip_audit(file: str, stdout: str, stderr: str) -> Audit:
    try:
        packages = json.loads(stdout)["dependencies"]
    except ValueError:
        return _unaudited(file, _pinned(file), " ".join(stderr.strip().splitlines()[-1:])[:100])
    vulnerable = tuple(
        f"{package['name']} {package['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none yet'}"
        for package in packages
        for found in package.get("vulns", [])
    )
    skipped = sum("skip_reason" in package for package in packages)
    return Audit(file, len(packages), vulnerable, skipped, "the index does not say" if skipped else "")


def read_npm_audit(file: str, stdout: str, packages: int) -> Audit:
    try:
        answer = json.loads(stdout)
        found = answer["vulnerabilities"]
    except (ValueError, KeyError):
        # Of "405 Method Not Allowed - POST https://…", what comes before the address.
        message = re.search(r'"message": "([^"]*?)( - [^"]*)?"', stdout)
        return _unaudited(file, packages, message.group(1)[:100] if message else "npm audit gave no answer")
    vulnerable = tuple(f"{name} {entry['range']}: {entry['severity']}" for name, entry in sorted(found.items()))
    return Audit(file, packages, vulnerable)


def report(audits: Sequence[Audit], *, required: bool) -> tuple[str, int]:
    """What to say, and the exit status."""
    lines = [f"VULNERABLE: {line} ({audit.file})" for audit in audits for line in audit.vulnerable]
    packages = sum(audit.packages for audit in audits)
    unaudited = sum(audit.unaudited for audit in audits)
    if not lines and unaudited < packages:
        lines.append(f"{packages - unaudited} packages audited, no known vulnerability.")
    failed = any(audit.vulnerable for audit in audits) or (required and unaudited > 0)
    if unaudited:
        lines += [_RULE, *_warning(audits, packages, unaudited, required=required), _RULE]
    return "".join(f"{line}\n" for line in lines), int(failed)


def _warning(audits: Sequence[Audit], packages: int, unaudited: int, *, required: bool) -> list[str]:
    kind = "ERROR" if required else "WARNING"
    return [
        f"{kind}: {unaudited} of {packages} packages were NOT checked for known vulnerabilities:",
        *(
            f"  {audit.file}: {audit.unaudited} of {audit.packages}, {audit.reason}"
            for audit in audits
            if audit.unaudited
        ),
        "AUDIT_REQUIRED=1 is set: this fails."
        if required
        else "Nobody has looked. Where the indexes can be asked, run `make check AUDIT_REQUIRED=1`, as CI does.",
    ]


def _unaudited(file: str, packages: int, reason: str) -> Audit:
    return Audit(file, packages, unaudited=packages, reason=reason or "no reason given")


def _pinned(file: str) -> int:
    return len(re.findall(r"^\S+==", (ROOT / file).read_text(), re.MULTILINE))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


if __name__ == "__main__":
    main()
