"""One process at a time in a run's folder, on any of the machines that see it.

By flock(2), which NFS passes on. Where a file system has none (some mounts of Lustre and NFS) by a file of its own,
which its holder touches again and again: it holds until that has not happened for `LEASE_SECONDS`.
"""

import errno
import fcntl
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, LeaseCompromise, SoftFileLease, Timeout

from smiling.settings import UserError

LOCK = ".lock"
LEASE = ".lease"
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what flock(2) says on a file system that has none
LOCK_SECONDS = 1.0  # longer than `is_held` holds a lock
LEASE_SECONDS = 60.0


def take(folder: Path, locks: ExitStack) -> None:
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
        _lease(folder, locks)


def _lease(folder: Path, locks: ExitStack) -> None:
    """The same by a file that is kept fresh; what a killed process left on another machine is waited out."""
    file = folder / LEASE
    print(f"note: {folder} is on a file system without locks; {file} stands for one", flush=True)
    lease = SoftFileLease(file, lease_duration=LEASE_SECONDS, on_compromise=_lose)
    try:
        locks.enter_context(lease.acquire(timeout=1.5 * LEASE_SECONDS))
    except Timeout:
        raise UserError(
            f"another process is working in {folder}; wait for it or stop it, or remove {file} if there is none"
        ) from None


def _lose(_: LeaseCompromise) -> None:
    """This process was frozen, say, and another may have begun: it ends, as if told to stop."""
    os.kill(os.getpid(), signal.SIGTERM)


def is_held(folder: Path) -> bool:
    """Whether a process is working in `folder`, which need not be writable."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            return _is_leased(folder)
        if error.errno not in (errno.ENOENT, errno.EACCES):
            raise
    return False


def _is_leased(folder: Path) -> bool:
    try:
        return time.time() - (folder / LEASE).stat().st_mtime < LEASE_SECONDS
    except FileNotFoundError:
        return False
