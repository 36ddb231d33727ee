"""PWIL's coupling against the authors' loop written out, and exact optimal transport by linear programming."""

import math
import sys
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist

import envs
from smiling.imitation import Imitation
from smiling.methods import pwil
from smiling.methods.pwil import PWIL, Coupling, PWILSettings
from smiling.runs.demonstrations import read_demonstrations
from smiling.settings import UserError
from smiling.training import TrainingSettings


def costs(demonstrated: np.ndarray, played: np.ndarray) -> list[float]:
    coupling = Coupling(torch.from_numpy(demonstrated), len(played))
    return [coupling.take(torch.from_numpy(row)).item() for row in played]


def greedy(demonstrated: np.ndarray, played: np.ndarray) -> list[float]:
    """Algorithm 1 of the paper, in exact steps: the nearest that has mass left gives what it can."""
    left, found = [len(played)] * len(demonstrated), []
    for distances in cdist(played, demonstrated):
        mass, cost = len(demonstrated), 0.0
        while mass:
            nearest = min((row for row in range(len(left)) if left[row]), key=lambda row: distances[row])
            moved = min(mass, left[nearest])
            cost += moved * distances[nearest] / (len(played) * len(demonstrated))
            left[nearest] -= moved
            mass -= moved
        found.append(cost)
    return found


def transport(demonstrated: np.ndarray, played: np.ndarray) -> float:
    """The Wasserstein distance of the two uniform distributions."""
    n, m = len(demonstrated), len(played)
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return linprog(cdist(demonstrated, played).ravel(), A_eq=np.concatenate([rows, columns]), b_eq=masses).fun


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 7), steps=st.integers(1, 7), seed=st.integers(0, 1000))
def test_coupling_is_the_papers_and_exact_transport_bounds_it_from_below(n, steps, seed):
    random = np.random.default_rng(seed)
    demonstrated, played = (random.normal(size=(count, 2)).astype(np.float32) for count in (n, steps))
    found = costs(demonstrated, played)
    assert found == pytest.approx(greedy(demonstrated, played), abs=1e-5)
    assert sum(found) >= transport(demonstrated, played) - 1e-5


def test_coupling_on_a_line_met_in_order_is_the_best_assignment():
    demonstrated = np.arange(5, dtype=np.float32)[:, None]
    played = demonstrated + 0.25
    best = linear_sum_assignment(cdist(demonstrated, played))
    assert sum(costs(demonstrated, played)) == pytest.approx(cdist(demonstrated, played)[best].mean())


def test_an_episode_that_is_the_demonstration_has_the_largest_reward_throughout(generator):
    demonstration = torch.randn(envs.EPISODE_STEPS, 4, generator=generator)
    rewards = PWIL(demonstration, PWILSettings(), seed=0).of_episode(demonstration)
    torch.testing.assert_close(rewards, torch.full((envs.EPISODE_STEPS,), 5.0))


def test_reward_is_the_papers_function_of_the_cost_in_units_of_the_experts_deviations(generator):
    expert, unit = torch.randn(50, 3, generator=generator), torch.tensor([1.0, 10.0, 0.1])
    played = torch.randn(20, 3, generator=generator)
    method = PWIL(expert * unit, PWILSettings(alpha=2.0, beta=0.5), seed=0)
    scaled, deviation = expert.numpy(), expert.numpy().std(0)
    coupling = Coupling(torch.from_numpy(scaled / deviation), envs.EPISODE_STEPS)
    taken = np.array([coupling.take(torch.from_numpy(row / deviation)).item() for row in played.numpy()])
    expected = 2.0 * np.exp(-0.5 * envs.EPISODE_STEPS / math.sqrt(3) * taken)
    for _ in range(2):  # a new episode begins with all of the demonstrations again
        np.testing.assert_allclose(method.of_episode(played * unit).numpy(), expected, rtol=1e-3)


def test_where_it_is_in_an_episode_is_kept(generator):
    expert = torch.randn(50, 3, generator=generator)
    played = expert[:1].expand(45, 3)  # whose mass is used up after a thousand fiftieths: twenty steps
    stopped, resumed = (PWIL(expert, PWILSettings(), seed=0) for _ in range(2))
    whole = stopped.of_episode(played)
    stopped.of_episode(played[:15])
    resumed.load_state_dict(stopped.state_dict())
    assert torch.equal(torch.stack([resumed.along(feature) for feature in played[15:]]), whole[15:])


class LastStep(gymnasium.Env):
    """Terminates with the last step that its time limit leaves it."""

    observation_space, action_space = gymnasium.spaces.Box(-9, 9, (2,)), gymnasium.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.full(2, self.steps, np.float32), 1.0, self.steps == 8, False, {}


def test_mass_is_enough_for_the_absorbing_state_behind_the_longest_episode(monkeypatch):
    monkeypatch.setitem(sys.modules, "last_step", SimpleNamespace(make=LastStep))
    monkeypatch.setitem(envs.OWN, "last", envs.Spec("last_step:make", time_limit=8, absorbing=True))
    env, states, over = envs.make("last"), [], False
    state, _ = env.reset(seed=0)
    while not over:
        states.append(state)
        state, _, _, over, _ = env.step(np.zeros(1))
    assert states[-1].tolist() == [0, 0, 1]
    played, built = torch.from_numpy(np.stack(states)), []
    monkeypatch.setattr(pwil, "run_with_reward", lambda _, build: built.append(build(played, PWILSettings(), 0)))
    pwil.run(Imitation("test", "last", [0], False, None, 0, PWILSettings(), "sac", None, None, None))
    torch.testing.assert_close(built[0].of_episode(played), torch.full((9,), 5.0))


def test_no_mass_is_left_after_an_episode(generator):
    coupling = Coupling(torch.randn(7, 2, generator=generator), 3)
    for _ in range(3):
        assert coupling.take(torch.zeros(2)) > 0
    assert coupling.take(torch.zeros(2)) == 0


def test_it_is_refused_on_dreamer(demonstrations_file):
    shown = read_demonstrations(demonstrations_file, 8, 2)
    training = TrainingSettings()
    given_to = Imitation(
        "test", "ball_in_cup_catch", [0], False, shown, 0, PWILSettings(), "dreamer", None, training, None
    )
    with pytest.raises(UserError, match="depends on the episode so far.*solver 'dreamer'; leave the method out there"):
        pwil.run(given_to)
