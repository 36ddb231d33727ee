"""Distances and errors by hand; a run that is looked at is the run that is not."""

import pandas as pd
import pytest
import torch
from commands import TASK, assert_refused, run_here, run_well
from cost import Repetitions
from far_states import Watched, errors, nearest, visited

from smiling.experiment import load_experiment
from smiling.methods.smiling import Smiling, SmilingSettings
from smiling.score.cost import CostSettings
from smiling.score.model import ScoreModelSettings

SETTINGS = SmilingSettings(
    score_model=ScoreModelSettings(width=8, batch=64),
    cost=CostSettings(estimator="stein", samples=4),
    expert_epochs=1,
    states_per_update=200,
)


@pytest.fixture
def few(monkeypatch):
    """Few states and repetitions, so that what is looked at is measured badly, and fast."""
    monkeypatch.setattr("far_states.REPETITIONS", Repetitions(slow=2, fast=2, reference=2))
    monkeypatch.setattr("far_states.STATES", 4)


def test_distance_is_in_standard_deviations_of_what_models_are_fitted_to():
    fitted = torch.tensor([[0.0, 0.0], [0.0, 60.0], [6.0, 0.0], [6.0, 60.0]])
    one, ten = fitted.std(0)  # of which the second is ten times the first
    assert ten == pytest.approx(10 * one)
    moved = torch.stack([fitted[0] - 2 * torch.stack([one, ten]), fitted[3] + torch.stack([2 * one, 0 * ten])])
    assert nearest(moved, fitted).tolist() == pytest.approx([2.0, 2.0 / 2**0.5])
    assert nearest(fitted, fitted).max() == 0


def test_errors_are_squares_over_repetitions_and_what_states_share_is_apart():
    states, truth = torch.zeros(2, 3), torch.tensor([1.0, 2.0], dtype=torch.float64)
    costs = [lambda *_: torch.tensor([4.0, 3.0]), lambda *_: torch.tensor([0.0, 1.0])]  # errors (3, 1), then (-1, -1)
    squares, shared = errors(costs, states, truth, 2, torch.Generator())
    assert squares.tolist() == [5.0, 1.0]
    assert shared == pytest.approx(((2**2 + 1**2) / 2) ** 0.5)


@pytest.mark.usefixtures("few")
def test_a_reward_that_is_looked_at_is_the_reward_that_is_not(generator):
    states, rows, given = torch.randn(300, 5, generator=generator), [], []
    for build in (Smiling, lambda *of: Watched(rows, 50, *of)):
        reward, chance = build(states, SETTINGS, 0), torch.Generator().manual_seed(1)
        reward.prepare("a test")
        for _ in range(3):
            reward.update(lambda count, chance=chance: states[torch.randint(300, (count,), generator=chance)])
            given += [reward.pointwise(states), reward.pointwise(states[:50] + 1)]
    assert all(torch.equal(plain, looked_at) for plain, looked_at in zip(given[:6], given[6:], strict=True))
    assert [(row["update"], row["states"]) for row in rows] == [(1, "replay"), (1, "new"), (2, "replay"), (2, "new")]
    assert [row["distance"] == 0 for row in rows] == [True, False, True, False]


@pytest.mark.long
@pytest.mark.usefixtures("few")
def test_a_run_leaves_a_row_for_each_kind_of_states(demonstrations_file):
    settings = load_experiment("smoke", [f"tasks.{TASK}.env_steps=3000", "training.reward_for=replay"])
    table = visited(settings, TASK, demonstrations_file)
    assert table[["update", "states"]].to_numpy().tolist() == [[1, "replay"], [1, "new"]]
    assert (table[["stein", "grid", "spread"]] > 0).all(axis=None)


def test_demonstrations_without_a_task_are_refused(tmp_path, demonstrations_file):
    refused = run_here("measure/far_states.py", "--demonstrations", demonstrations_file, "--out", tmp_path / "far")
    assert_refused(refused, "--task")


def test_theirs_over_ours_is_of_whole_updates(tmp_path):
    run_well("measure/published_step.py", "--set", f"only_tasks={TASK}", "--out", tmp_path / "step", how=run_here)
    (row,) = pd.read_csv(tmp_path / "step.csv").to_dict("records")
    theirs, ours = row["their_sac"] + row["their_reward"], row["sac"] + row["reward"]
    assert row["theirs_over_ours"] == pytest.approx(theirs / ours)
    assert row["theirs_over_sac"] == pytest.approx(theirs / row["their_sac"])
    assert row["over_sac"] == pytest.approx(ours / row["sac"])
