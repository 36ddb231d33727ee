"""docs/add-a-method.md followed literally."""

import pandas as pd
import pytest
from commands import check_methods, copy_tree, planned, snakemake, write_files_of

pytestmark = pytest.mark.slow


def test_method_added_by_the_tutorial_keeps_the_contract_and_is_drawn(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    written = write_files_of("add-a-method.md", tree)
    assert written == ["src/smiling/methods/witness.py", "workflow/rules/methods/witness.smk"]
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
