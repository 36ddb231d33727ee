"""Multi-layer perceptrons of the solvers: the squashed Gaussian actor and the ensemble of critics.

As in Yarats & Kostrikov's pytorch_sac (2020): ReLU, orthogonal weights, zero biases. Actor and critics may be those of
several seeds side by side, one batched product for all: their tensors then have a leading dimension of seeds, written
"..." below.
"""

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOG_STD_RANGE = (-5.0, 2.0)
LOG_2PI = math.log(2 * math.pi)


N = TypeVar("N", bound=nn.Module)


class EnsembleLinear(nn.Module):
    """`members` linear layers of one size, one batched product: (members, batch, in) -> (members, batch, out)."""

    def __init__(self, members: int, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))
        for member in self.weight.data:
            nn.init.orthogonal_(member, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return torch.bmm(x, self.weight).add_(self.bias)  # a third faster than baddbmm with a transposed weight


class MLP(nn.Module):
    """`members` perceptrons of `depth` hidden ReLU layers, evaluated side by side; layer-normalised if asked."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        depth: int,
        generator: torch.Generator,
        members: int = 1,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth, outputs]
        self.layers = nn.ModuleList(EnsembleLinear(members, a, b, generator) for a, b in pairwise(sizes))
        self.layer_norm = layer_norm
        # Without these, layer_norm takes a path that is slower by half.
        self.register_buffer("_one", torch.ones(width), persistent=False)
        self.register_buffer("_zero", torch.zeros(width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(members, batch, inputs) -> (members, batch, outputs)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = layer(x)
            if self.layer_norm:
                x = F.layer_norm(x, x.shape[-1:], self._one, self._zero)
            x = F.relu_(x)
        return last(x)


def side_by_side(networks: Sequence[N]) -> N:
    """One network that holds the members of all of `networks`, in their order."""
    together = copy.deepcopy(networks[0])
    for name, parameter in together.named_parameters():
        parameter.data = torch.cat([network.get_parameter(name).data for network in networks])
    return together


def squashed_log_prob(raw_action: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log density of tanh(raw_action) where raw_action ~ N(mean, exp(log_std)^2), summed over the last dimension.

    Haarnoja et al. (2018), appendix C; log(1 - tanh(u)^2) in the form that does not cancel for large |u|.
    """
    normal = -0.5 * ((raw_action - mean) * torch.exp(-log_std)).square() - log_std - 0.5 * LOG_2PI
    log_slope = 2 * (math.log(2.0) - raw_action - F.softplus(-2 * raw_action))
    return (normal - log_slope).sum(-1)


class Actor(nn.Module):
    """Diagonal Gaussian squashed by tanh; its log standard deviation is itself squashed into `LOG_STD_RANGE`."""

    def __init__(self, states: int, actions: int, width: int, depth: int, generator: torch.Generator) -> None:
        super().__init__()
        self.state_size, self.action_size, self.width, self.depth = states, actions, width, depth
        self.body = MLP(states, 2 * actions, width, depth, generator)

    def seed(self, index: int) -> "Actor":
        """A copy of the actor at `index` of those side by side, alone."""
        alone = copy.deepcopy(self)
        for parameter in alone.parameters():
            parameter.data = parameter.data[index : index + 1].clone()
        return alone

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation before squashing, each (..., batch, actions)."""
        out = self.body(states.reshape(-1, *states.shape[-2:]))
        mean, log_std = out.view(*states.shape[:-1], -1).chunk(2, dim=-1)
        low, high = LOG_STD_RANGE
        return mean, low + 0.5 * (high - low) * (torch.tanh(log_std) + 1)

    def sample(self, states: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reparametrised actions for standard normal `noise` (..., batch, actions), their log density (..., batch)."""
        mean, log_std = self(states)
        raw_action = mean + torch.exp(log_std) * noise
        return torch.tanh(raw_action), squashed_log_prob(raw_action, mean, log_std)

    def mean_action(self, states: Tensor) -> Tensor:
        """The action at the Gaussian's mean, used in evaluation: (..., batch, actions)."""
        return torch.tanh(self(states)[0])

    def log_prob(self, states: Tensor, actions: Tensor) -> Tensor:
        """Log density (..., batch) of `actions`, which must lie strictly inside (-1, 1)."""
        mean, log_std = self(states)
        return squashed_log_prob(torch.atanh(actions), mean, log_std)


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

    def forward(self, states: Tensor, actions: Tensor) -> Tensor:
        """Q values, (..., members, batch)."""
        pairs = torch.cat([states, actions], dim=-1)
        *seeds, batch, size = pairs.shape
        each = pairs.unsqueeze(-3).expand(*seeds, self.members, batch, size)
        return self.body(each.reshape(-1, batch, size)).view(*seeds, self.members, batch)
