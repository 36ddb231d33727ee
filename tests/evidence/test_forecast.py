"""The sentence before a long target: what it makes, and about how long that takes."""

import pandas as pd
import pytest
from finished_runs import experiment

from smiling.evidence import forecast

TASK = "ball_in_cup_catch"
JOBS = [("expert", TASK, 1), ("smiling", TASK, 2), ("bc", TASK, 2)]
SETTINGS = experiment(f"only_tasks=[{TASK}]", f"tasks.{TASK}.env_steps=600000", f"tasks.{TASK}.expert_steps=300000")


@pytest.fixture
def measured(tmp_path):
    """10 ms for a step of the expert, 20 of smiling; simulation and actions cost nothing."""
    columns = ("scale", "task", "learner", "seeds", "step", "environment", "action")
    rows = [("smoke", TASK, "expert", 1, 10.0, 0, 0), ("smoke", TASK, "smiling", 1, 20.0, 0, 0)]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "steps.csv", index=False)
    return tmp_path / "steps.csv"


def test_jobs_are_counted_and_timed(measured):
    told = forecast.announcement(SETTINGS, JOBS, 2, [measured])
    # An expert of 3e5 steps of 10 ms, two runs of 6e5 steps of 20 ms, on two cores; BC takes no steps.
    assert told.startswith(
        f"scale 'smoke': 1 expert and 4 runs to make beyond what is there, about {27000 / 60 / 2:.0f}"
    )
    assert "minutes on 2 cores (not counted: bc)" in told
    assert "only_tasks=TASK" in told


def test_without_measurements_no_time_is_told(tmp_path, measured):
    (tmp_path / "damaged.csv").write_text("{}")
    for nothing in ([], [tmp_path / "none.csv"], [tmp_path / "damaged.csv"]):
        assert "about" not in forecast.announcement(SETTINGS, JOBS, 2, nothing)
    assert "about 225 minutes" in forecast.announcement(SETTINGS, JOBS, 2, [tmp_path / "none.csv", measured])


def test_one_is_singular(measured):
    told = forecast.announcement(experiment(), [("smiling", TASK, 1)], 1, [measured])
    assert told.startswith("scale 'smoke': 1 run to make beyond what is there, about 1 minute on 1 core;")
