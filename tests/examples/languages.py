"""The languages of the examples and snippets. Python's and Node's always run; the others run where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

REQUIRED = ("python", "node")
"""What the README asks a machine for: a test of theirs fails without them."""


def need(language: str) -> None:
    """Skips the test if an optional language is not installed. ci.yml installs them: there, it fails."""
    if language not in REQUIRED and shutil.which(language) is None:
        assert "GITHUB_ACTIONS" not in os.environ, f"ci.yml installs {language} for this test"
        pytest.skip(
            f"{language} is not installed, and README.md does not ask for it: only its own example is not tried here"
        )


def need_server(language: str) -> None:
    """Skips the test if an optional language is not installed, or lacks what its example serves HTTP with."""
    need(language)
    if language == "ruby" and subprocess.run(["ruby", "-rwebrick", "-e", ""], capture_output=True).returncode:
        assert "GITHUB_ACTIONS" not in os.environ, "ci.yml installs Ruby's HTTP server for this test"
        pytest.skip(
            "this Ruby has no HTTP server, and README.md does not ask for one: `gem install webrick` to try its example"
        )
