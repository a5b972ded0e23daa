"""The packages of the dependency layer, installed without Docker: for Lambda's platform, or for this host.

`python -m infra.wheels` fetches Lambda's, so that a later synth needs no network.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

REQUIREMENTS = Path("layers/dependencies/requirements.txt")
SERVICES_USED = {"dynamodb", "events", "sesv2", "sqs"}
"""Botocore ships the API descriptions of 400 services, 25 MB of JSON; the layer keeps these."""
FOR_LAMBDA = ["--python-platform", "aarch64-manylinux2014", "--python-version", "3.13", "--only-binary", ":all:"]


def sources() -> list[str]:
    """What decides what is installed, but for the platform."""
    return [REQUIREMENTS.read_text(), Path(__file__).read_text()]


def unpacked(python: Path, kept: Path) -> Path:
    """
    A directory in `kept` with the packages for this host's `python`, installed when first asked for. All functions of the
    local stage share it: a process that unpacks the layer for itself has to compile it, too.
    """
    version = (python.parent.parent / "pyvenv.cfg").read_text()
    there = kept.absolute() / hashlib.sha256("\0".join([*sources(), version]).encode()).hexdigest()[:16]
    if not there.exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept, ignore_cleanup_errors=True) as scratch:
            fresh = Path(scratch) / "packages"
            bundle(fresh, ["--python", str(python)])
            try:
                fresh.rename(there)
            except OSError:
                if not there.exists():  # or else somebody beside us was faster
                    raise
    return there


def bundle(target: Path, arguments: list[str]) -> None:
    """Installs the layer's packages without what no function uses. `arguments` tell uv for which Python and platform."""
    install(target, arguments)
    _prune(target)


def install(target: Path, arguments: list[str]) -> None:
    """Installs from uv's cache, which `make setup` fills; asks the registry only if something is missing there."""
    command = [".venv/bin/uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--link-mode", "copy"]
    command += ["--target", str(target), *arguments, "-r", str(REQUIREMENTS)]
    if subprocess.run([*command, "--offline"], capture_output=True, check=False).returncode:
        subprocess.run(command, check=True)


def _prune(target: Path) -> None:
    for data in (target / "botocore" / "data", target / "boto3" / "data", target / "boto3" / "examples"):
        for entry in data.iterdir():
            if entry.is_dir() and not (data.parent.name == "botocore" and entry.name in SERVICES_USED):
                shutil.rmtree(entry)
    for entry in [target / "bin", *target.glob("*/tests"), *target.rglob("__pycache__")]:
        shutil.rmtree(entry, ignore_errors=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        install(Path(scratch), FOR_LAMBDA)
