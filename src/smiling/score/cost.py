"""Equation 4: the cost of a state, c(s) = E_{t, eps}[ |g_e(s_t, t) - eps|^2 - |g(s_t, t) - eps|^2 ].

g_e and g are the expert's and the learner's score models in their noise-prediction form (Remark 1), t is uniform over
the diffusion's steps, the squared norms are means over dimensions. Three estimators:

grid   the paper's as it is defined: every state meets every time of an even grid, once.
tiled  the pairing of the authors' code, which walks states and times at once: sample n has state n mod B and time
       n mod samples, so that each state meets only some of the grid's times, several noises each.
stein  unbiased for the discretised process, and with 16 to 32 samples as accurate as the grid's 500: see `stein`.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from smiling.score.model import ScoreModel
from smiling.score.pair import ScorePair
from smiling.score.stein import SteinCost, Tuning
from smiling.settings import Ascending, Settings

# (state, time, noise) triples evaluated together: hidden layers stay in a CPU core's cache, and a GPU is kept busy.
ROWS_AT_ONCE = {"cpu": 2048, "cuda": 262_144}

Share = Annotated[float, Field(ge=0, le=1)]


class CostSettings(Settings):
    """How Eq. 4 is estimated: 500 samples in the paper (section 6), 100 in its DreamerV3 runs (the authors' code)."""

    samples: int = Field(500, ge=2, description="(time, noise) samples for each state")
    estimator: Literal["grid", "tiled", "stein"] = "grid"
    span: Annotated[tuple[Share, Share], Ascending] = Field(
        (0.0, 1.0), description="of the diffusion's times, as shares of all"
    )

    @model_validator(mode="after")
    def _pairs(self) -> "CostSettings":
        if self.estimator == "stein" and self.samples % 2:
            raise ValueError("the stein estimator draws noises in opposite pairs: 'samples' must be even")
        return self


class Cost:
    """Eq. 4 for a pair of score models, frozen as they are when it is built."""

    def __init__(self, expert: ScoreModel, learner: ScoreModel, settings: CostSettings) -> None:
        self.settings, self.pair = settings, ScorePair(expert, learner, settings.span)
        self.alpha_bar = self.pair.alpha_bar
        self._stein: SteinCost | None = None

    def tune(self, pilot_states: Tensor, generator: torch.Generator | None = None) -> None:
        """Tune the stein estimator on some of the learner's states (n, state); the others need none."""
        if self.settings.estimator == "stein":
            self._stein = SteinCost.tuned(self.pair, pilot_states, generator)

    def state_dict(self) -> dict[str, Tensor] | None:
        """The tuning; the rest follows from the models."""
        return None if self._stein is None else self._stein.tuning._asdict()

    def load_state_dict(self, saved: dict[str, Tensor] | None) -> None:
        """Inverse of `state_dict`."""
        if saved is not None:
            tuning = Tuning(**{name: value.to(self.alpha_bar.device) for name, value in saved.items()})
            self._stein = SteinCost(self.pair, tuning.slopes, tuning.cumulative)

    @torch.no_grad()
    def __call__(self, states: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Costs (n,) of `states` (n, state); times and noises are torch's own without a generator.

        Raises:
            ValueError: if the stein estimator has not been tuned.
        """
        if self.settings.estimator == "stein":
            if self._stein is None:
                raise ValueError("the stein estimator has not been tuned: call tune() with pilot states first")
            return self._stein(states, self.settings.samples, generator)
        if self.settings.estimator == "tiled":
            return tiled_cost(self, states, generator)
        per_chunk = max(1, ROWS_AT_ONCE[states.device.type] // self.settings.samples)
        return torch.cat([grid_cost(self, chunk, generator) for chunk in states.split(per_chunk)])

    def integrand(self, states: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """|g_e(s_t, t) - eps|^2 - |g(s_t, t) - eps|^2, means over dimensions: (n, d), times (n,), (n, d) -> (n,)."""
        error = (self.pair.predict(states, times, noise) - noise).square().mean(-1)
        return error[0] - error[1]


def time_grid(times: range, samples: int, device: torch.device) -> Tensor:
    """`samples` evenly spaced ones of `times`, from the first: 0, 10, .., 4990 for the paper's 500 of 5 000."""
    return times.start + torch.arange(samples, device=device) * len(times) // samples


def grid_cost(cost: Cost, states: Tensor, generator: torch.Generator | None) -> Tensor:
    """The paper's estimator: every state at every time of the grid, a fresh noise each."""
    times = time_grid(cost.pair.times, cost.settings.samples, states.device)
    rows = states.repeat_interleave(len(times), 0)
    noise = torch.randn(rows.shape, generator=generator, device=rows.device)
    return cost.integrand(rows, times.repeat(len(states)), noise).view(len(states), -1).mean(-1)


def tiled_cost(cost: Cost, states: Tensor, generator: torch.Generator | None) -> Tensor:
    """The authors' pairing: sample n has state n mod B and time n mod samples, for n below B x samples."""
    count, samples = len(states), cost.settings.samples
    grid = time_grid(cost.pair.times, samples, states.device)
    total = torch.zeros(count, device=states.device)
    for n in torch.arange(count * samples, device=states.device).split(ROWS_AT_ONCE[states.device.type]):
        owner = n % count
        noise = torch.randn(len(n), states.shape[-1], generator=generator, device=states.device)
        total.index_add_(0, owner, cost.integrand(states[owner], grid[n % samples], noise))
    return total / samples
