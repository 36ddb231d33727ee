"""The forward process: DDPM's discretisation of Ornstein-Uhlenbeck diffusion (paper section 3.3; Ho et al., 2020)."""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from smiling.settings import Settings


class DiffusionSettings(Settings):
    """The paper's process: 5 000 steps (Table 2) with linear betas (the authors' code)."""

    steps: int = Field(5000, ge=2, description="discretisation steps T")
    first_beta: float = Field(1e-4, gt=0, lt=1)
    last_beta: float = Field(0.02, gt=0, lt=1)


def alpha_bar(settings: DiffusionSettings) -> Tensor:
    """Share of the state's variance left at each time, (steps,): the running product of 1 - beta.

    In the paper's continuous time, sqrt(alpha_bar) = e^{-t}.
    """
    betas = torch.linspace(settings.first_beta, settings.last_beta, settings.steps, dtype=torch.float64)
    return torch.cumprod(1 - betas, 0).float()


def times_within(span: tuple[float, float], steps: int) -> range:
    """The times of `steps` that `span` holds, from one share of all up to, not including, another.

    Raises:
        ValueError: if there are none.
    """
    times = range(*(round(share * steps) for share in span))
    if not times:
        raise ValueError(f"none of the diffusion's {steps} times lies in {span[0]:g} to {span[1]:g} of all")
    return times


def diffuse(states: Tensor, noise: Tensor, alpha_bar_t: Tensor) -> Tensor:
    """A draw of q_t(. | s): sqrt(alpha_bar) s + sqrt(1 - alpha_bar) noise; `alpha_bar_t` is (n, 1), the rest (n, d)."""
    return square_root(alpha_bar_t) * states + square_root(1 - alpha_bar_t) * noise


def square_root(values: Tensor) -> Tensor:
    """The square root, correctly rounded, without a gradient.

    MKL's, which torch takes on a CPU, is an approximation that processors of different kinds round differently.
    """
    return torch.as_tensor(np.sqrt(values.numpy())) if values.device.type == "cpu" else values.sqrt()
