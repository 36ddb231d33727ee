"""Files that appear whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smiling.settings import UserError

PARTIAL_PREFIX = ".part-"  # of files being written: what a killed process leaves behind is known by it
SUFFIXES = (".png", ".pdf", ".svg", ".webm", ".csv", ".json", ".md", ".html", ".tex")  # of what is drawn and written


def named(out: Path, suffix: str) -> Path:
    """The file that a script's --out, a path without suffix, means with `suffix`: of figure.v1, figure.v1.png.

    Raises:
        UserError: if `out` has no name.
    """
    if not out.name or out.name == "..":
        raise UserError(f"--out {out} names no file: write a path without suffix, for example {out / 'figure'}")
    return out.with_name((out.stem if out.suffix in SUFFIXES else out.name) + suffix)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL_PREFIX, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write `text` whole."""
    with whole(path) as temporary:
        temporary.write_text(text)


def write_json(path: Path, value: Any) -> None:
    """Write `value` whole as indented JSON."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def remove_partial(folder: Path) -> None:
    """Remove what a process killed in the middle of writing left in `folder`."""
    for leftover in folder.glob(f"{PARTIAL_PREFIX}*"):
        leftover.unlink(missing_ok=True)
