"""Asks the package index which of the packages that are deployed have known vulnerabilities: a part of `make check`.

A vulnerability fails the check. An index that cannot be asked does not: that is said, and CI asks again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from local.emulator import ROOT

REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"
_COMMAND = ["-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]


def main() -> None:
    done = subprocess.run(
        [sys.executable, *_COMMAND, "-r", str(REQUIREMENTS)], capture_output=True, text=True, check=False, timeout=300
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:]
        sys.stdout.write(f"The packages could not be audited: {' '.join(last)[:200]}\n")
        return
    vulnerable, text = report(packages)
    sys.stdout.write(text)
    sys.exit(1 if vulnerable else 0)


def report(packages: list[Any]) -> tuple[int, str]:
    """How many have a known vulnerability, and what to say."""
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none yet'}"
        for package in packages
        for found in package.get("vulns", [])
    ]
    skipped = sum("skip_reason" in package for package in packages)
    if skipped:
        lines.append(f"{skipped} of {len(packages)} packages could not be audited: the index does not say.")
    vulnerable = sum(bool(package.get("vulns")) for package in packages)
    if not vulnerable and skipped < len(packages):
        lines.append(f"{len(packages) - skipped} packages audited, no known vulnerability.")
    return vulnerable, "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
