"""Code of a user's own: modules that may lie where the command was given, what is in them, and what they raise."""

import os
import sys
import sysconfig
import traceback
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

# What is caught where a user's code is called: `sys.exit()` is no way to end a command of the suite's. Ctrl-C, and what
# a script is told to stop by, pass.
FAILURES = (Exception, SystemExit)

HERE = Path(__file__).parent
SUITE = HERE, HERE.parent / "src" / "smiling"
LIBRARIES = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class Unusable(Exception):
    """A module of a user's that cannot be had, or has not what was named, in words."""


def module(name: str) -> ModuleType:
    """The module of that name, looked for in the working folder too.

    Raises:
        Unusable: if there is none, its code fails, or another of its name comes before the working folder's.
    """
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # for good: it may import others of its folder later
    _check_first(name.partition(".")[0], here)
    try:
        return import_module(name)
    except FAILURES as error:
        is_missing = isinstance(error, ModuleNotFoundError) and error.name in _parents(name)
        why = f"{words(error)}; it is looked for in {here} and on PYTHONPATH" if is_missing else said(error)
        raise Unusable(f"module '{name}' cannot be imported: {why}") from error


def _check_first(name: str, here: str) -> None:
    """Refuse a module of the folder `here` where another would be imported in its place: a library's, the suite's."""
    meant = PathFinder.find_spec(name, [here])
    if meant is None or meant.origin is None:
        return
    found = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
    file = found and found.origin  # none: of a module that was made, not found
    if file and Path(file).resolve() != Path(meant.origin).resolve():
        raise Unusable(f"module '{name}' is {file} here, not {meant.origin}: give yours another name")


def _parents(module: str) -> list[str]:
    """'a.b.c' and the packages that it is in: 'a', 'a.b'."""
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def attribute(found: ModuleType, path: str) -> Any:
    """What a module has under a name, which may be one of dots: 'Class.method'.

    Raises:
        Unusable: if it has none.
    """
    try:
        return attrgetter(path)(found)
    except AttributeError:
        file = getattr(found, "__file__", None)
        where = f"; it is {file}" if file else ""
        raise Unusable(f"module '{found.__name__}' has no '{path}'{where}") from None


def said(error: BaseException) -> str:
    """What an error of somebody else's says, and where it was raised: in the user's own code, else in a library's."""
    place = _place(error)
    return f"{words(error)} ({place[0]}, line {place[1]})" if place else words(error)


def words(error: BaseException) -> str:
    """What an error of somebody else's says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no more is said'}"


def _place(error: BaseException) -> tuple[str, int | None] | None:
    """File and line; of a file that is no Python, its own; None, where all of it was the suite's."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    files = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    others = [frame for frame in files if not _is_in(frame.filename, SUITE)]
    users = [frame for frame in others if not _is_in(frame.filename, LIBRARIES)]
    last = [*others, *users][-1:]
    return (last[0].filename, last[0].lineno) if last else None


def _is_in(file: str, folders: tuple[Path, ...]) -> bool:
    return any(Path(file).is_relative_to(folder) for folder in folders)
