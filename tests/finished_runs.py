"""Finished runs as the suite leaves them, with curves of our choice: what is drawn from them can be recomputed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from smiling import methods
from smiling.experiment import ExperimentSettings, in_full, load_experiment
from smiling.runs.provenance import file_digest
from smiling.stages import code_of_run

EXPERT, RANDOM = 900.0, 100.0
DIGEST = "0123456789abcdef"  # of demonstrations that nobody reads


def experiment(*assignments: str) -> ExperimentSettings:
    """At smoke scale."""
    return load_experiment("smoke", assignments)


def flags(*assignments: str) -> list[str]:
    """The same as a script's arguments."""
    return [part for text in assignments for part in ("--set", text)]


def write_returns(
    results: Path, settings: ExperimentSettings, task: str, folder: str = "demonstrations", **more: Any
) -> None:
    """A demonstrations folder's returns.json."""
    record = {
        "task": task,
        "expert_return": EXPERT,
        "random_return": RANDOM,
        "random_episodes": [RANDOM] * settings.expert.evaluation_episodes,
        "demonstrations": [EXPERT - 20, EXPERT + 20],
        "digest": DIGEST,
        "settings": in_full(settings.settings_of_expert(task)),
    }
    place = results / task / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / "returns.json").write_text(json.dumps(record | more))


def write_run(
    results: Path,
    settings: ExperimentSettings,
    task: str,
    method: str,
    seed: int,
    returns: Sequence[float],
    demos: str = "states",
    says: Mapping[str, Any] | None = None,
) -> Path:
    """A run's curve, evaluated at equal distances (of a method that takes no steps: every 1000), and its record.

    `says` is what the record says instead.
    """
    steps = settings.env_steps(method, task)
    every = steps // (len(returns) - 1) if methods.load(method).takes_steps else 1000
    folder = results / task / demos / method / f"seed{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    curve = pd.DataFrame({"env_step": [every * row for row in range(len(returns))], "return": returns})
    curve.to_csv(folder / "curve.csv", index=False)
    record = {
        "task": task,
        "method": method,
        "demos_kind": demos,
        "seed": seed,
        "settings": in_full(settings.settings_of_run(method, task)),
        "demonstrations": DIGEST,
        "curve": file_digest(folder / "curve.csv"),
        "code": code_of_run(settings, method, task),
        "bits": {"alike": "every x86-64 with AVX2"},
        "wall_seconds": 60.0,
        "steps_per_second": 50.0,
        "provenance": made_by(),
    }
    (folder / "run.json").write_text(json.dumps(record | dict(says or {})))
    return folder


def made_by(commit: str = "c0ffee", torch: str = "2.13.0", processor: str = "a processor") -> dict[str, Any]:
    """Provenance as run.json has it."""
    return {
        "command": "python imitate.py",
        "git": {"commit": commit, "modified": False},
        "python": "3.11.7",
        "versions": {"torch": torch},
        "hardware": {"machine": "x86_64", "processor": processor, "cores": 2},
    }
