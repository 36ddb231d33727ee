"""A run's folder: one process at a time, checkpoints while it lasts, whole artefacts when it is done."""

import math
import time
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from smiling import checkpoint, policies
from smiling.artefacts import remove_partial, whole, write_json
from smiling.provenance import provenance
from smiling.settings import UserError

CHECKPOINT = "checkpoint.pt"
PARTIAL_CURVE = "partial_curve.csv"


class RunFolder:
    """Where a run with a given identity (task, method, seed, settings, code, ...) writes.

    The wall time of earlier attempts is carried along in the checkpoint.
    """

    def __init__(self, path: Path, identity: dict[str, Any], checkpoint_seconds: float) -> None:
        self.path, self.identity = path, identity
        self._checkpoint_seconds = checkpoint_seconds
        self._lock = FileLock(path / ".lock", timeout=0)
        self._start = self._last_save = time.monotonic()
        self._seconds_before = 0.0

    def __enter__(self) -> "RunFolder":
        """Take the folder.

        Raises:
            UserError: if another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise UserError(f"another process is working in {self.path}; wait for it or stop it") from None
        remove_partial(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def load(self) -> dict[str, Any] | None:
        """State of the last checkpoint, or None; UserError if it belongs to another run."""
        saved = checkpoint.load(self.path / CHECKPOINT, self.identity)
        if saved is not None:
            self._seconds_before = saved.pop("seconds")
        return saved

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint."""
        checkpoint.save(self.path / CHECKPOINT, self.identity, {**state, "seconds": self.seconds()})
        self._last_save = time.monotonic()

    def save_is_due(self) -> bool:
        """Whether the last checkpoint is older than the settings allow."""
        return time.monotonic() - self._last_save >= self._checkpoint_seconds

    def seconds(self) -> float:
        """Wall time of the run so far, all attempts together."""
        return self._seconds_before + time.monotonic() - self._start

    def write_partial_curve(self, rows: list[dict[str, float]]) -> None:
        """Let others look at an unfinished curve."""
        _write_curve(self.path / PARTIAL_CURVE, rows)

    def finish(self, rows: list[dict[str, float]], policy: Any, results: dict[str, Any]) -> None:
        """Write policy, curve and `run.json`, then remove what served only to resume."""
        policies.write(self.path / "policy.safetensors", policy)
        _write_curve(self.path / "curve.csv", rows)
        seconds = self.seconds()
        steps = rows[-1]["env_step"]
        timing = {"wall_seconds": round(seconds, 3), "steps_per_second": round(steps / seconds, 3)}
        write_json(self.path / "run.json", {**self.identity, **results, **timing, "provenance": provenance()})
        for name in (CHECKPOINT, PARTIAL_CURVE):
            (self.path / name).unlink(missing_ok=True)


def _write_curve(path: Path, rows: list[dict[str, float]]) -> None:
    with whole(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)


def check_finite(values: dict[str, float], step: int) -> None:
    """Stop a run that has diverged.

    Raises:
        UserError: naming the first quantity that is NaN or infinite.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise UserError(f"training diverged: {name} is {value} at step {step}; a smaller learning rate may help")
