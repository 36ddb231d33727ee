"""docs/own-task.md followed literally, in a fresh copy of the tree."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands import ROOT, copy_tree, planned, snakemake, write_files_of

PAGE = (ROOT / "docs" / "own-task.md").read_text()
OF_ONES_OWN = PAGE.split("## One that nobody has yet")[1].split("## What may be said")[0]


def commands(text: str) -> list[list[str]]:
    """The commands of a text's indented blocks."""
    return [shlex.split(line) for line in re.findall(r"^ {4}((?:snakemake|python) .*)$", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A tree with the files that the page has one write."""
    tree = copy_tree(tmp_path_factory.mktemp("own") / "tree")
    assert write_files_of("own-task.md", tree) == ["my_tasks.py", "workflow/config/scales/mine.yaml", "my_expert.py"]
    return tree


@pytest.mark.long
def test_the_first_command_is_planned(tree):
    (first,) = commands(PAGE.split("## One that nobody has yet")[0])
    plan = snakemake(tree, "-n", *first[1:])
    assert planned(plan.stdout + plan.stderr)["expert"] == 1, plan.stdout + plan.stderr


def test_the_library_knows_the_task():
    (example,) = re.findall(r"From Python:\n\n```python\n(.*?)```", PAGE, re.DOTALL)
    check = "assert env.reset(seed=1)[0].shape == (6,)"
    done = subprocess.run(
        [sys.executable, "-c", f"{example}\n{check}"], capture_output=True, text=True, env=_paths(ROOT)
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_everything_is_made_of_a_task_of_ones_own(tree):
    for program, *arguments in commands(OF_ONES_OWN):
        if program == "snakemake":
            done = snakemake(tree, *arguments)
        else:
            call = [sys.executable, *arguments]
            done = subprocess.run(call, cwd=tree, env=_paths(tree), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    figures = tree / "figures" / "mine"
    assert set(pd.read_csv(figures / "figure3.csv")["task"]) == {"hold", "pendulum"}
    claims = json.loads((figures / "claims" / "claims.json").read_text())
    assert all(said.startswith("does not apply") for said in claims["verdicts"])
    assert (figures / "figure1" / "hold_expert.webm").exists()
    assert (figures / "index.html").exists()
    assert (tree / "runs" / "seed0" / "curve.csv").exists()


def _paths(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}"}
