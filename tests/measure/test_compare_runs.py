"""compare_runs.py: its p-value counted by hand, and a folder without runs."""

import subprocess
import sys

import pandas as pd
import pytest
from commands import ROOT, assert_refused
from compare_runs import compare, read, scores


def write(folder, values):
    for seed, value in enumerate(values):
        (folder / f"seed{seed}").mkdir(parents=True)
        curve = pd.DataFrame({"env_step": [0, 1000, 2000, 3000, 4000], "return": [0, 0, 0, 0, value]})
        curve.to_csv(folder / f"seed{seed}" / "curve.csv", index=False)


def test_p_value_is_the_share_of_divisions_as_uneven(tmp_path):
    write(tmp_path / "a", [1, 2, 3])
    write(tmp_path / "b", [10, 11, 12])
    told = compare(scores(*read(tmp_path / "a"), 4000), scores(*read(tmp_path / "b"), 4000)).set_index("return over")
    assert told.loc["last quarter", ["first", "second"]].tolist() == [2, 11]
    assert told.loc["all", "first"] == pytest.approx(2 / 5)
    assert told["p"].tolist() == pytest.approx([2 / 20, 2 / 20])  # of 20 divisions into threes, this one and its mirror


def test_steps_beyond_those_of_both_do_not_count(tmp_path):
    write(tmp_path / "a", [7])
    assert scores(*read(tmp_path / "a"), 3000).loc[0].tolist() == [0, 0]


def test_folder_without_runs_is_refused(tmp_path):
    call = [sys.executable, str(ROOT / "src" / "measure" / "compare_runs.py"), str(tmp_path), str(tmp_path)]
    assert_refused(subprocess.run(call, capture_output=True, text=True), "has no folder with a curve.csv")
