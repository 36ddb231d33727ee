"""A script that is told to stop: by Ctrl-C, or by a cluster: SIGTERM before it kills, SIGUSR1 where it was asked to.

It ends where it is, by `Stopped`, but for what runs `with noted()`: that looks from time to time whether it `is_asked`
to stop, keeps what it has, and ends by `stop`. If it does not look within `GRACE_SECONDS` it is ended all the same.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
GRACE_SECONDS = 7.0  # for what is under way; Slurm kills after 30, container engines after 10
SIGNALLED = 128  # an exit code is that and the signal's number

_told: signal.Signals | None = None
_noting = False


class Stopped(BaseException):
    """The script was told to stop. No `Exception`: nothing on the way shall take it for a failure."""

    def __init__(self, kept: str) -> None:
        super().__init__(f"told to stop ({_told.name if _told else 'no signal'}): {kept}")
        self.code = SIGNALLED + (_told or 0)


def listen() -> None:
    """Heed the signals from here on, but for those that this process was started to ignore."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hear)
    signal.signal(signal.SIGALRM, _give_up)


def _hear(number: int, _: FrameType | None) -> None:
    global _told
    if _told is None:  # once is enough: a cluster tells every process, and each may pass it on
        _told = signal.Signals(number)
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        if not _noting:
            _give_up()


def _give_up(*_: object) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Stopped("the same command goes on from the last checkpoint, or begins anew where there is none")


@contextmanager
def noted() -> Iterator[None]:
    """Inside, to be told to stop is noted only."""
    yield from _as(True)


@contextmanager
def at_once() -> Iterator[None]:
    """Inside, within `noted`, it ends what is under way."""
    if is_asked():
        _give_up()
    yield from _as(False)


def _as(noting: bool) -> Iterator[None]:
    global _noting
    before, _noting = _noting, noting
    try:
        yield
    finally:
        _noting = before


def is_asked() -> bool:
    """Whether the script was told to stop."""
    return _told is not None


def take_time() -> None:
    """What is under way is not to be cut off any more: it keeps what there is."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def heed(save: Callable[[], None], where: str) -> None:
    """End here if the script was told to stop: `save` keeps what there is, `where` says how far that is.

    Raises:
        Stopped: if it was.
    """
    if is_asked():
        take_time()
        save()
        stop(f"saved after {where}")


def stop(kept: str) -> None:
    """End here; `kept` says what was.

    Raises:
        Stopped: always.
    """
    raise Stopped(f"{kept}; the same command goes on from there")
