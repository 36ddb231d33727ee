"""What a learned reward must be for a solver to train on it."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from smiling.checks import Outcome, examined
from smiling.reward import EpisodeReward, LearnedReward
from smiling.settings import first_line

Build = Callable[[], LearnedReward | None]

ROWS = 48  # of a batch
REPEATS = 24  # evaluations of a reward that is an estimate
STANDARD_ERRORS = 6.0  # by which such may differ: of 10^8 comparisons none by chance
ROUNDING = 1e-4  # relative; a product of another shape rounds otherwise
FACTORIES = {
    *(torch.zeros, torch.ones, torch.full, torch.empty, torch.eye, torch.arange, torch.linspace),
    *(torch.rand, torch.randn, torch.randint, torch.randperm),
}

SHAPE = "a reward for each state"
DEVICE = "on the states' device"
FINITE = "finite rewards"
INPUT = "states are left as they are"
ORDER = "a state's reward is its own"
RANDOMNESS = "randomness of its own"
NAMES = (SHAPE, DEVICE, FINITE, INPUT, ORDER, RANDOMNESS)


def check(build: Build, states: Tensor) -> Iterator[Outcome]:
    """All rows on a reward that `build` gives anew, trained once on some of `states` (n, state), its features.

    To a reward along episodes they are one episode's.
    """
    reward, batch = trained(build, states, chance=0), states[:ROWS]
    yield examined(SHAPE, shape_problem, reward, batch.clone())
    yield examined(FINITE, finite_problem, reward, batch.clone())
    yield examined(INPUT, input_problem, reward, batch.clone())
    if isinstance(reward, EpisodeReward):
        yield Outcome(ORDER, None, "it depends on the episode so far")
    else:
        yield examined(ORDER, order_problem, reward, batch.clone())
    yield examined(DEVICE, device_problem, build, states)
    yield examined(RANDOMNESS, randomness_problem, build, states)


def trained(build: Build, states: Tensor, chance: int) -> LearnedReward:
    """A reward after its first update, the process's own randomness set to `chance` before each step."""
    _set_chance(chance)
    reward = build()
    assert reward is not None
    _set_chance(chance)
    reward.prepare("check")
    _set_chance(chance)
    reward.update(_drawer(states))
    return reward


def _set_chance(chance: int) -> None:
    torch.manual_seed(chance)
    np.random.seed(chance)  # noqa: NPY002 (what it checks is that nothing uses it)
    random.seed(chance)


def _drawer(states: Tensor) -> Callable[[int], Tensor]:
    generator = torch.Generator(states.device).manual_seed(0)

    def draw(count: int) -> Tensor:
        return states[torch.randint(len(states), (count,), generator=generator, device=states.device)]

    return draw


def given(reward: LearnedReward, features: Tensor) -> Tensor:
    """The rewards of features (n, feature), (n,): of each alone, or along an episode that they are."""
    return reward.of_episode(features) if isinstance(reward, EpisodeReward) else reward.pointwise(features)


def shape_problem(reward: LearnedReward, batch: Tensor) -> str | None:
    """`pointwise` gives float32 (n,) for (n, state), of one state too; `in_batch` keeps it."""
    for states in (batch, batch[:1]):
        value = given(reward, states)
        if value.shape != (len(states),) or value.dtype != torch.float32:
            return (
                f"pointwise gives {tuple(value.shape)} of {value.dtype} for states {tuple(states.shape)}; "
                f"it must be ({len(states)},) of torch.float32"
            )
    value = reward.in_batch(given(reward, batch))
    return None if value.shape == (len(batch),) else f"in_batch gives {tuple(value.shape)} for ({len(batch)},)"


def finite_problem(reward: LearnedReward, batch: Tensor) -> str | None:
    """Nowhere NaN or infinite: in the demonstrations, at zero, where all states are the same."""
    same = batch[:1].expand_as(batch).clone()
    for name, states in (("demonstrated states", batch), ("states of zeros", 0 * batch), ("equal states", same)):
        for where, value in (
            ("pointwise", given(reward, states)),
            ("in_batch", reward.in_batch(given(reward, states))),
        ):
            if not value.isfinite().all():
                return f"{where} gives {value[~value.isfinite()][0].item()} for {name}"
    if not (value := reward.in_batch(torch.ones(len(batch), device=batch.device))).isfinite().all():
        return f"in_batch gives {value[~value.isfinite()][0].item()} for equal rewards"
    return None


def input_problem(reward: LearnedReward, batch: Tensor) -> str | None:
    """What it is given may be part of a replay: nothing is written into it."""
    states = batch.clone()
    rewards = given(reward, states)
    if not torch.equal(states, batch):
        return "pointwise changes the states that it is given; work on a copy"
    before = rewards.clone()
    reward.in_batch(rewards)
    return None if torch.equal(rewards, before) else "in_batch changes the rewards that it is given; work on a copy"


def order_problem(reward: LearnedReward, batch: Tensor) -> str | None:
    """Its place in the batch and the states beside it make no difference to a state's reward, beyond chance."""
    order = torch.randperm(len(batch), generator=torch.Generator().manual_seed(0)).to(batch.device)
    half = len(batch) // 2
    mean, error = _estimate(reward, batch)
    for name, rows in (("in another order", order), ("with other states beside it", order[:half])):
        its_mean, its_error = _estimate(reward, batch[rows])
        allowed = STANDARD_ERRORS * (error[rows] ** 2 + its_error**2).sqrt() + ROUNDING * (1 + mean.abs().max())
        excess = ((its_mean - mean[rows]).abs() - allowed).max().item()
        if excess > 0:
            return f"pointwise gives a state another reward {name}; what depends on the batch belongs in in_batch"
    return None


def _estimate(reward: LearnedReward, states: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard error of the reward of each state, both (n,)."""
    values = torch.stack([given(reward, states.clone()) for _ in range(REPEATS)])
    return values.mean(0), values.std(0) / REPEATS**0.5


def device_problem(build: Build, states: Tensor) -> str | None:
    """All that it makes while it is used is made where the states are. No GPU is needed to see it."""
    reward, batch = trained(build, states, chance=0), states[:ROWS].clone()
    said = "a tensor is made without naming the states' device"
    try:
        with _Elsewhere():
            reward.update(_drawer(states))
            value = reward.in_batch(given(reward, batch))
    except (RuntimeError, NotImplementedError) as error:
        return f"{said} ({first_line(error)[:120]})"
    return None if value.device == batch.device else f"{said}: the rewards are on {value.device}"


class _Elsewhere(TorchFunctionMode):
    """New tensors for which no device is named are on another than the CPU, torch's default."""

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if function in FACTORIES and named.get("device") is None:
            named["device"] = "meta"
        return function(*args, **named)


def randomness_problem(build: Build, states: Tensor) -> str | None:
    """What torch, NumPy and Python draw for the whole process makes no difference: its seed decides alone."""
    found = []
    for chance in (0, 1):
        reward = trained(build, states, chance)
        _set_chance(chance)
        found.append(reward.in_batch(given(reward, states[:ROWS].clone())))
    if torch.equal(*found):
        return None
    return "it draws from torch's, NumPy's or Python's randomness of the whole process; use a generator of its seed"
