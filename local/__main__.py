"""`python -m local up|down|demo`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local import stack
from local.client import ApiRefused, page_url
from local.emulator import EmulatorFailed
from local.stack import DIRECTORY, DeployFailed


def main() -> int:
    arguments = _arguments()
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):  # the emulator is no account of this machine's user
        os.environ.pop(name, None)
    try:
        if arguments.command == "up":
            _up(arguments.directory, arguments.retry_delays)
        elif arguments.command == "down":
            sys.stdout.write("Stopped.\n" if stack.down(arguments.directory) else "Nothing was running.\n")
        else:
            from local import demo

            return demo.main()
    except (EmulatorFailed, DeployFailed, ApiRefused) as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    except KeyboardInterrupt:
        stack.down(arguments.directory)
        sys.stderr.write("\nInterrupted; nothing is left running.\n")
        return 130
    return 0


def _up(directory: Path, delays: list[int]) -> None:
    outputs = stack.up(directory, retry_delays=delays, say=_say, usual_port=True)
    _say("up")
    sys.stdout.write(
        f"\n  API           {outputs.api_url}\n"
        f"  API explorer  {outputs.api_url}/docs\n"
        f"  the page      {page_url(outputs, 'acme')}\n"
        f"  everything    {directory / 'outputs.json'} (with the platform key)\n\n"
        "make down stops it.\n"
    )


def _say(step: str) -> None:
    sys.stdout.write(f"· {step}\n")
    sys.stdout.flush()


def _delays(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds with commas between, such as 10,60,300") from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description="The local stack.")
    parser.add_argument("command", choices=["up", "down", "demo"])
    parser.add_argument("--retry-delays", type=_delays, default=[10, 60, 300], metavar="10,60,300")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where its state is kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
