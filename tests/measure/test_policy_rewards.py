"""Rewards by hand, episodes played again beside, and a file of policies that are known."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from commands import TASK, assert_refused, run_here, run_well
from policy_rewards import SHARES, fresh, in_deviations, learn, played

import envs
from smiling.experiment import load_experiment
from smiling.reward import LearnedReward
from smiling.runs.provenance import file_digest
from smiling.runs.seeding import derive
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.networks import Actor


class First(LearnedReward):
    """The first feature, ten times."""

    def pointwise(self, features):
        return 10 * features[:, 0]


@pytest.fixture
def actor(generator):
    return Actor(*envs.sizes(TASK), 8, 1, generator)


@pytest.fixture
def policy_file(tmp_path, actor):
    path = tmp_path / "policy.safetensors"
    write_policy(path, actor)
    return path


def test_rewards_are_from_the_mean_in_deviations_of_what_they_were_learnt_from():
    usual = torch.tensor([[1.0, 7.0], [3.0, 8.0], [5.0, 9.0]])  # mean 3, deviation 2
    states = {("better", 1.0): torch.tensor([[6.0, 0.0], [8.0, 0.0]]), ("worse", 0.5): torch.tensor([[2.0, 0.0]])}
    assert in_deviations(First(), states, usual) == pytest.approx({("better", 1.0): 2.0, ("worse", 0.5): -0.5})


def test_a_policy_plays_its_actions_made_smaller(actor):
    states, returned = played(TASK, actor, 1, share=0.5)
    env = envs.make(TASK)
    state, _ = env.reset(seed=derive(0, "policy rewards", 0))
    expected, visited, act = 0.0, [], actor.begin(1, actor.noise(0))
    for _ in range(envs.EPISODE_STEPS):
        visited.append(state)
        with torch.no_grad():
            state, reward, *_ = env.step(act(torch.from_numpy(state)[None])[0].numpy() / 2)
        expected += reward
    assert np.array_equal(states, visited)
    assert returned == expected
    assert not np.array_equal(states, played(TASK, actor, 1)[0])


def test_a_reward_is_learnt_from_demonstrations_and_the_learners_states(demonstrations_file, generator):
    """The discriminator's is larger on the demonstrations, which are normal, than on states that lie apart."""
    settings = load_experiment("smoke", [])
    apart = torch.randn(500, 8, generator=generator) + 2
    reward = fresh(settings, "dac", TASK, demonstrations_file, 0)
    learn(reward, apart, 0, "a test")
    found = in_deviations(reward, {("shown", 1.0): torch.randn(500, 8, generator=generator)}, apart)
    assert found["shown", 1.0] > 1


@pytest.mark.long
def test_a_row_for_each_method_policy_and_share(tmp_path, demonstrations_file, policy_file):
    out = tmp_path / "rewards"
    arguments = "--task", TASK, "--demonstrations", demonstrations_file, "--out", out
    policies = f"one={policy_file}", f"other={policy_file}"
    run_well("measure/policy_rewards.py", *arguments, "--policies", *policies, how=run_here)
    table = pd.read_csv(out.with_suffix(".csv"))
    assert len(table) == 2 * 2 * len(SHARES)
    one, other = (table[table["policy"] == name].drop(columns="policy").to_numpy() for name in ("one", "other"))
    assert json.loads(out.with_suffix(".json").read_text())["policies"] == dict.fromkeys(
        ("one", "other"), file_digest(policy_file)
    )
    assert (one[:, [0, 1, 2, 3]] == other[:, [0, 1, 2, 3]]).all()  # the same policy: the same returns


def test_what_cannot_be_measured_is_refused(tmp_path, demonstrations_file, policy_file):
    arguments = "--task", TASK, "--demonstrations", demonstrations_file, "--out", tmp_path / "rewards", "--policies"
    assert_refused(run_here("measure/policy_rewards.py", *arguments, f"one={tmp_path / 'none'}"), "no such file")
    done = run_here("measure/policy_rewards.py", *arguments, f"one={policy_file}", "--methods", "iq_learn")
    assert_refused(done, "iq_learn: it has no reward of single states")
    done = run_here("measure/policy_rewards.py", *arguments, str(policy_file))
    assert done.returncode == 2
    assert "is not NAME=PATH" in done.stderr
    assert not (tmp_path / "rewards.csv").exists()
