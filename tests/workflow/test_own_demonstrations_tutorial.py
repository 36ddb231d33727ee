"""docs/own-demonstrations.md followed literally, in a fresh copy of the tree."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands import ROOT, copy_tree, snakemake, write_files_of

from smiling.runs.demonstrations import read_demonstrations

PAGE = (ROOT / "docs" / "own-demonstrations.md").read_text()
FOLLOWED = PAGE.split("## From a policy to a data set and back")[1].split("An expert of the suite's")[0]


@pytest.mark.slow
def test_from_a_policy_to_a_data_set_and_back(tmp_path):
    for package in ("minari", "h5py"):
        pytest.importorskip(package, reason="the extra 'minari' is not installed")
    tree = copy_tree(tmp_path / "tree")
    assert write_files_of("own-demonstrations.md", tree) == ["my_policies.py"]
    commands = re.findall(r"^ {4}((?:python|snakemake) .*)$", FOLLOWED, re.MULTILINE)
    assert len(commands) == 5
    for command in commands[:4]:
        done = python(tree, *shlex.split(command)[1:])
        assert done.returncode == 0, done.stderr
    assert "mean return" in done.stdout
    few = read_demonstrations(tree / "few" / "demonstrations.npz", 8, 2)
    assert few.observations.shape == (50, 8)
    (example,) = re.findall(r"```python\n(import envs\n.*?)```", FOLLOWED, re.DOTALL)
    done = python(tree, "-c", example)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) >= 0
    drawn = snakemake(tree, *shlex.split(commands[4])[1:])
    assert drawn.returncode == 0, drawn.stdout + drawn.stderr
    returns = json.loads((tree / "results/swinging/ball_in_cup_catch/demonstrations/returns.json").read_text())
    assert (returns["lengths"], returns["subset"]["subsample"]) == ([1000, 1000], 20)
    table = pd.read_csv(tree / "figures" / "swinging" / "figure3.csv")
    assert table["mean"].to_numpy() == pytest.approx((table["return_mean"].to_numpy() - 50) / 850)


def python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in `tree`, on its code."""
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}"}
    call = [sys.executable, *arguments]
    return subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, timeout=900)


def test_the_page_says_which_methods_need_actions():
    from smiling import methods

    said = " ".join(PAGE.split()).split("Those that need actions (")[1].split(";")[0]
    needing = {methods.load(name).label for name in methods.bases() if methods.load(name).sees_actions}
    assert {name.strip().removeprefix("the ").lower() for name in said.split(",")} == {name.lower() for name in needing}
