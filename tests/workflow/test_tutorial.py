"""docs/add-a-method.md followed literally."""

import re
from textwrap import dedent

import pandas as pd
import pytest
from commands import ROOT, check_methods, copy_tree, planned, snakemake

pytestmark = pytest.mark.slow


def test_method_added_by_the_tutorial_keeps_the_contract_and_is_drawn(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    tutorial = (ROOT / "docs" / "add-a-method.md").read_text()
    files = re.findall(r"Write this as `([^`]+)`:\n\n +```python\n(.*?)\n +```", tutorial, re.DOTALL)
    assert [name for name, _ in files] == ["src/smiling/methods/witness.py", "workflow/rules/methods/witness.smk"]
    for name, text in files:
        (tree / name).write_text(dedent(text) + "\n")
    done, said = check_methods(tree, "witness")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILS" not in said["witness"]
    assert said["witness"].count("passes") == 17
    drawn = snakemake(
        tree,
        *("--cores", "2", "figure3"),
        *("--config", "scale=smoke", "only_tasks=ball_in_cup_catch", "seeds=0", "methods=bc,witness"),
    )
    output = drawn.stdout + drawn.stderr
    assert drawn.returncode == 0, output
    assert planned(output)["witness"] == 1
    assert set(pd.read_csv(tree / "figures" / "smoke" / "figure3.csv")["method"]) == {"bc", "witness"}
