"""Rewards with DreamerV3, which asks for them before their first update: whole runs, an episode in each task."""

import numpy as np
import pytest

from smiling import stages
from smiling.checks.watched import random_play
from smiling.evidence.curves import read_curve
from smiling.experiment import load_experiment
from smiling.runs.demonstrations import write_demonstrations
from smiling.settings import UserError
from smiling.solvers.policies import read_policy

pytestmark = pytest.mark.long

TASK = "humanoid_sit"
SMALL = [f"tasks.{TASK}.env_steps=2000", "expert.trajectories=1", "dreamer.first_update=200"]


def run(name, tmp_path):
    file = tmp_path / "demonstrations.npz"
    write_demonstrations(file, random_play(TASK, episodes=1))
    (folder,) = stages.imitate(load_experiment("smoke", SMALL), name, TASK, file, tmp_path / "runs", [0])
    return folder


@pytest.mark.parametrize("name", ["gmmil", "red", "drail", "difo"])
def test_rewards_train_dreamer(name, tmp_path):
    folder = run(name, tmp_path)
    assert read_curve(folder)["env_step"].tolist() == [0, 2000]
    policy = read_policy(folder / "policy.safetensors", (51, 19))
    assert all(np.isfinite(value.numpy()).all() for value in policy.state_dict().values())


@pytest.mark.parametrize("name", ["pwil", "adril"])
def test_those_of_sac_alone_are_refused(name, tmp_path):
    with pytest.raises(UserError, match="has the solver 'dreamer'; leave"):
        run(name, tmp_path)
