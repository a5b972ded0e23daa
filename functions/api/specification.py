"""Prints the specification, as docs/openapi.json keeps it: `make openapi`."""

from __future__ import annotations

import json
import sys

from api.documentation import specification
from api.routes import API

EXAMPLE_URL = "https://webhooks.example.com"


def main() -> None:
    json.dump(json.loads(specification(API, EXAMPLE_URL)), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
