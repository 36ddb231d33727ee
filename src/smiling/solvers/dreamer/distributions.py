"""What DreamerV3 predicts: two-hot values on a symlog scale, categories mixed with uniform, Gaussians."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from smiling.solvers.dreamer.layers import full

BINS, HIGHEST = 255, 20.0  # of two-hot values, up to symexp(20) and down to symexp(-20)
UNIMIX = 0.01
LEAST_ERROR = 1e-8  # squared, of the decoder: less counts as none
MIN_DEVIATION, MAX_DEVIATION = 0.1, 1.0  # of actions

Pick = Callable[[Tensor, Tensor], Tensor]  # probabilities (..., classes), uniform noise (...) -> one-hot (..., classes)


def symlog(x: Tensor) -> Tensor:
    """sign(x) log(1 + |x|)."""
    return x.sign() * x.abs().log1p()


def _bins() -> Tensor:
    """symexp of numbers evenly spread, in float32: the upper half, and the lower as its mirror image."""
    upper = np.expm1(np.linspace(0, HIGHEST, BINS // 2 + 1))
    return torch.from_numpy(np.concatenate([-upper[:0:-1], upper]).astype(np.float32))


class TwoHot:
    """A categorical over `BINS` values, in value space: its mean is that of the values, not of their logarithms."""

    def __init__(self, device: torch.device) -> None:
        self.bins = _bins().to(device)
        self._upper = self.bins[BINS // 2 + 1 :]

    def mean(self, logits: Tensor) -> Tensor:
        """(..., bins) -> (...); bins are added in pairs, so that equal probabilities give exactly 0."""
        probabilities = full(logits).softmax(-1)
        lower, upper = probabilities[..., : BINS // 2], probabilities[..., BINS // 2 + 1 :]
        return (upper - lower.flip(-1)) @ self._upper

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """-log p of each of the targets (targets, ...) under logits (..., bins): (targets, ...).

        A target is split between the bins around it, in proportion to its distance to each.
        """
        below = (torch.searchsorted(self.bins, targets.contiguous(), right=True) - 1).clamp(0, BINS - 2)
        low, high = self.bins[below], self.bins[below + 1]
        share = ((targets - low) / (high - low)).clamp(0, 1)
        log_probabilities = full(logits).log_softmax(-1)[None].expand(len(targets), *logits.shape)
        around = log_probabilities.gather(-1, torch.stack([below, below + 1], -1))
        return -torch.lerp(around[..., 0], around[..., 1], share)


def mixed_with_uniform(logits: Tensor) -> Tensor:
    """Probabilities (..., classes), of which a hundredth is spread evenly."""
    return full(logits).softmax(-1) * (1 - UNIMIX) + UNIMIX / logits.shape[-1]


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """A category of each, one-hot (..., classes): the first whose cumulated probability exceeds `uniform` (...)."""
    cumulated = probabilities.cumsum(-1)
    index = torch.searchsorted(cumulated, uniform[..., None], right=True).clamp_(max=probabilities.shape[-1] - 1)
    return torch.zeros_like(probabilities).scatter_(-1, index, 1.0)


def mode(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The likeliest category of each, one-hot (..., classes); the noise plays no part."""
    index = probabilities.argmax(-1, keepdim=True)
    return torch.zeros_like(probabilities).scatter_(-1, index, 1.0)


def kl_divergence(probabilities: Tensor, others: Tensor) -> Tensor:
    """KL(probabilities | others) of categories, summed over the variables: (..., variables, classes) -> (...)."""
    return (probabilities * (probabilities.log() - others.log())).sum((-2, -1))


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Summed over the last dimension; where it is below `LEAST_ERROR`, 0 and without a gradient."""
    error = (prediction - target).square()
    return torch.where(error < LEAST_ERROR, 0.0, error).sum(-1)


def deviation(x: Tensor) -> Tensor:
    """Standard deviation of actions, from a network's output."""
    return (MAX_DEVIATION - MIN_DEVIATION) * torch.sigmoid(x + 2) + MIN_DEVIATION


def entropy(deviations: Tensor) -> Tensor:
    """Of a diagonal Gaussian, (..., action) -> (...)."""
    return (deviations.log() + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)
