"""Folders of runs: one process at a time, checkpoints while they last, whole artefacts when they are done."""

import errno
import fcntl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from smiling.runs import checkpoint
from smiling.runs.artefacts import remove_partial, whole, write_json
from smiling.runs.provenance import file_digest, provenance
from smiling.settings import UserError

CHECKPOINT = "checkpoint.pt"
PARTIAL_CURVE = "partial_curve.csv"
PROGRESS = "progress.json"  # of the run's process, at its last evaluation: `steps` of `total`, `return`, `seconds`
LOCK = ".lock"
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what flock(2) says on a file system that has none
LOCK_SECONDS = 1.0  # longer than `is_held` holds a lock

Curve = list[dict[str, float]]  # a row for each evaluation


class RunFolder:
    """Where a run of a given identity (task, method, settings, code, ...) writes: a folder for each of its seeds.

    Seeds that are trained together share one checkpoint, in the folder of the first. The wall time of earlier attempts
    is carried along in it.
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
        self._locks = ExitStack()
        self._start = self._last_save = time.monotonic()
        self._seconds_before = 0.0

    def __enter__(self) -> "RunFolder":
        """Take the folders.

        Raises:
            UserError: if another process holds one of them.
        """
        with ExitStack() as locks:
            for path in self.folders.values():
                path.mkdir(parents=True, exist_ok=True)
                _take(path, locks)
                remove_partial(path)
            self._locks = locks.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._locks.close()

    def load(self) -> dict[str, Any] | None:
        """State of the last checkpoint, or None; UserError if it belongs to another run."""
        saved = checkpoint.load(self._checkpoint, self.identity)
        if saved is not None:
            self._seconds_before = saved.pop("seconds")
        return saved

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint."""
        checkpoint.save(self._checkpoint, self.identity, {**state, "seconds": self.seconds()})
        self._last_save = time.monotonic()

    def save_is_due(self) -> bool:
        """Whether the last checkpoint is older than the settings allow."""
        return time.monotonic() - self._last_save >= self._checkpoint_seconds

    def seconds(self) -> float:
        """Wall time of the run so far, all attempts together."""
        return self._seconds_before + time.monotonic() - self._start

    def write_partial_curves(self, curves: Sequence[Curve], total: int) -> None:
        """Let others look at unfinished curves, one for each seed, and see how far of `total` steps they are."""
        for path, curve in zip(self.folders.values(), curves, strict=True):
            _write_curve(path / PARTIAL_CURVE, curve)
            last = {"steps": curve[-1]["env_step"], "total": total, "return": curve[-1]["return"]}
            write_json(path / PROGRESS, {**last, "seconds": round(self.seconds(), 3)})

    def finish(self, curves: Sequence[Curve], policies: Sequence[Any], results: Sequence[dict[str, Any]]) -> None:
        """Write each seed's policy, curve and `run.json` (with its `results`), then remove what served to resume.

        Wall time and rate are those of the process; the rate is in environment steps of each seed.
        """
        seconds = self.seconds()
        made = {"wall_seconds": round(seconds, 3), "provenance": provenance()}
        for (seed, path), curve, policy, result in zip(self.folders.items(), curves, policies, results, strict=True):
            self._write_policy(path / "policy.safetensors", policy)
            _write_curve(path / "curve.csv", curve)
            rate = {"steps_per_second": round(curve[-1]["env_step"] / seconds, 3)}
            left = {"curve": file_digest(path / "curve.csv"), **result, **rate, **made}
            write_json(path / "run.json", {"seed": seed, **self.identity, **self._record, **left})
        for path in self.folders.values():
            for unfinished in (PARTIAL_CURVE, PROGRESS):
                (path / unfinished).unlink(missing_ok=True)
        self._checkpoint.unlink(missing_ok=True)


def _take(folder: Path, locks: ExitStack) -> None:
    """Lock `folder` until `locks` are closed; a note where the file system has no locks.

    Raises:
        UserError: if another process holds it.
    """
    try:
        locks.enter_context(FileLock(folder / LOCK, timeout=LOCK_SECONDS, fallback_to_soft=False))
    except Timeout:
        raise UserError(f"another process is working in {folder}; wait for it or stop it") from None
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        print(
            f"note: {folder} is on a file system without locks: see to it that no other process works there", flush=True
        )


def is_held(folder: Path) -> bool:
    """Whether a process on this machine is working in `folder`, which need not be writable; no if it has no locks."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES, *WITHOUT_LOCKS):
            raise
    return False


def _write_curve(path: Path, rows: Curve) -> None:
    with whole(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
