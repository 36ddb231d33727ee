"""Networks of the solvers: the squashed Gaussian actor and the ensemble of critics.

Both may be those of several seeds side by side, in one batched product: their tensors then have a leading dimension of
seeds, written "..." below.
"""

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from smiling.solvers.sac import squashed_gaussian
from smiling.solvers.sac.perceptron import MLP


class Actor(nn.Module):
    """Diagonal Gaussian squashed by tanh; alone, a `Policy`."""

    kind: ClassVar[str] = "actor"
    shape: ClassVar[tuple[str, ...]] = ("state_size", "action_size", "width", "depth")

    def __init__(
        self,
        states: int,
        actions: int,
        width: int,
        depth: int,
        generator: torch.Generator,
        log_std_range: squashed_gaussian.Range = squashed_gaussian.LOG_STD_RANGE,
    ) -> None:
        super().__init__()
        self.log_std_range = log_std_range
        self.state_size, self.action_size, self.width, self.depth = states, actions, width, depth
        self.body = MLP(states, 2 * actions, width, depth, generator)

    def seed(self, index: int) -> "Actor":
        """A copy of the actor at `index` of those side by side, alone."""
        alone = copy.deepcopy(self)
        for parameter in alone.parameters():
            parameter.data = parameter.data[index : index + 1].clone()
        return alone

    def noise(self, seed: int, device: str | torch.device = "cpu") -> torch.Generator:
        """Randomness for `begin`."""
        return torch.Generator(device).manual_seed(seed)

    def begin(self, episodes: int, noise: torch.Generator, sampled: bool = False) -> Callable[[Tensor], Tensor]:
        """The mean action, or a sample, as a function of states (episodes, state)."""
        if not sampled:
            return self.mean_action

        def sample(states: Tensor) -> Tensor:
            drawn = torch.randn(len(states), self.action_size, generator=noise, device=noise.device)
            return self.sample(states, drawn)[0]

        return sample

    def description(self) -> dict[str, Any]:
        """Sizes and range, from which `blank` makes an actor of the same shape."""
        return {name: getattr(self, name) for name in self.shape} | {"log_std_range": self.log_std_range}

    @classmethod
    def blank(cls, description: dict[str, Any]) -> "Actor":
        """An actor whose weights are to be loaded.

        Raises:
            ValueError: if the range is none.
        """
        states, actions, width, depth = (int(description[name]) for name in cls.shape)
        low, high = (float(bound) for bound in description.get("log_std_range", squashed_gaussian.LOG_STD_RANGE))
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"its metadata says log_std_range {low, high}, which is no range")
        return cls(states, actions, width, depth, torch.Generator(), (low, high))

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation before squashing, each (..., batch, actions)."""
        return squashed_gaussian.parameters(self._out(states), self.log_std_range)

    def sample(self, states: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reparametrised actions for standard normal `noise` (..., batch, actions), their log density (..., batch)."""
        return squashed_gaussian.sample(self._out(states), noise, self.log_std_range)

    def mean_action(self, states: Tensor) -> Tensor:
        """The action at the Gaussian's mean, used in evaluation: (..., batch, actions)."""
        return torch.tanh(self(states)[0])

    def log_prob(self, states: Tensor, actions: Tensor) -> Tensor:
        """Log density (..., batch) of `actions`, which must lie strictly inside (-1, 1)."""
        return squashed_gaussian.log_prob(torch.atanh(actions), *self(states))

    def _out(self, states: Tensor) -> Tensor:
        return self.body(states.reshape(-1, *states.shape[-2:])).view(*states.shape[:-1], -1)


class Critics(nn.Module):
    """`members` independent soft Q functions of state and action."""

    def __init__(
        self,
        states: int,
        actions: int,
        width: int,
        depth: int,
        generator: torch.Generator,
        members: int,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.members = members
        self.body = MLP(states + actions, 1, width, depth, generator, members, layer_norm)

    def forward(self, states: Tensor, actions: Tensor, frozen: bool = False) -> Tensor:
        """Q values, (..., members, batch); no gradient flows to `frozen` critics, only to the actions."""
        pairs = torch.cat([states, actions], dim=-1)
        *seeds, batch, size = pairs.shape
        each = pairs.unsqueeze(-3).expand(*seeds, self.members, batch, size)
        return self.body(each.reshape(-1, batch, size), frozen).view(*seeds, self.members, batch)
