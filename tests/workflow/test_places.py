"""The workflow wherever it is run, by whichever interpreter, on files of any name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TASK, copy_tree

pytestmark = pytest.mark.long

NASTY = "x;touch pwned;$(touch pwned) `touch pwned` {b} 'q\" & *"


def test_names_that_a_shell_would_act_on_are_names(tmp_path, demonstrations_file):
    """Demonstrations and folder of such names; from elsewhere, with no environment activated; an experiment 2024."""
    tree, out = copy_tree(tmp_path / "tree"), tmp_path / f"out {NASTY}"
    out.mkdir()
    demonstrations = out / f"{NASTY}.npz"
    demonstrations_file.rename(demonstrations)
    config = {
        "scale": "smoke",
        "experiment": 2024,
        "only_tasks": TASK,
        "methods": "bc",
        "seeds": 0,
        "tasks": {TASK: {"demonstrations": demonstrations.name}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    before = set(tree.rglob("*"))
    snakemake = [Path(sys.executable).with_name("snakemake"), "--snakefile", tree / "Snakefile", "--directory", out]
    done = subprocess.run(
        [*snakemake, "--cores", "1", "figure3", "--configfile", tmp_path / "config.json"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (out / "figures" / "2024" / "figure3.png").is_file()
    record = json.loads((out / "results" / "2024" / TASK / "states" / "bc" / "seed0" / "run.json").read_text())
    assert record["method"] == "bc"
    assert not list(tmp_path.rglob("pwned"))
    assert set(tree.rglob("*")) == before
