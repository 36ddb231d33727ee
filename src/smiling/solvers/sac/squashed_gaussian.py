"""The actor's distribution: a diagonal Gaussian squashed by tanh (Haarnoja et al., 2018, appendix C)."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

Range = tuple[float, float]
LOG_STD_RANGE: Range = (-5.0, 2.0)  # pytorch_sac's
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
LOG_2 = math.log(2.0)


def parameters(out: Tensor, log_std_range: Range = LOG_STD_RANGE) -> tuple[Tensor, Tensor]:
    """Mean and log standard deviation of a network's output (..., 2 actions), the latter squashed into its range."""
    mean, log_std = out.chunk(2, dim=-1)
    low, high = log_std_range
    return mean, torch.tanh(log_std) * (0.5 * (high - low)) + 0.5 * (high + low)


def log_prob(raw_action: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log density of tanh(raw_action) where raw_action ~ N(mean, exp(log_std)^2), summed over the last dimension."""
    return log_density(raw_action, (raw_action - mean) * torch.exp(-log_std), log_std)


def log_density(raw_action: Tensor, noise: Tensor, log_std: Tensor) -> Tensor:
    """The same by the standard normal `noise` = (raw_action - mean) / exp(log_std).

    log(1 - tanh(u)^2) is taken as 2 (log 2 - u - softplus(-2u)), which does not cancel for large |u|.
    """
    slope = F.softplus(-2 * raw_action).add_(raw_action)
    constant = raw_action.shape[-1] * (HALF_LOG_2PI + 2 * LOG_2)
    return (2 * slope - log_std - 0.5 * noise.square()).sum(-1) - constant


def sample(out: Tensor, noise: Tensor, log_std_range: Range = LOG_STD_RANGE) -> tuple[Tensor, Tensor]:
    """Reparametrised actions for a network's output (..., 2 actions) and standard normal noise (..., actions).

    Returns the actions (..., actions) and their log densities (...). To autograd it is one operation.
    """
    return _Sample.apply(out, noise, log_std_range)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, out: Tensor, noise: Tensor, log_std_range: Range) -> tuple[Tensor, Tensor]:
        mean, log_std = parameters(out, log_std_range)
        ctx.log_std_range = log_std_range
        deviation = torch.exp(log_std) * noise
        raw_action = mean + deviation
        action = torch.tanh(raw_action)
        ctx.save_for_backward(action, deviation, log_std)
        return action, log_density(raw_action, noise, log_std)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_action: Tensor, by_log_prob: Tensor) -> tuple[Tensor, None, None]:
        action, deviation, log_std = ctx.saved_tensors
        low, high = ctx.log_std_range
        by_log_prob = by_log_prob.unsqueeze(-1)
        by_mean = by_action * (1 - action.square()) + 2 * by_log_prob * action  # d log density / d raw_action: 2 tanh
        by_log_std = by_mean * deviation - by_log_prob
        # log_std = middle + half tanh(x): its slope is half - (log_std - middle)^2 / half
        half, middle = 0.5 * (high - low), 0.5 * (high + low)
        slope = half - (log_std - middle).square() / half
        return torch.cat([by_mean, by_log_std * slope], -1), None, None
