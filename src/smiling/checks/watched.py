"""Runs that are watched: their tasks' steps counted, rewards changed, the run stopped, its learned reward taken out."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from unittest import mock

import gymnasium
import numpy as np

import envs
from smiling import solvers
from smiling.reward import LearnedReward
from smiling.runs.demonstrations import Demonstrations


class Stopped(BaseException):
    """A run was stopped by its task. No `Exception`, so that nothing on the way takes it for a failure."""


class _Offered(BaseException):
    """What a method offers a solver."""

    def __init__(self, reward: LearnedReward) -> None:
        self.reward = reward


@dataclass
class Watch:
    """Steps of all of a run's environments; where it is stopped; whether the tasks' rewards are others."""

    stop_at: int | None = None
    other_rewards: bool = False
    steps: int = 0


class _WatchedTask(gymnasium.Wrapper):
    def __init__(self, env: gymnasium.Env, watch: Watch) -> None:
        super().__init__(env)
        self._watch = watch

    def step(self, action: Any) -> Any:
        if self._watch.steps == self._watch.stop_at:
            raise Stopped
        self._watch.steps += 1
        state, reward, *rest = self.env.step(action)
        return state, other(float(reward)) if self._watch.other_rewards else reward, *rest


def other(reward: Any) -> Any:
    """Another reward that ranks whole episodes as `reward` does: a method may choose its policy by evaluations."""
    return 2 * reward + 0.5


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Have every task that is made inside watched."""
    make = envs.make

    def make_watched(*what: Any, **options: Any) -> gymnasium.Env:
        return _WatchedTask(make(*what, **options), watch)

    with mock.patch.object(envs, "make", make_watched):
        yield


def start(
    task: str,
    settings: Any,
    training: Any,
    seeds: Sequence[int],
    solver_seeds: Sequence[int],
    rewards: Sequence[LearnedReward] | None = None,
    with_actions: bool = False,
) -> NoReturn:
    """In a solver's place: gives the learned reward back instead of training on it."""
    assert rewards is not None
    raise _Offered(rewards[0])


def offered(run: Callable[[], object]) -> LearnedReward | None:
    """The learned reward that a method's `run` offers a solver, fresh; None if it trains a learner of its own."""
    here = dict.fromkeys(solvers.MODULES, __name__)
    with watched(Watch(stop_at=0)), mock.patch.dict(solvers.MODULES, here):
        try:
            run()
        except _Offered as found:
            return found.reward
        except Stopped:
            return None
    return None


def random_play(task: str, episodes: int = 2) -> Demonstrations:
    """Episodes of uniform random actions, as demonstrations."""
    env, random = envs.make(task), np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=episode)
        for action in random.uniform(-1, 1, (envs.EPISODE_STEPS, envs.sizes(task)[1])).astype(np.float32):
            after, reward, *_ = env.step(action)
            rows.append((observation, action, reward, after))
            observation = after
    observations, actions, rewards, following = (np.asarray(part, np.float32) for part in zip(*rows, strict=True))
    starts = np.arange(episodes) * envs.EPISODE_STEPS
    return Demonstrations(observations, starts, actions, rewards, following)
