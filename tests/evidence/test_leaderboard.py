"""The leaderboard: places against SciPy's Welch intervals, the shipped curves, what it says of a step's time."""

import json
import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from commands import ROOT, run_here
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from smiling.evidence import leaderboard

REFERENCE = ROOT / "results" / "reference" / "quick"


@settings(max_examples=40, deadline=None)
@given(methods=st.integers(1, 5), seed=st.integers(0, 1000), apart=st.floats(0, 3))
def test_places_are_those_that_welchs_intervals_leave(methods, seed, apart):
    """On one task: a method is above another where the interval of the difference, by SciPy, is above 0."""
    random = np.random.default_rng(seed)
    values = {str(place): [random.normal(apart * place, 1, 5)] for place in range(methods)}
    above = {
        (mine, other): stats.ttest_ind(values[mine][0], values[other][0], equal_var=False).confidence_interval().low > 0
        for mine, other in permutations(values, 2)
    }
    for name, (best, worst) in leaderboard.places(values).items():
        assert best == 1 + sum(above[other, name] for other in values if other != name)
        assert worst == methods - sum(above[name, other] for other in values if other != name)


def test_methods_that_are_far_apart_have_places_and_equal_ones_share_them():
    noise = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    values = {"first": [1 + noise], "second": [0.5 + noise], "like it": [0.5 - noise], "last": [noise]}
    assert leaderboard.places(values) == {"first": (1, 1), "second": (2, 3), "like it": (2, 3), "last": (4, 4)}
    alone = {"one": [np.array([1.0])], "two": [np.array([0.0])]}
    assert leaderboard.places(alone) == {"one": (1, 2), "two": (1, 2)}  # one seed: nothing is told apart


def test_seconds_of_a_step_are_one_seeds():
    together, alone = {"steps_per_second": 50.0, "seeds": [0, 1, 2, 3]}, {"steps_per_second": 50.0}
    assert leaderboard.step_seconds([together, alone]) == pytest.approx([1 / 200, 1 / 50])
    assert math.isnan(leaderboard.step_seconds([{"seeds": [0]}])[0])


def test_seconds_of_a_step_are_the_processors_where_every_record_tells_them():
    """Half of the wall time here, where the machine did as much else beside it."""
    told = {"steps_per_second": 50.0, "wall_seconds": 80.0, "processor_seconds": 40.0}
    assert leaderboard.step_seconds([told, told]) == pytest.approx([1 / 100, 1 / 100])
    assert leaderboard.step_seconds([told, {"steps_per_second": 50.0}]) == pytest.approx([1 / 50, 1 / 50])


def test_leaderboard_of_the_shipped_curves(tmp_path):
    tasks = json.loads((REFERENCE / "figure3.json").read_text())["settings"]["tasks"]  # of the steps that were run
    asked = ("--scale", "quick", "--set", f"tasks={json.dumps(tasks)}")
    arguments = (*asked, "--results", REFERENCE, "--out", tmp_path / "leaderboard")
    done = run_here("write_leaderboard.py", *arguments)
    assert done.returncode == 0, done.stderr
    board = pd.read_csv(tmp_path / "leaderboard.csv")
    assert set(board["task"]) == {leaderboard.OVER_TASKS, "ball_in_cup_catch", "cheetah_run"}
    for _, rows in board.groupby("task"):
        assert rows["final_mean"].is_monotonic_decreasing
        assert (rows["best_place"] <= rows["worst_place"]).all()
    row = board[(board["task"] == "cheetah_run") & (board["method"] == "dac")].iloc[0]
    seeds = np.array([float(value) for value in row["seeds"].split(", ")])
    assert row["final_mean"] == pytest.approx(seeds.mean(), abs=0.01)
    assert row["final_mean_lower"] == pytest.approx(seeds.mean() - stats.t.ppf(0.975, 4) * stats.sem(seeds), abs=0.02)
    sees = board.set_index("method")["sees"]
    assert set(sees["bc"]) == {"states, actions"}
    assert set(sees["smiling"]) == {"states"}
    assert board.loc[board["method"] == "bc", "step_time"].isna().all()  # it takes no steps
    assert board.loc[board["method"] == "dac", "step_time"].between(0.1, 10).all()
    for suffix in ("md", "html", "tex", "json"):
        assert (tmp_path / f"leaderboard.{suffix}").stat().st_size > 0
