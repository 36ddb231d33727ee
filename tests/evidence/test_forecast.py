"""The sentence before a long target: what it makes, and about how long that takes."""

import pandas as pd
import pytest
from finished_runs import experiment
from hypothesis import given
from hypothesis import strategies as st

from smiling.evidence import forecast
from smiling.experiment import load_experiment

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


# Many nodes


def test_plan_by_hand():
    """Two tasks: an expert of 2 hours and runs of 3 and 1 behind it, one of 4 and a run of 5."""
    found = forecast.Plan({"a": 2.0, "b": 4.0}, {"a": [3.0, 1.0], "b": [5.0]})
    assert found.hours() == found.hours_on(1) == 15
    assert found.longest_chain() == found.hours_on(64) == 9
    # The first's runs begin at 2 and 5 where its expert was; the second's, the longest, when its expert ends at 4.
    assert found.hours_on(2) == 9
    assert forecast.Plan({}, {}).hours_on(4) == 0


@given(
    st.lists(st.tuples(st.floats(0.1, 9), st.lists(st.floats(0.1, 9), max_size=5)), min_size=1, max_size=5),
    st.integers(1, 8),
)
def test_no_schedule_beats_its_bounds_nor_leaves_nodes_idle(tasks, nodes):
    """Graham's bound: a list schedule takes at most the work by nodes and the chain."""
    plan = forecast.Plan(
        {str(n): hours for n, (hours, _) in enumerate(tasks)}, {str(n): r for n, (_, r) in enumerate(tasks)}
    )
    found = plan.hours_on(nodes)
    slack = 1 + 1e-9
    assert max(plan.hours() / nodes, plan.longest_chain()) <= found * slack
    assert found <= (plan.hours() / nodes + plan.longest_chain() * (1 - 1 / nodes)) * slack


def test_seeds_together_are_one_job():
    settings = load_experiment(
        "quick", ["seeds=[0,1,2]", "seeds_together=2", "methods=[smiling,bc]", "only_tasks=[cheetah_run]"]
    )
    rows = [
        ("cheetah_run", "expert", 1, 2.0, 2.0),
        ("cheetah_run", "smiling", 3, 1.5, 4.5),
        ("cheetah_run", "x", 1, None, None),
    ]
    table = pd.DataFrame(rows, columns=["task", "learner", "runs", "hours a run", "hours"])
    assert forecast.plan(settings, table) == forecast.Plan({"cheetah_run": 2.0}, {"cheetah_run": [3.0, 1.5]})


def test_a_papers_job_that_was_not_measured_is_left_out_and_the_rest_is_planned():
    """On GPUs by what comes with the suite: the experts and 90 runs that take steps; BC takes none."""
    settings = load_experiment("paper", ["training.device=cuda", "training.one_piece=true"])
    table = forecast.forecast(settings, forecast.measurements(forecast.REFERENCE / "gpu.csv", settings), "figure3")
    found = forecast.plan(settings, table)
    assert (len(found.experts), sum(map(len, found.runs.values()))) == (6, 3 * 6 * 5)
    dreamer = table[(table["task"] == "humanoid_sit") & (table["learner"] == "expert")]
    assert float(dreamer["hours a run"].iloc[0]) == pytest.approx(2.8, rel=0.02)  # docs/dreamer.md
    assert found.longest_chain() <= found.hours_on(64) <= found.hours_on(16) <= found.hours_on(4) <= found.hours()
