"""What the stage scripts share: flags, one thread, and a sentence instead of a traceback for a user's mistake."""

import argparse
import contextlib
import ctypes
import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import envs
from smiling import devices, stopping
from smiling.settings import UserError, first_line

# Parameters of glibc's mallopt(3).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEPT_BYTES = 1 << 30

FILE_PROBLEMS = {
    errno.ENOENT: "there is no such file; make it first, or mend the path",
    errno.ENOSPC: "the disk is full; free some space and give the same command again",
    errno.EDQUOT: "your quota of the disk is used up; free some space and give the same command again",
    errno.EFBIG: "larger than a file may become here; choose another output folder, or raise the limit (ulimit -f)",
    errno.EIO: "the disk does not read or write; see to it, and give the same command again",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.EISDIR: "a folder is where a file is needed; choose another path",
    errno.EACCES: "permission denied; make the output folder writable or choose another",
    errno.EPERM: "permission denied; make the output folder writable or choose another",
    errno.ENOTDIR: "a file is where a folder is needed; choose another output folder",
    errno.EEXIST: "a file is where a folder is needed; choose another output folder",
    errno.EROFS: "the file system is read-only; choose another output folder",
}

# How PyTorch says it: on a CPU, for a size beyond its integers (a TypeError, or not), on a GPU.
OUT_OF_MEMORY = ("can't allocate memory", "overflow", "out of memory")


def parser(description: str | None, writes: bool = True) -> argparse.ArgumentParser:
    """A parser with the flags of every stage; --out if it writes files."""
    flags = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    flags.add_argument(
        "--scale", default="quick", help="a file of workflow/config/scales, without .yaml (default: quick)"
    )
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="assignments",
        help="override a setting; may be repeated",
    )
    if writes:
        flags.add_argument(
            "--out", type=Path, required=True, help="folder to write into (a figure: path without suffix)"
        )
    return flags


def run(main: Callable[[], None]) -> NoReturn:
    """Run a script's `main`, then exit: 0, 1 after a user's mistake or where disk or memory fail, 128 + n by a signal.

    130 is Ctrl-C's. What is kept then, a script that listens to signals says (`stopping`).
    """
    try:
        main()
    except (UserError, envs.TaskError) as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in FILE_PROBLEMS:
            raise
        _fail(f"{error.filename or 'writing'}: {FILE_PROBLEMS[error.errno]}")
    except (MemoryError, RuntimeError, TypeError) as error:
        if not (isinstance(error, MemoryError) or any(words in str(error).lower() for words in OUT_OF_MEMORY)):
            raise
        _fail(f"not enough memory ({first_line(error)}); make networks, batches or replay smaller")
    except stopping.Stopped as error:
        _fail(str(error), error.code)
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on from the last checkpoint", code=130)
    sys.exit(0)


def _fail(sentence: str, code: int = 1) -> NoReturn:
    print(f"error: {' '.join(sentence.splitlines())}", file=sys.stderr, flush=True)
    sys.exit(code)


def settle_process(matrix_products: str = "float32", device: str = "cpu") -> None:
    """Make this process good at small tensor work, and find it its device.

    Matrix products on a GPU are of `matrix_products`, float32 or tf32.

    One thread: two in one small job are slower than one, and jobs run side by side. Denormals flushed to zero. Freed
    memory kept for the next tensor instead of given back: with two jobs on two cores, returning and faulting in the
    same pages again took half of the time.

    Raises:
        UserError: if there is no such device.
    """
    import torch

    devices.settle(device)
    torch.set_float32_matmul_precision({"float32": "highest", "tf32": "high"}[matrix_products])
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with contextlib.suppress(OSError, AttributeError):  # not glibc: its allocator has its own ways
        mallopt = ctypes.CDLL(None).mallopt
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            mallopt(option, KEPT_BYTES)
        mallopt(M_TOP_PAD, KEPT_BYTES // 16)
