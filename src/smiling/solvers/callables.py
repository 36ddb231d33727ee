"""Policies to call: a policy of ours as a function of observations, and a function of somebody's as a policy."""

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from envs import users_code
from smiling.evaluation import Player, Policy
from smiling.runs.demonstrations import ROUNDING
from smiling.runs.provenance import file_digest
from smiling.settings import UserError
from smiling.solvers.policies import read_policy

NAMED = r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*"  # module:function


class Acting:
    """A policy in the midst of an episode: called with an observation (state,), it gives an action (action,).

    Actions lie in [-1, 1], as `envs.make(task)` takes them.

    Call `begin` before each episode: a recurrent policy remembers what the episode has shown so far, and would go on
    from the episode before.
    """

    def __init__(self, policy: Policy, seed: int, sampled: bool) -> None:
        self.policy = policy
        self._noise, self._sampled = policy.noise(seed), sampled
        self.begin()

    def begin(self) -> None:
        """Begin an episode."""
        self._act = self.policy.begin(1, self._noise, sampled=self._sampled)

    @torch.no_grad()
    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """The action (action,) float32 for an observation (state,).

        Raises:
            UserError: if it has another size.
        """
        state = np.asarray(observation, np.float32)
        if state.shape != (self.policy.state_size,):
            raise UserError(f"this policy acts on ({self.policy.state_size},) numbers, not on {state.shape}")
        return np.clip(self._act(torch.from_numpy(state)[None])[0].numpy(), -1.0, 1.0)


def load_policy(path: Path | str, seed: int = 0, sampled: bool = False) -> Acting:
    """A policy that a run left, `policy.safetensors`, as `policy(observation) -> action`; of `envs.make(task)`'s.

    Args:
        path: the file.
        seed: of its randomness, where it has any.
        sampled: whether actions are drawn as in training; else as in an evaluation. DreamerV3's always are.

    Raises:
        UserError: if there is no such file, or it does not hold a policy of ours.
    """
    return Acting(read_policy(Path(path)), seed, sampled)


class CallablePolicy:
    """A function of observations (state,) that gives actions (action,), and may have a `begin` for each episode."""

    kind: ClassVar[str] = "callable"
    one_at_a_time: ClassVar[bool] = True  # what it remembers is of one episode

    def __init__(self, name: str, call: Callable[[np.ndarray], Any], sizes: tuple[int, int]) -> None:
        self.name, self._call = name, call
        self.state_size, self.action_size = sizes

    def noise(self, seed: int, device: str | torch.device = "cpu") -> None:
        """None of ours: a function has its own randomness."""

    def begin(self, episodes: int, noise: Any, sampled: bool = False) -> Player:
        """Start an episode."""
        assert episodes == 1
        begin = getattr(self._call, "begin", None)
        if callable(begin):
            try:
                begin()
            except users_code.FAILURES as error:
                raise self._failed(error) from error
        return self._act

    def _act(self, states: Tensor) -> Tensor:
        try:
            action = np.asarray(self._call(states[0].numpy().copy()), np.float32)
        except users_code.FAILURES as error:
            raise self._failed(error) from error
        if action.shape != (self.action_size,):
            raise UserError(f"{self.name} gives actions of shape {action.shape}; this task's are ({self.action_size},)")
        if not np.abs(action).max() <= 1 + ROUNDING:  # which nan is not either
            raise UserError(f"{self.name} gives the action {action.tolist()}; actions are finite, and lie in [-1, 1]")
        return torch.from_numpy(np.clip(action, -1.0, 1.0))[None]

    def _failed(self, error: BaseException) -> UserError:
        return UserError(f"policy {self.name}: {users_code.said(error)}")

    def digest(self) -> str:
        """Of the file that a function is written in, or of that of an object's module; its name alone, without one."""
        if inspect.isfunction(self._call):
            file = inspect.getsourcefile(inspect.unwrap(self._call))
        else:
            file = getattr(sys.modules.get(self.name.partition(":")[0]), "__file__", None)
        return f"{self.name} {file_digest(Path(file))}" if file else self.name


def find_policy(name: str, sizes: tuple[int, int]) -> Any:
    """A policy by what a user calls it: a file of ours, or `module:function`, the module where the command is given.

    Raises:
        UserError: if there is no such file or function, or the policy is of other sizes.
    """
    if Path(name).exists() or not re.fullmatch(NAMED, name):
        return read_policy(Path(name), sizes)
    module, _, attribute = name.partition(":")
    try:
        found = users_code.attribute(users_code.module(module), attribute)
    except users_code.Unusable as error:
        raise UserError(f"policy {name}: {error}") from None
    if not callable(found):
        raise UserError(f"policy {name}: '{attribute}' is no function")
    if inspect.isclass(found):
        raise UserError(f"policy {name}: '{attribute}' is a class; name an object of it, which is called")
    return CallablePolicy(name, found, sizes)


def policy_digest(policy: Any, name: str) -> str:
    """What a policy that was found by `name` is known by: its file's content."""
    return policy.digest() if isinstance(policy, CallablePolicy) else file_digest(Path(name))
