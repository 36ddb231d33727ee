"""Policies to call: they act as in an evaluation, and a recurrent one begins anew with each episode."""

import sys

import numpy as np
import pytest
import torch

import smiling
from smiling.evaluation import policy_returns
from smiling.experiment import load_experiment
from smiling.settings import UserError
from smiling.solvers.callables import CallablePolicy, find_policy
from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.networks import Actor

TASK, SIZES = "ball_in_cup_catch", (8, 2)


@pytest.fixture
def states():
    return np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)


def test_sac_policy_gives_its_mean_actions(states, tmp_path):
    actor = Actor(*SIZES, 8, 2, torch.Generator().manual_seed(0))
    write_policy(tmp_path / "policy.safetensors", actor)
    policy = smiling.load_policy(tmp_path / "policy.safetensors")
    with torch.no_grad():
        expected = actor.mean_action(torch.from_numpy(states)).numpy()
    for state, action in zip(states, expected, strict=True):
        given = policy(state)
        assert given.shape == (2,)
        np.testing.assert_allclose(given, action, atol=1e-6)
    with pytest.raises(UserError, match=r"acts on \(8,\) numbers, not on \(3,\)"):
        policy(states[0, :3])
    drawn = smiling.load_policy(tmp_path / "policy.safetensors", sampled=True)
    assert np.abs(drawn(states[0]) - drawn(states[0])).max() > 1e-3


def test_recurrent_policy_begins_anew_with_each_episode(states, tmp_path):
    recurrent = Dreamer(*SIZES, load_experiment("smoke").dreamer, seed=0).policy
    write_policy(tmp_path / "policy.safetensors", recurrent)
    policy = smiling.load_policy(tmp_path / "policy.safetensors", seed=3)
    noise = recurrent.noise(3)
    for _ in range(2):
        policy.begin()
        act = recurrent.begin(1, noise)
        for state in states:
            with torch.no_grad():
                expected = act(torch.from_numpy(state)[None])[0].numpy().clip(-1, 1)
            np.testing.assert_allclose(policy(state), expected, atol=1e-6)
    held = smiling.load_policy(tmp_path / "policy.safetensors", seed=3)
    again = smiling.load_policy(tmp_path / "policy.safetensors", seed=3)
    for state in states:
        held(state), again(state)
    again.begin()
    assert not np.array_equal(held(states[0]), again(states[0]))


MODULE = """
import numpy as np


def centre(observation):
    return np.zeros(2)


def wrong(observation):
    return np.zeros(3)


def lost(observation):
    return np.array([0.0, np.nan])


def large(observation):
    return np.array([0.0, -5.0])


def broken(observation):
    return observation[99]


def interrupted(observation):
    raise KeyboardInterrupt


def ends(observation):
    raise SystemExit(0)


class EndsFirst:
    def begin(self):
        raise SystemExit

    __call__ = centre


ends_first = EndsFirst()


class Counting:
    begun, steps = 0, 0

    def begin(self):
        Counting.begun += 1
        self.step = 0

    def __call__(self, observation):
        self.step += 1
        Counting.steps = max(self.step, Counting.steps)
        observation[:] = 7  # of its own
        return np.array([1.0, -1.0])


counting = Counting()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "policies_of_mine.py").write_text(MODULE)
    yield "policies_of_mine"
    sys.modules.pop("policies_of_mine", None)


def test_function_of_ones_own_is_a_policy(module):
    policy = find_policy(f"{module}:centre", SIZES)
    assert policy.digest().startswith(f"{module}:centre ")
    assert policy.begin(1, None)(torch.ones(1, 8)).tolist() == [[0.0, 0.0]]
    returns = policy_returns(TASK, policy, 1, 0, None)
    assert returns.shape == (1,)


def test_object_with_memory_begins_each_episode(module):
    policy = find_policy(f"{module}:counting", SIZES)
    assert policy.digest().startswith(f"{module}:counting ")
    state = torch.ones(1, 8)
    assert policy.begin(1, None)(state).tolist() == [[1.0, -1.0]]
    assert state.tolist() == [[1.0] * 8]
    policy_returns(TASK, policy, 1, 0, None)
    counted = sys.modules[module].Counting
    assert (counted.begun, counted.steps) == (2, 1000)


def test_what_is_no_policy(module, tmp_path):
    (tmp_path / "broken_of_mine.py").write_text("1 / 0")
    (tmp_path / "ends_of_mine.py").write_text("import sys\nsys.exit(0)\n")
    for name, said in (
        (f"{module}:nothing", "has no 'nothing'"),
        (f"{module}:np.pi", "'np.pi' is no function"),
        (f"{module}:Counting", "'Counting' is a class; name an object of it, which is called"),
        ("nowhere_of_mine:act", "cannot be imported: ModuleNotFoundError: No module named 'nowhere_of_mine'; it is "),
        ("broken_of_mine:act", "cannot be imported: ZeroDivisionError: division by zero ("),
        ("ends_of_mine:act", f"cannot be imported: SystemExit: 0 ({tmp_path / 'ends_of_mine.py'}, line 2)"),
        ("nowhere.safetensors", "no such file"),
    ):
        with pytest.raises(UserError) as error:
            find_policy(name, SIZES)
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wrong", r"gives actions of shape \(3,\); this task's are \(2,\)"),
        ("lost", r"gives the action \[0.0, nan\]; actions are finite, and lie in \[-1, 1\]"),
        ("large", r"gives the action \[0.0, -5.0\]"),
        ("broken", r"IndexError: index 99 is out of bounds .*policies_of_mine.py, line 22\)"),
        ("ends", r"SystemExit: 0 \(.*policies_of_mine.py, line 30\)"),
        ("ends_first", r"ends_first: SystemExit: no more is said \(.*policies_of_mine.py, line 35\)"),
    ],
)
def test_what_is_no_action(name, said, module):
    policy = find_policy(f"{module}:{name}", SIZES)
    assert isinstance(policy, CallablePolicy)
    with pytest.raises(UserError, match=said):
        policy.begin(1, None)(torch.ones(1, 8))


def test_what_interrupts_a_policy_passes(module):
    """Ctrl-C, and what a script is told to stop by, are no failures of the user's code."""
    policy = find_policy(f"{module}:interrupted", SIZES)
    with pytest.raises(KeyboardInterrupt):
        policy.begin(1, None)(torch.ones(1, 8))
