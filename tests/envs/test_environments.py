"""Every task keeps the contract; the DeepMind Control tasks are dm_control's own, step by step."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import envs

SIZES = {
    "ball_in_cup_catch": (8, 2),
    "cheetah_run": (17, 6),
    "humanoid_walk": (67, 21),
    "humanoid_sit": (51, 19),
    "humanoid_crawl": (51, 19),
    "humanoid_pole": (51, 19),
    "humanoid_stroll": (51, 19),
}
SUITE = ["ball_in_cup_catch", "cheetah_run", "humanoid_walk"]


def test_tasks_have_the_papers_sizes():
    assert {name: envs.sizes(name) for name in envs.TASKS} == SIZES


def test_unknown_task_is_answered_with_the_known_ones():
    with pytest.raises(
        envs.UnknownTask, match="unknown task 'walker_run'; known tasks: ball_in_cup_catch, cheetah_run"
    ):
        envs.make("walker_run")


@pytest.mark.filterwarnings("ignore:.*Box observation space")
@pytest.mark.parametrize("name", SUITE)
def test_contract(name):
    env = envs.make(name, seed=1)
    check_env(env, skip_render_check=True)
    assert (env.action_space.low == -1).all()
    assert (env.action_space.high == 1).all()
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.float32
    for step in range(1, 1001):
        observation, reward, terminated, truncated, _ = env.step(np.zeros(env.action_space.shape, np.float32))
        assert not terminated
        assert truncated == (step == 1000)
        assert 0 <= reward <= 1


@pytest.mark.parametrize("name", SUITE)
def test_same_seed_same_trajectory_to_the_bit(name):
    def play(seed):
        env, random = envs.make(name), np.random.default_rng(0)
        rows = [env.reset(seed=seed)[0]]
        rows += [env.step(random.uniform(-1, 1, env.action_space.shape))[0] for _ in range(50)]
        return np.stack(rows)

    assert np.array_equal(play(3), play(3))
    assert not np.array_equal(play(3), play(4))


@pytest.mark.parametrize("name", SIZES)
def test_a_state_that_was_kept_goes_on_elsewhere_to_the_same_trajectory(name):
    kept, other, random = envs.make(name), envs.make(name, seed=1), np.random.default_rng(0)
    actions = random.uniform(-1, 1, (1000, SIZES[name][1]))
    kept.reset(seed=3)
    other.reset(seed=4)
    for action in actions[:300]:
        kept.step(action)
    other.unwrapped.set_simulation(kept.unwrapped.simulation())
    for action in actions[300:]:
        (state, *rest), (same, *same_rest) = kept.step(action)[:4], other.step(action)[:4]
        assert np.array_equal(state, same)
        assert rest == same_rest
    assert rest[-1]  # the episode ends with the same step


def test_trajectory_is_dm_controls():
    from dm_control import suite

    ours = envs.make("cheetah_run", seed=5)
    theirs = suite.load("cheetah", "run", task_kwargs={"random": 5})
    random = np.random.default_rng(0)
    observation, timestep = ours.reset()[0], theirs.reset()
    for _ in range(100):
        expected = np.concatenate([np.ravel(part) for part in timestep.observation.values()])
        np.testing.assert_array_equal(observation, expected.astype(np.float32))
        action = random.uniform(-1, 1, 6)
        (observation, reward, *_), timestep = ours.step(action), theirs.step(action)
        assert reward == timestep.reward


def test_actions_beyond_the_bounds_are_clipped():
    first, second = (envs.make("cheetah_run", seed=0) for _ in range(2))
    first.reset(), second.reset()
    assert np.array_equal(first.step(np.full(6, 5.0))[0], second.step(np.ones(6))[0])
