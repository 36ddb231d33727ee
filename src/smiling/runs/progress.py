"""Progress of long work: a bar on a terminal, plain lines in a log."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 15.0


class Meter:
    """Steps done out of `total`, their rate, the time left, and a remark such as the latest return."""

    def __init__(self, name: str, total: int, done: int = 0, unit: str = "steps") -> None:
        self.name, self.total, self.unit = name, total, unit
        self._console = Console()
        self._start = self._last_line = time.monotonic()
        self._done_before = self._done = done
        self._remark = ""
        self._bar: Progress | None = None

    def __enter__(self) -> "Meter":
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[remark]}"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console)
            self._task = self._bar.add_task(self.name, total=self.total, completed=self._done, remark="")
            self._bar.start()
        elif self._done:
            self._say(f"[{self.name}] goes on from {self._done} of {self.total} {self.unit}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, done: int, remark: str | None = None) -> None:
        """Report that `done` steps are behind us."""
        self._done = done
        self._remark = self._remark if remark is None else remark
        if self._bar:
            self._bar.update(self._task, completed=done, remark=self._remark)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES or done >= self.total:
            self._last_line = time.monotonic()
            self._say(self.line())

    def line(self) -> str:
        """The state of things in a line."""
        seconds = time.monotonic() - self._start
        rate = (self._done - self._done_before) / seconds if seconds > 0 else 0.0
        left = duration((self.total - self._done) / rate) if rate > 0 else "unknown time"
        remark = f", {self._remark}" if self._remark else ""
        return f"[{self.name}] {self._done}/{self.total} {self.unit}, {rate:.0f}/s{remark}, {left} left"

    def _say(self, line: str) -> None:
        print(line, flush=True)


def duration(seconds: float) -> str:
    """A span of time, to read."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
