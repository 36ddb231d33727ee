"""Whether a method keeps what the suite counts on: the rows of the table in docs/add-a-method.md, each a function."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smiling.settings import UserError, first_line


@dataclass(frozen=True)
class Outcome:
    """What came of one row of the table; `passes` is None where it does not concern the method."""

    row: str
    passes: bool | None
    detail: str = ""


def examined(row: str, problem: Callable[..., str | None], *arguments: Any) -> Outcome:
    """It passes if `problem(*arguments)` finds none; what it raises is the method's fault."""
    try:
        found = problem(*arguments)
    except Exception as error:  # whatever somebody's method stumbles over
        found = told(error)
    return Outcome(row, not found, found or "")


def told(error: Exception) -> str:
    """An error in a line: a user's sentence, or what was raised and by which line."""
    if isinstance(error, UserError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {first_line(error)} ({Path(last.filename).name}, line {last.lineno})"
