"""Folders of runs: one process at a time, checkpoints while they last, whole artefacts when they are done."""

import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from smiling.runs import checkpoint, locks
from smiling.runs.artefacts import remove_partial, whole, write_json
from smiling.runs.provenance import file_digest, provenance

CHECKPOINT = "checkpoint.pt"
PARTIAL_CURVE = "partial_curve.csv"
PROGRESS = "progress.json"  # of the run's process, at its last evaluation: `steps` of `total`, `return`, `seconds`
ATTEMPTS = "attempts.json"  # a list: the `node`, `pid`, batch `job` and beginning of each process so far
BATCH_JOB = ("SLURM_JOB_ID", "JOB_ID", "PBS_JOBID", "LSB_JOBID")  # where Slurm, Grid Engine, PBS and LSF say it

Curve = list[dict[str, float]]  # a row for each evaluation


class RunFolder:
    """Where a run of a given identity (task, method, settings, code, ...) writes: a folder for each of its seeds.

    Seeds that are trained together share one checkpoint, in the folder of the first. The time that earlier attempts
    took is carried along in it.
    """

    def __init__(
        self,
        folders: Mapping[int, Path],
        identity: dict[str, Any],
        checkpoint_seconds: float,
        write_policy: Callable[[Path, Any], None],
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """`record` is what run.json says further, or instead of the identity's: settings in full."""
        self.folders = dict(folders)
        self._record = dict(record or {})
        self._write_policy = write_policy
        self.identity = {**identity, "seeds": list(folders)}
        self._checkpoint = next(iter(folders.values())) / CHECKPOINT
        self._checkpoint_seconds = checkpoint_seconds
        self._held = ExitStack()
        self._attempts: list[dict[str, Any]] = []
        self._start = self._last_save = time.monotonic()
        self._processor_start = time.process_time()
        self._seconds_before = self._processor_seconds_before = 0.0

    def __enter__(self) -> "RunFolder":
        """Take the folders.

        Raises:
            UserError: if another process holds one of them.
        """
        with ExitStack() as held:
            for path in self.folders.values():
                path.mkdir(parents=True, exist_ok=True)
                locks.take(path, held)
                remove_partial(path)
            self._note_attempt()
            self._held = held.pop_all()
        return self

    def _note_attempt(self) -> None:
        """Let others see where this process works, and how many there were before."""
        self._attempts = [*attempts(next(iter(self.folders.values()))), this_attempt()]
        for path in self.folders.values():
            write_json(path / ATTEMPTS, self._attempts)

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def load(self) -> dict[str, Any] | None:
        """State of the last checkpoint, or None; UserError if it belongs to another run."""
        saved = checkpoint.load(self._checkpoint, self.identity)
        if saved is not None:
            self._seconds_before = saved.pop("seconds")
            self._processor_seconds_before = saved.pop("processor_seconds")
        return saved

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint."""
        spent = {"seconds": self.seconds(), "processor_seconds": self.processor_seconds()}
        checkpoint.save(self._checkpoint, self.identity, {**state, **spent})
        self._last_save = time.monotonic()

    def save_is_due(self) -> bool:
        """Whether the last checkpoint is older than the settings allow."""
        return time.monotonic() - self._last_save >= self._checkpoint_seconds

    def seconds(self) -> float:
        """Wall time of the run so far, all attempts together."""
        return self._seconds_before + time.monotonic() - self._start

    def processor_seconds(self) -> float:
        """The processor's time so far, of all threads and attempts: what else a machine does is not in it."""
        return self._processor_seconds_before + time.process_time() - self._processor_start

    def write_partial_curves(self, curves: Sequence[Curve], total: int) -> None:
        """Let others look at unfinished curves, one for each seed, and see how far of `total` steps they are."""
        for path, curve in zip(self.folders.values(), curves, strict=True):
            _write_curve(path / PARTIAL_CURVE, curve)
            last = {"steps": curve[-1]["env_step"], "total": total, "return": curve[-1]["return"]}
            write_json(path / PROGRESS, {**last, "seconds": round(self.seconds(), 3)})

    def finish(self, curves: Sequence[Curve], policies: Sequence[Any], results: Sequence[dict[str, Any]]) -> None:
        """Write each seed's policy, curve and `run.json` (with its `results`), then remove what served to resume.

        Times and rate are those of the process; the rate is in environment steps of each seed, of wall time.
        """
        seconds = self.seconds()
        spent = {"wall_seconds": round(seconds, 3), "processor_seconds": round(self.processor_seconds(), 3)}
        made = {**spent, "provenance": provenance()}
        for (seed, path), curve, policy, result in zip(self.folders.items(), curves, policies, results, strict=True):
            self._write_policy(path / "policy.safetensors", policy)
            _write_curve(path / "curve.csv", curve)
            rate = {"steps_per_second": round(curve[-1]["env_step"] / seconds, 3)}
            left = {"curve": file_digest(path / "curve.csv"), **result, **rate, **made, "attempts": self._attempts}
            write_json(path / "run.json", {"seed": seed, **self.identity, **self._record, **left})
        for path in self.folders.values():
            for unfinished in (PARTIAL_CURVE, PROGRESS, ATTEMPTS):
                (path / unfinished).unlink(missing_ok=True)
        self._checkpoint.unlink(missing_ok=True)


def attempts(folder: Path) -> list[dict[str, Any]]:
    """The processes that have worked in a folder of an unfinished run, the latest last."""
    try:
        found = json.loads((folder / ATTEMPTS).read_text())
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) else []


def this_attempt() -> dict[str, Any]:
    """Where this process works: the machine, and the batch system's number of the job if there is one."""
    job = next((os.environ[name] for name in BATCH_JOB if os.environ.get(name)), None)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    return {"node": socket.gethostname(), "pid": os.getpid(), "job": job, "began": began}


def _write_curve(path: Path, rows: Curve) -> None:
    with whole(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
