"""`python -m tests.model.repeating 5 20` prints a line for each history of a seed: what it has written, as a hash."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from importlib import import_module

from tests.model.test_invariants import Histories, run


class Shown(Histories):
    def count(self) -> None:
        written = [(write.table, write.key, write.item) for write in self.simulation.cloud.history]
        history = json.dumps(written, sort_keys=True).encode()
        sys.stdout.write(f"{len(written)} writes, {hashlib.sha256(history).hexdigest()}\n")


if __name__ == "__main__":
    logging.disable()
    runs, steps, *modules = sys.argv[1:]
    for module in modules:  # as if other tests had been run before
        import_module(module)
    run(int(runs), int(steps), seeded=0, machine=Shown)
