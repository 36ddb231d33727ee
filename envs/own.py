"""Tasks of a user's own: any Gymnasium or dm_control environment with numbers to observe and numbers to do.

Observations are Boxes of any shape and type, flattened, and Dicts and Tuples of them, concatenated; actions a Box of
any bounds, to which [-1, 1] is scaled. What cannot be served is refused in a sentence.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium import spaces

from envs import LONGEST_EPISODE, Spec, UnusableTask
from envs.environments import PICTURE, environment, is_mujoco
from envs.flat_spaces import boxes, brief, controls, parts, scaled, shown
from envs.rendering import RenderedTask, Renderer
from envs.users_code import FAILURES, said

FRAME_RATE = 30  # per second of simulated time, of an environment that does not say its own
CAMERA = "track"  # taken where a MuJoCo model has it; else its first one
TRIED_STEPS, TRIED_EPISODES = 20, 3  # by which a task is tried before it is used
SHORTEST_EPISODE = 2  # steps
LARGEST = float(np.finfo(np.float32).max)  # of a number that is learnt from
SAID_OF_ITSELF = "observation_space", "action_space", "metadata"  # by a gymnasium.Env
FROM_RESET = "observation", "info"
FROM_STEP = "observation", "reward", "terminated", "truncated", "info"


class OwnTask(gymnasium.Env):
    """An environment under the suite's contract, but that its episodes end as they do.

    Every reset of the environment gets a seed, so that what is in the midst of an episode can be made again: the same
    seed, and the same actions. That holds where nothing else decides what an environment does.
    """

    def __init__(self, name: str, spec: Spec, seed: int, render_mode: str | None = None) -> None:
        self._name = name
        self._env = environment(name, spec, seed, render_mode)
        self.render_mode = render_mode
        observations, actions, metadata = (_own(name, self._env, what) for what in SAID_OF_ITSELF)
        if not isinstance(metadata, Mapping):
            raise UnusableTask(f"task '{name}': its metadata are {brief(metadata)}: write a dictionary, or none at all")
        self.metadata = {"render_fps": FRAME_RATE, **metadata, "render_modes": [PICTURE]}
        size = sum(math.prod(box.shape) for box in boxes(name, observations))
        if not size:
            raise UnusableTask(f"task '{name}' has no observations, {shown(observations)}")
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.controls = controls(name, actions)
        self.action_space = spaces.Box(-1.0, 1.0, (math.prod(self.controls.shape),), np.float32)
        self.time_limit = _time_limit(name, spec, self._env)
        self._np_random, self._np_random_seed = gymnasium.utils.seeding.np_random(seed)
        self._first_seed: int | None = seed
        self._seed = seed  # of the latest reset
        self._actions: list[np.ndarray] = []  # since then, float64
        self._renderer: Renderer | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        if seed is None:
            seed = int(self.np_random.integers(2**31)) if self._first_seed is None else self._first_seed
        else:
            super().reset(seed=seed)
        self._first_seed = None
        self._seed, self._actions = seed, []
        try:
            given: Any = self._env.reset(seed=seed, options=options)
        except FAILURES as error:
            raise self._failed(f"reset(seed={seed})", error) from error
        observation, info = self._checked("reset", given, FROM_RESET)
        return self._flat(observation), info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        taken = np.array(action, np.float64)
        self._actions.append(taken)
        try:
            given: Any = self._env.step(scaled(taken, self.controls))
        except FAILURES as error:
            raise self._failed(f"step {len(self._actions)} of the episode of seed {self._seed}", error) from error
        observation, reward, terminated, truncated, info = self._checked("step", given, FROM_STEP)
        state = self._flat(observation)
        try:
            value, ended, cut = float(reward), bool(terminated), bool(truncated)
        except (TypeError, ValueError):
            raise UnusableTask(
                f"task '{self._name}': reward, terminated and truncated are {brief(reward)}, {brief(terminated)} and "
                f"{brief(truncated)} in step {len(self._actions)} of an episode: write a number and two truth values"
            ) from None
        if not abs(value) <= LARGEST:  # which nan is not either
            raise UnusableTask(
                f"task '{self._name}': the reward is {value} in step {len(self._actions)} of an episode: "
                f"learning takes float32, numbers up to {LARGEST:.2g}"
            )
        over_time = len(self._actions) >= self.time_limit
        return state, value, ended, not ended and (cut or over_time), info

    def _checked(self, call: str, given: Any, expected: tuple[str, ...]) -> Sequence[Any]:
        """What a call of the environment's gives, if it is as much as Gymnasium's gives."""
        if isinstance(given, tuple | list) and len(given) == len(expected):
            return given
        raise UnusableTask(
            f"task '{self._name}': {call} gives {brief(given)}; in Gymnasium's API it must give {len(expected)} "
            f"values, ({', '.join(expected)})"
        )

    def _failed(self, call: str, error: BaseException) -> UnusableTask:
        """What is said of a call of the environment's that fails."""
        return UnusableTask(f"task '{self._name}': {call} fails: {said(error)}")

    def _flat(self, observation: Any) -> np.ndarray:
        """An observation as one float32 vector."""
        space = self._env.observation_space
        try:
            with np.errstate(over="ignore"):
                found = np.concatenate([np.ravel(part) for part in parts(space, observation)])
                flat = found.astype(np.float32)
        except (TypeError, ValueError, LookupError):
            raise self._unlike(observation) from None
        if flat.shape == self.observation_space.shape and np.isfinite(flat).all():
            return flat
        if not np.issubdtype(found.dtype, np.number):
            raise self._unlike(observation)
        if flat.shape != self.observation_space.shape:
            raise UnusableTask(
                f"task '{self._name}': an observation of {flat.size} numbers, where its space has "
                f"{math.prod(self.observation_space.shape or ())}; sizes must not change"
            )
        place = int(np.argmin(np.isfinite(flat)))
        raise UnusableTask(
            f"task '{self._name}': observation {found[place]} at place {place} after {len(self._actions)} steps of an "
            f"episode: learning takes float32, numbers up to {LARGEST:.2g}"
        )

    def _unlike(self, observation: Any) -> UnusableTask:
        """What is said of an observation that is something else than its space says."""
        space = shown(self._env.observation_space)
        return UnusableTask(f"task '{self._name}': an observation is {brief(observation)}, which is not of {space}")

    def simulation(self) -> np.ndarray:
        """All that the rest of the episode depends on, float64: the seed that it began with, and the actions since."""
        return np.concatenate([[self._seed], *(action.ravel() for action in self._actions)])

    def set_simulation(self, state: np.ndarray) -> None:
        """Go on from what `simulation` gave, by playing it again."""
        self.reset(seed=int(state[0]))
        for action in state[1:].reshape(-1, *self.action_space.shape or ()):
            self.step(action)

    def render(self) -> np.ndarray:
        """RGB image of the current state, height x width x 3, uint8.

        Raises:
            UnusableTask: if the environment gives none.
        """
        inner: Any = self._env.unwrapped
        if isinstance(inner, RenderedTask):
            return inner.render()
        if is_mujoco(inner):
            if self._renderer is None:
                self._renderer = Renderer(inner.model, _camera(inner.model))
            return self._renderer.frame(inner.data)
        try:
            frame = np.asarray(self._env.render())
        except FAILURES as error:
            raise self._failed("render()", error) from error
        if frame.ndim != 3 or frame.dtype != np.uint8:
            raise UnusableTask(f"task '{self._name}': what it renders is no image (height, width, 3) of uint8")
        return frame

    def close(self) -> None:
        """Free what the environment and its picture hold."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        try:
            self._env.close()
        except FAILURES as error:
            raise self._failed("close()", error) from error


def make(name: str, spec: Spec, seed: int, render_mode: str | None = None) -> OwnTask:
    """Task `name`, made as `spec` says."""
    return OwnTask(name, spec, seed, render_mode)


@dataclass(frozen=True)
class Facts:
    """What is known of a task once it was made and tried."""

    sizes: tuple[int, int]  # of observation and action vectors, without an absorbing state's mark
    time_limit: int
    controls: spaces.Box = field(compare=False)  # the environment's own bounds of its actions, (A,)


@cache
def facts(name: str, spec: Spec) -> Facts:
    """Make a task, play some steps of it by random actions, and say what it is.

    Raises:
        UnusableTask: saying what is wrong with it.
    """
    random, steps = np.random.default_rng(0), []
    with _opened(name, spec) as env:
        for episode in range(TRIED_EPISODES):
            env.reset(seed=episode)
            steps.append(0)
            over = False
            while not over and steps[-1] < TRIED_STEPS:
                action = random.uniform(-1, 1, env.action_space.shape).astype(np.float32)
                *_, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
                steps[-1] += 1
    if max(steps) < SHORTEST_EPISODE:
        raise UnusableTask(f"task '{name}': its episodes end after their first step; they need {SHORTEST_EPISODE}")
    low, high, kind = env.controls.low.ravel(), env.controls.high.ravel(), env.controls.dtype
    sizes = spaces.flatdim(env.observation_space), low.size
    return Facts(sizes, env.time_limit, spaces.Box(low, high, dtype=kind))


@cache
def why_not_shown(name: str, spec: Spec) -> str | None:
    """Why a task gives no picture, in a sentence; None if it gives one."""
    with _opened(name, spec) as env:
        inner = env._env.unwrapped
        if isinstance(inner, RenderedTask) or is_mujoco(inner):
            return None  # by our own renderer, as the suite's tasks
        if PICTURE not in (env._env.metadata.get("render_modes") or ()):
            return f"task '{name}' has no picture: '{spec.env}' has no render mode '{PICTURE}'"
    try:
        with _opened(name, spec, PICTURE) as env:
            env.reset(seed=0)
            env.render()
    except UnusableTask as error:
        why = str(error).removeprefix(f"task '{name}': ")
        return f"task '{name}' has no picture: {why}"
    return None


@contextmanager
def _opened(name: str, spec: Spec, render_mode: str | None = None) -> Iterator[OwnTask]:
    """A task for as long as it is looked at. That it cannot be closed is told where nothing else is to be told."""
    env = make(name, spec, seed=0, render_mode=render_mode)
    try:
        yield env
    except BaseException:
        with suppress(UnusableTask):
            env.close()
        raise
    env.close()


def _own(name: str, env: gymnasium.Env, what: str) -> Any:
    """What an environment says of itself."""
    try:
        return getattr(env, what)
    except FAILURES as error:
        raise UnusableTask(
            f"task '{name}': its environment has no {what}, as a gymnasium.Env has: {said(error)}"
        ) from error


def _time_limit(name: str, spec: Spec, env: gymnasium.Env) -> int:
    """Steps of an episode at most: as the spec says, or the environment itself."""
    found = [*_own_limits(env), *([] if spec.time_limit is None else [spec.time_limit])]
    if not found:
        raise UnusableTask(
            f"task '{name}': '{spec.env}' does not say after how many steps an episode ends: set "
            f"tasks.{name}.time_limit, for example to 1000"
        )
    if min(found) > LONGEST_EPISODE:
        raise UnusableTask(
            f"task '{name}': '{spec.env}' ends an episode after {min(found)} steps only: set tasks.{name}.time_limit, "
            f"to {LONGEST_EPISODE} at most"
        )
    return min(found)


def _own_limits(env: gymnasium.Env) -> Iterator[int]:
    """The time limits that an environment or a wrapper of it has."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, gymnasium.wrappers.TimeLimit):
            yield env._max_episode_steps
        env = env.env
    if isinstance(env, RenderedTask) and isinstance(limit := getattr(env, "time_limit", None), int):
        yield limit


def _camera(model: mujoco.MjModel) -> str | int | None:
    names = [model.camera(index).name for index in range(model.ncam)]
    return CAMERA if CAMERA in names else (0 if names else None)
