"""Prints the specification, as docs/openapi.json keeps it: `make openapi`."""

from __future__ import annotations

import json
import sys

from api.handler import specification


def main() -> None:
    json.dump(json.loads(specification()), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
