"""The commands that users give: scripts at a size at which they take seconds; Snakemake, in a copy of the tree."""

import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest import mock

import numpy as np

from smiling import bits
from smiling.settings import UserError

ROOT = Path(__file__).resolve().parents[1]
TASK = "ball_in_cup_catch"
SETTINGS = ["--scale", "smoke", "--set", "training.checkpoint_seconds=0"]


def command(script: str, *arguments: object) -> list[str]:
    """Command line of a stage script at smoke scale, a checkpoint after every episode."""
    return [sys.executable, str(ROOT / "src" / script), *SETTINGS, *(str(argument) for argument in arguments)]


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a stage to its end, whatever that is."""
    return subprocess.run(command(script, *arguments), capture_output=True, text=True, timeout=300)


def run_here(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in this process, for stages that train nothing: most of their time is spent on starting Python.

    It is not started anew under pins, and memory and threads stay as they are.
    """
    printed, complained, code = io.StringIO(), io.StringIO(), 0
    line = command(script, *arguments)[1:]
    with (
        mock.patch.object(sys, "argv", line),
        mock.patch.dict(os.environ, {bits.RESTARTED: "1"}),
        mock.patch("smiling.command.settle_process"),
        redirect_stdout(printed),
        redirect_stderr(complained),
    ):
        try:
            runpy.run_path(line[0], run_name="__main__")
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(line, code, printed.getvalue(), complained.getvalue())


def run_well(script: str, *arguments: object, how: Callable[..., subprocess.CompletedProcess[str]] = run) -> str:
    """Run a stage that must succeed; what it printed."""
    done = how(script, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One sentence on stderr that contains `parts`, no traceback, a non-zero exit."""
    assert done.returncode not in (0, None)
    assert done.stderr.startswith("error: "), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def read_or_refused(read: Callable[[], Any]) -> Any:
    """What `read` gives, or None if it refuses in one sentence; anything else that it raises is a fault."""
    try:
        return read()
    except UserError as refused:
        sentence = str(refused)
    assert sentence
    assert len(sentence.splitlines()) == 1, sentence
    return None


def snakemake(
    tree: Path, *arguments: str, programs: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in `tree` with this interpreter's packages; jobs use `programs` instead, if there are such.

    They are handed on as functions of bash, which come before whatever the workflow puts on the path.
    """
    binaries = Path(sys.executable).parent
    path = f"{binaries}:{os.environ['PATH']}"
    instead = {
        f"BASH_FUNC_{program.name}%%": f'() {{ {shlex.quote(str(program))} "$@"; }}'
        for program in (programs.iterdir() if programs else ())
    }
    environment = {**os.environ, **instead, "PATH": path, "PYTHONPATH": f"{tree}:{tree / 'src'}", **variables}
    return subprocess.run(
        [str(binaries / "snakemake"), *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


def planned(output: str) -> dict[str, int]:
    """Rule names and job counts of a dry run's table."""
    table = output.split("Job stats:")[1].split("total")[0] if "Job stats:" in output else ""
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}


def copy_tree(destination: Path) -> Path:
    """A copy of the sources, so that nothing here touches the user's results."""
    ignored = shutil.ignore_patterns(".git", ".venv", ".snakemake", "results", "figures", "logs", "__pycache__", "docs")
    shutil.copytree(ROOT, destination, ignore=ignored)
    return destination


def write_files_of(page: str, tree: Path) -> list[str]:
    """Write into `tree` what a page of docs/ says to write; the files' names."""
    text = (ROOT / "docs" / page).read_text()
    files = re.findall(r"Write this as\s`([^`]+)`:\n\n *```\w+\n(.*?)\n *```", text, re.DOTALL)
    for name, content in files:
        (tree / name).write_text(dedent(content) + "\n")
    return [name for name, _ in files]


def write_zeros(file: Path, size: int) -> None:
    """Demonstrations of nine states of `size` numbers."""
    np.savez(file, observations=np.zeros((9, size)), rewards=np.zeros(9), episode_starts=np.array([0]))


def check_methods(tree, *names):
    """What check_method prints, in `tree`, by method."""
    call = [sys.executable, "src/check_method.py", "--method", ",".join(names)]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}"}
    done = subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, timeout=900)
    blocks = re.split(r"^(\w+), on .*\n", done.stdout, flags=re.MULTILINE)[1:]
    return done, dict(zip(blocks[::2], blocks[1::2], strict=True))
