"""The layers as they are deployed: how large they are zipped, and this machine's own copy for the cold starts."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

from bench.measure import write
from infra.wheels import FOR_LAMBDA, bundle
from local.emulator import ROOT


def zipped(directory: Path) -> int:
    """Bytes."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(directory.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, path.relative_to(directory))
        return file.tell()


if __name__ == "__main__":
    output, place = sys.argv[1], Path(sys.argv[2])
    bundle(place / "lambda" / "python", FOR_LAMBDA)
    bundle(place / "host" / "python", ["--python", sys.executable])
    sizes = {"dependencies": zipped(place / "lambda"), "webhooks": zipped(ROOT / "layers" / "webhooks")}
    packages = {
        entry.name: sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
        for entry in (place / "lambda" / "python").iterdir()
        if entry.is_dir()
    }
    write(output, {"bytes": sizes, "unzipped": packages})
