"""A policy that draws its actions by denoising, given the state (Chi et al., 2023; Ho et al., 2020)."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from smiling.score.diffusion import diffuse
from smiling.score.model import sinusoidal
from smiling.solvers.sac.perceptron import MLP

OFFSET = 0.008  # of the cosine schedule, and the largest beta in it (Nichol & Dhariwal, 2021)
LARGEST_BETA = 0.999
MOST_STEPS = 100_000  # that a policy's file may ask for


def cosine_alpha_bar(steps: int) -> Tensor:
    """Share of the action's variance left at each of the times, (steps,), by Nichol & Dhariwal's cosine; float64."""
    times = torch.arange(steps + 1, dtype=torch.float64) / steps
    shares = torch.cos((times + OFFSET) / (1 + OFFSET) * math.pi / 2).square()
    betas = (1 - shares[1:] / shares[:-1]).clamp(max=LARGEST_BETA)
    return torch.cumprod(1 - betas, 0)


class DenoisingPolicy(nn.Module):
    """A perceptron on noisy action, time and state that predicts the noise; its actions are drawn by DDPM's steps.

    It sees each entry of a state between -1 and 1, as far as the states that it was fitted to went (`see`).
    """

    kind: ClassVar[str] = "denoising"
    shape: ClassVar[tuple[str, ...]] = ("state_size", "action_size", "width", "depth", "steps", "time_size")
    alpha_bar: Tensor  # (steps,)
    embedded: Tensor  # (steps, time_size)
    middle: Tensor  # (state,), of the states seen
    half_range: Tensor  # (state,)

    def __init__(
        self, states: int, actions: int, width: int, depth: int, steps: int, time_size: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.state_size, self.action_size, self.width, self.depth = states, actions, width, depth
        self.steps, self.time_size = steps, time_size
        self.body = MLP(states + actions + time_size, actions, width, depth, generator)
        shares = cosine_alpha_bar(steps)
        self.register_buffer("alpha_bar", shares.float(), persistent=False)
        self.register_buffer("embedded", sinusoidal(torch.arange(steps), time_size), persistent=False)
        self.register_buffer("middle", torch.zeros(states))
        self.register_buffer("half_range", torch.ones(states))
        self._reverse = [_reverse_step(shares, time) for time in range(steps)]

    def see(self, states: Tensor) -> None:
        """Let what lies between the least and the largest of each entry of (n, state) be -1 to 1 to the perceptron."""
        low, high = states.amin(0), states.amax(0)
        self.middle.copy_((low + high) / 2)
        self.half_range.copy_(torch.where(high > low, (high - low) / 2, torch.ones_like(low)))

    def forward(self, noisy: Tensor, times: Tensor, states: Tensor) -> Tensor:
        """Predicted noise of actions (n, action) at integer times (n,) in states (n, state): (n, action)."""
        seen = (states - self.middle) / self.half_range
        return self.body(torch.cat([noisy, self.embedded[times], seen], -1)[None])[0]

    def loss(self, states: Tensor, actions: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error on the noise of actions (n, action) in states (n, state), at a random time each."""
        times = torch.randint(self.steps, (len(states),), generator=generator, device=states.device)
        noise = torch.randn(actions.shape, generator=generator, device=states.device)
        noisy = diffuse(actions, noise, self.alpha_bar[times, None])
        return (self(noisy, times, states) - noise).square().mean()

    @torch.no_grad()
    def draw(self, states: Tensor, generator: torch.Generator) -> Tensor:
        """An action in each of (n, state), (n, action): from pure noise back to time 0, what is predicted clipped."""
        shape, device = (len(states), self.action_size), states.device
        actions = torch.randn(shape, generator=generator, device=device)
        for time in reversed(range(self.steps)):
            of_noisy, of_noise, of_clean, of_action, deviation = self._reverse[time]
            noise = self(actions, torch.full((len(states),), time, device=device), states)
            clean = (of_noisy * actions - of_noise * noise).clamp(-1, 1)
            actions = of_clean * clean + of_action * actions
            if time > 0:
                actions = actions + deviation * torch.randn(shape, generator=generator, device=device)
        return actions

    def noise(self, seed: int, device: str | torch.device = "cpu") -> torch.Generator:
        """Randomness for `begin`."""
        return torch.Generator(device).manual_seed(seed)

    def begin(self, episodes: int, noise: torch.Generator, sampled: bool = False) -> Callable[[Tensor], Tensor]:
        """Drawn actions as a function of states (episodes, state): it has no others."""
        return lambda states: self.draw(states, noise)

    def description(self) -> dict[str, Any]:
        """Sizes, from which `blank` makes a policy of the same shape."""
        return {name: getattr(self, name) for name in self.shape}

    @classmethod
    def blank(cls, description: dict[str, Any]) -> "DenoisingPolicy":
        """A policy whose weights are to be loaded.

        Raises:
            ValueError: if it says more steps than any policy has, or none.
        """
        states, actions, width, depth, steps, time_size = (int(description[name]) for name in cls.shape)
        if not (1 <= steps <= MOST_STEPS and 4 <= time_size <= MOST_STEPS):
            raise ValueError(f"its metadata says {steps} steps and time_size {time_size}, which no policy has")
        return cls(states, actions, width, depth, steps, time_size, torch.Generator())


def _reverse_step(alpha_bar: Tensor, time: int) -> tuple[float, float, float, float, float]:
    """What DDPM's step back from `time` multiplies (Ho et al., 2020, Eq. 7 and 15).

    The clean action is the first times the noisy one less the second times its noise; the mean of the action before is
    the third times the clean one plus the fourth times the noisy one; the fifth is its standard deviation.
    """
    here = float(alpha_bar[time])
    before = float(alpha_bar[time - 1]) if time else 1.0
    alpha, beta = here / before, 1 - here / before
    clean = 1 / math.sqrt(here), math.sqrt(1 - here) / math.sqrt(here)
    mean = math.sqrt(before) * beta / (1 - here), math.sqrt(alpha) * (1 - before) / (1 - here)
    return *clean, *mean, math.sqrt(beta * (1 - before) / (1 - here))
