"""Errors of a model that predicts nothing, of one that learns too few states by heart, and a file for each task."""

import json
import shutil

import pandas as pd
import pytest
import torch
from commands import TASK, assert_refused, run_here, run_well
from expert_fit import error, errors_while_fitted

from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModel, ScoreModelSettings

SETTINGS = ScoreModelSettings(width=64, diffusion=DiffusionSettings(steps=500))


def test_a_model_that_predicts_no_noise_is_wrong_by_its_variance(generator):
    model = ScoreModel(3, SETTINGS, 0)
    torch.nn.init.zeros_(model.out.weight)
    torch.nn.init.zeros_(model.out.bias)
    states = torch.randn(2000, 3, generator=generator)
    assert error(model, states, (0.0, 1.0)) == pytest.approx(1, abs=0.02)  # 120 000 squares of mean 1, variance 2
    assert error(model, states, (0.0, 0.1)) == pytest.approx(1, abs=0.02)


def test_few_states_are_learnt_by_heart_and_the_held_out_tell_it(monkeypatch, generator):
    monkeypatch.setattr("expert_fit.LOOKED_AT", (1, 2000))
    few, others = torch.randn(2, 5, 4, generator=generator)
    begun, ended = errors_while_fitted(SETTINGS, few, others, 0).to_dict("records")
    assert (begun["passes"], ended["passes"]) == (1, 2000)
    assert ended["demonstrations, little noise"] < begun["demonstrations, little noise"]
    assert ended["held out, little noise"] > 2 * ended["demonstrations, little noise"]


def test_what_is_held_out_is_no_worse_where_it_is_what_is_shown(tmp_path, demonstrations_file):
    shutil.copy(demonstrations_file, tmp_path / "heldout.npz")
    run_well(
        "measure/expert_fit.py", "--task", TASK, "--demonstrations", tmp_path, "--out", tmp_path / "fit", how=run_here
    )
    table = pd.read_csv(tmp_path / "fit.csv")
    assert table["passes"].is_monotonic_increasing
    assert (table["held out"] == table["demonstrations"]).all()
    said = json.loads((tmp_path / "fit.json").read_text())
    assert said["held_out"] == said["demonstrations"]
    assert (table["demonstrations"] < table["demonstrations, little noise"]).all()  # noise is what little noise hides


def test_a_folder_without_held_out_trajectories_is_refused(tmp_path, demonstrations_file):
    arguments = "--task", TASK, "--demonstrations", demonstrations_file.parent, "--out", tmp_path / "fit"
    assert_refused(run_here("measure/expert_fit.py", *arguments), "heldout.npz")
