"""The absorbing state, around a task whose episodes end in both ways."""

import numpy as np
import pytest
import tiny_tasks
import torch
from gymnasium.utils.env_checker import check_env

from envs.absorbing import Absorbing, are_absorbing, with_effect


def played(speed: float) -> list[tuple]:
    env = Absorbing(tiny_tasks.Corridor())
    steps, over = [(env.reset(seed=1)[0], None, False, False)], False
    while not over:
        steps.append(env.step(np.array([speed, 0.0], np.float32))[:4])
        over = steps[-1][2] or steps[-1][3]
    return steps


def test_where_the_task_terminates_the_episode_goes_on_to_the_absorbing_state_and_once_from_there():
    """Against the task itself, step by step."""
    task, steps = tiny_tasks.Corridor(), played(0.9)
    expected, terminated = task.reset(seed=1)[0], False
    for observation, _, *ends in steps[:-2]:
        np.testing.assert_array_equal(observation, [*expected, 0.0])
        assert ends == [False, False]
        expected, reward, terminated, truncated, _ = task.step(np.array([0.9, 0.0], np.float32))
    assert terminated
    assert not truncated
    assert [row[1:] for row in steps[-2:]] == [(reward, False, False), (0.0, False, True)]
    for observation, *_ in steps[-2:]:
        np.testing.assert_array_equal(observation, [0.0, 0.0, 1.0])


def test_where_a_time_limit_ends_the_episode_nothing_follows():
    steps = played(0.0)
    assert len(steps) == 1 + tiny_tasks.CUT_AFTER
    assert [row[2:] for row in steps[1:]] == [(False, False)] * (tiny_tasks.CUT_AFTER - 1) + [(False, True)]
    assert all(row[0][-1] == 0 for row in steps)


def test_it_is_an_environment_as_gymnasium_wants_it():
    env = Absorbing(tiny_tasks.Corridor())
    check_env(env, skip_render_check=True)
    assert env.unwrapped is env
    assert env.observation_space.shape == (3,)


@pytest.mark.parametrize("taken", [1, 4, 5])  # on the way, and in the absorbing state
def test_an_episode_goes_on_from_its_simulation(taken):
    first, second = (Absorbing(tiny_tasks.Corridor()) for _ in range(2))
    action = np.array([0.5, 0.1], np.float32)
    first.reset(seed=3)
    for _ in range(taken):
        first.step(action)
    second.reset(seed=0)
    second.set_simulation(first.simulation())
    over = False
    while not over:
        one, other = first.step(action), second.step(action)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:4] == other[1:4]
        over = one[3]


def test_actions_have_an_effect_but_in_the_absorbing_state():
    observations = np.array([[0.3, 0.0], [0.0, 1.0]], np.float32)
    actions = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], np.float32)
    for of in (lambda values: values, torch.from_numpy):
        assert are_absorbing(of(observations)).tolist() == [0, 1]
        np.testing.assert_array_equal(with_effect(of(actions), of(observations)), [actions[0], [0, 0, 0]])
    np.testing.assert_array_equal(with_effect(actions[1], observations[1]), np.zeros(3))
