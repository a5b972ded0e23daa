"""The stack's template: what `cdk deploy` would make."""

from __future__ import annotations

import fcntl
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from local.emulator import ROOT

Template = dict[str, Any]
_KEPT = ROOT / ".local" / "templates"


def stack_artifact(**context: Any) -> Any:
    """The synthesised stack, without the dependency layer's wheels. Raises BadSetting."""
    import aws_cdk as cdk  # here, because CDK takes seconds to load

    from infra.app import build

    # CDK's own check starts for eleven seconds of CPU; `make check` makes it. cdk-nag checks here, too.
    app = cdk.App(context={"aws:cdk:bundling-stacks": [], **context}, builtin_cloud_formation_validation=False)
    stack = build(app)
    return app.synth().get_stack_by_name(stack.stack_name)


@cache
def default_template() -> Template:
    """Without any setting. Kept on disk until `infra` or CDK changes; only its hashes of the functions' code may be old."""
    kept = _KEPT / f"{_version()}.json"
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process makes it, and those beside it wait
        if not kept.exists():
            fresh = kept.with_suffix(".fresh")  # whole or not there, should this process be killed
            fresh.write_text(json.dumps(stack_artifact(**{"aws:cdk:enable-path-metadata": True}).template))
            fresh.replace(kept)
    template: Template = json.loads(kept.read_text())
    return template


def lane_limits() -> tuple[int, int]:
    """After how many receives SQS moves a lane's message to the dead-letter queue; for how many seconds each hides it."""
    found = [resource.get("Properties", {}) for resource in default_template()["Resources"].values()]
    lanes = [queue for queue in found if "RedrivePolicy" in queue]
    ((receives, hidden_seconds),) = {
        (int(lane["RedrivePolicy"]["maxReceiveCount"]), int(lane["VisibilityTimeout"])) for lane in lanes
    }
    return receives, hidden_seconds


def _version() -> str:
    sources = [*sorted((ROOT / "infra").glob("*.py")), ROOT / "cdk.json", ROOT / "requirements-dev.txt", Path(__file__)]
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
