"""The languages of the examples and snippets. Python's and Node's always run; the others run where they are installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

REQUIRED = ("python", "node")
"""What the README asks a machine for: a test of theirs fails without them."""


def need(language: str) -> None:
    """Skips the test if an optional language is not installed."""
    if language not in REQUIRED and shutil.which(language) is None:
        pytest.skip(
            f"{language} is not installed, and README.md does not ask for it: only its own example is not tried here"
        )


def need_server(language: str) -> None:
    """Skips the test if an optional language is not installed, or lacks what its example serves HTTP with."""
    need(language)
    if language == "ruby" and subprocess.run(["ruby", "-rwebrick", "-e", ""], capture_output=True).returncode:
        pytest.skip(
            "this Ruby has no HTTP server, and README.md does not ask for one: `gem install webrick` to try its example"
        )
