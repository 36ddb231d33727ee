"""The table of runs: what is done, running, stopped and waiting."""

import json

import pandas as pd
import pytest
from commands import run_here, run_well
from filelock import FileLock
from finished_runs import flags

import status
from smiling.experiment import load_experiment

TASK = "ball_in_cup_catch"
SETTINGS = [f"only_tasks={TASK}", "methods=[smiling,dac]", "seeds=[0,1,2]"]


@pytest.fixture
def results(tmp_path):
    """Of smiling, seed 0 is done and seed 1 was stopped; of dac, seed 0 is held by a process."""
    folders = {(method, seed): tmp_path / TASK / "states" / method / f"seed{seed}" for method, seed in HALTED}
    for folder in folders.values():
        folder.mkdir(parents=True)
    pd.DataFrame({"env_step": [0, 3000], "return": [1.0, 432.1]}).to_csv(folders["smiling", 0] / "curve.csv")
    tried = [{"node": name, "job": job, "pid": 1} for name, job in (("node1", "17"), ("node2", "18"))]
    (folders["smiling", 0] / "run.json").write_text(json.dumps({"steps_per_second": 61.7, "attempts": tried}))
    progress = {"steps": 1000, "total": 3000, "return": 5.25, "seconds": 20.0}
    (folders["smiling", 1] / "progress.json").write_text(json.dumps(progress))
    (folders["smiling", 1] / ".lock").touch()
    (folders["smiling", 1] / "attempts.json").write_text(json.dumps([{"node": "node3", "job": None, "pid": 1}]))
    with FileLock(folders["dac", 0] / ".lock"):
        yield tmp_path


HALTED = (("smiling", 0), ("smiling", 1), ("dac", 0))


def test_each_run_is_in_its_state(results):
    rows, damaged = status.rows(results, load_experiment("smoke", SETTINGS))
    assert not damaged
    states = {(row[1], row[2], row[3]): row[4:] for row in rows}
    assert states["", "expert", "0"][0] == "waiting"
    assert states["states", "smiling", "0"] == ("done", "3000", "62", "432.1", "", "2", "node2 (job 18)")
    assert states["states", "smiling", "1"] == ("stopped", "1000 of 3000", "50", "5.2", "0 min 40 s", "1", "node3")
    assert states["states", "smiling", "2"][0] == "waiting"
    assert states["states", "dac", "0"][0] == "running"
    assert states["states", "dac", "1, 2"][0] == "waiting"
    assert states["state actions", "dac", "0, 1, 2"][0] == "waiting"


def test_it_is_printed_with_a_sum(results):
    printed = run_well("status.py", "--results", results, *flags(*SETTINGS), how=run_here)
    assert "1000 of 3000" in printed
    assert "1 done, 2 begun, 10 waiting" in printed


@pytest.mark.parametrize("record", [None, "{", "[]"])
def test_a_curve_whose_record_is_damaged_is_told_and_the_table_goes_on(results, record):
    path = results / TASK / "states" / "smiling" / "seed0" / "run.json"
    path.unlink() if record is None else path.write_text(record)
    printed = run_well("status.py", "--results", results, *flags(*SETTINGS), how=run_here)
    assert "damaged" in printed
    assert "0 done, 2 begun, 10 waiting" in printed
    assert f"note: {path} is" in printed
    assert "1000 of 3000" in printed
