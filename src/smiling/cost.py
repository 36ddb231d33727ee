"""Equation 4: the cost of a state, c(s) = E_{t, eps}[ |g_e(s_t, t) - eps|^2 - |g(s_t, t) - eps|^2 ].

g_e and g are the expert's and the learner's score models in their noise-prediction form (Remark 1), t is uniform over
the diffusion's steps, the squared norms are means over dimensions. Three estimators:

grid       the paper's as it is defined: every state meets every time of an even grid, once.
tiled      the pairing of the authors' code, which walks states and times at once: sample n has state n mod B and
           time n mod samples, so that each state meets only some of the grid's times, several noises each.
allocated  unbiased for the discretised process, and as accurate as the grid's 500 with some 16 samples: times are
           drawn where the integrand varies most (Neyman allocation), stratified, the noise in antithetic pairs, and
           Stein's identity as a control variate, all three tuned on pilot states after each change of the models.
"""

from typing import Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from smiling.diffusion import diffuse
from smiling.score_model import ScoreModel
from smiling.settings import Settings

ROWS_AT_ONCE = 2048  # (state, time, noise) triples evaluated together: the hidden layers stay in a core's cache
TIME_BINS = 50  # the allocated estimator's density over time is constant on each of as many intervals
PILOT_STATES, PILOT_PAIRS = 32, 4  # antithetic pairs for each pilot state and time bin
UNIFORM_SHARE = 0.1  # of the allocated density, so that no time is left out


class CostSettings(Settings):
    """How Eq. 4 is estimated: 500 samples in the paper (section 6), 100 in its DreamerV3 runs (the authors' code)."""

    samples: int = Field(500, ge=2, description="(time, noise) samples for each state")
    estimator: Literal["grid", "tiled", "allocated"] = "grid"

    @model_validator(mode="after")
    def _pairs(self) -> "CostSettings":
        if self.estimator == "allocated" and self.samples % 2:
            raise ValueError("the allocated estimator draws antithetic pairs: 'samples' must be even")
        return self


class Integrand(NamedTuple):
    """For each (state, time, noise): Eq. 4's integrand, and a quantity of mean zero that varies with it."""

    plain: Tensor
    control: Tensor


class Cost:
    """Eq. 4 for a pair of score models, frozen as they are when it is built.

    Both models see the same noisy states, so their layers are stacked and evaluated in one product.
    """

    def __init__(self, expert: ScoreModel, learner: ScoreModel, settings: CostSettings) -> None:
        if expert.settings.diffusion != learner.settings.diffusion:
            raise ValueError("the two score models belong to different diffusions")
        self.settings = settings
        self.alpha_bar = expert.alpha_bar
        self.slope = expert.slope
        models, size = (expert, learner), expert.state_size
        times = torch.arange(len(self.alpha_bar), device=self.alpha_bar.device)
        with torch.no_grad():
            self._time_bias = torch.stack([model.time_bias(times) for model in models])
            self._in = torch.stack([model.hidden.weight[:, :size].T for model in models])
            self._out = torch.stack([model.out.weight.T for model in models])
            self._out_bias = torch.stack([model.out.bias[None] for model in models])
            trace = torch.einsum("mih,mhi->mh", self._in, self._out)[..., None]
            self._trace_at_slope = self.slope * trace.sum(1, keepdim=True)
            self._trace_above = (1 - self.slope) * trace
        self.allocation: Allocation | None = None

    def tune(self, pilot_states: Tensor, generator: torch.Generator) -> None:
        """Tune the allocated estimator on some of the learner's states (n, state); the others need none."""
        if self.settings.estimator == "allocated":
            self.allocation = allocate(self, pilot_states, generator)

    def state_dict(self) -> dict[str, Tensor] | None:
        """The tuning; the rest follows from the models."""
        return None if self.allocation is None else self.allocation._asdict()

    def load_state_dict(self, saved: dict[str, Tensor] | None) -> None:
        """Inverse of `state_dict`."""
        if saved is not None:
            self.allocation = Allocation(**{name: value.to(self.alpha_bar.device) for name, value in saved.items()})

    @torch.no_grad()
    def __call__(self, states: Tensor, generator: torch.Generator) -> Tensor:
        """Costs (n,) of `states` (n, state)."""
        if self.settings.estimator == "tiled":
            return tiled_cost(self, states, generator)
        estimate = grid_cost if self.settings.estimator == "grid" else allocated_cost
        per_chunk = max(1, ROWS_AT_ONCE // self.settings.samples)
        return torch.cat([estimate(self, chunk, generator) for chunk in states.split(per_chunk)])

    def integrand(self, states: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """|g_e(s_t, t) - eps|^2 - |g(s_t, t) - eps|^2, means over dimensions: (n, d), times (n,), (n, d) -> (n,)."""
        return self._predict(states, times, noise)[1]

    def integrand_and_control(self, states: Tensor, times: Tensor, noise: Tensor) -> Integrand:
        """The integrand, and Stein's identity as a quantity of mean zero for every state and time.

        With h = g_e - g, E[eps . h(s_t)] = sqrt(1 - alpha_bar) E[div h(s_t)]: the difference of the two sides,
        doubled. The divergence of one hidden layer is exact: the activation's slopes weighted by its path products.
        """
        hidden, plain, predicted = self._predict(states, times, noise)
        active = hidden.gt_(0)  # where the activation's slope is 1; elsewhere it is self.slope
        divergence = torch.baddbmm(self._trace_at_slope, active, self._trace_above).squeeze(-1)
        correlation = (noise * (predicted[0] - predicted[1])).sum(-1)
        spread = (1 - self.alpha_bar[times]).sqrt()
        control = 2 * (correlation - spread * (divergence[0] - divergence[1])) / states.shape[-1]
        return Integrand(plain, control)

    def _predict(self, states: Tensor, times: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        noisy = diffuse(states, noise, self.alpha_bar[times, None])
        hidden = torch.baddbmm(self._time_bias[:, times], noisy.expand(2, *noisy.shape), self._in)
        hidden = F.leaky_relu_(hidden, self.slope)
        predicted = torch.baddbmm(self._out_bias, hidden, self._out)
        error = (predicted - noise).square().mean(-1)
        return hidden, error[0] - error[1], predicted


def time_grid(steps: int, samples: int, device: torch.device) -> Tensor:
    """`samples` evenly spaced times from 0: 0, 10, .., 4990 for the paper's 500 of 5 000."""
    return torch.arange(samples, device=device) * steps // samples


def grid_cost(cost: Cost, states: Tensor, generator: torch.Generator) -> Tensor:
    """The paper's estimator: every state at every time of the grid, a fresh noise each."""
    times = time_grid(len(cost.alpha_bar), cost.settings.samples, states.device)
    rows = states.repeat_interleave(len(times), 0)
    noise = torch.randn(rows.shape, generator=generator, device=rows.device)
    return cost.integrand(rows, times.repeat(len(states)), noise).view(len(states), -1).mean(-1)


def tiled_cost(cost: Cost, states: Tensor, generator: torch.Generator) -> Tensor:
    """The authors' pairing: sample n has state n mod B and time n mod samples, for n below B x samples."""
    count, samples = len(states), cost.settings.samples
    grid = time_grid(len(cost.alpha_bar), samples, states.device)
    total = torch.zeros(count, device=states.device)
    for n in torch.arange(count * samples, device=states.device).split(ROWS_AT_ONCE):
        owner = n % count
        noise = torch.randn(len(n), states.shape[-1], generator=generator, device=states.device)
        total.index_add_(0, owner, cost.integrand(states[owner], grid[n % samples], noise))
    return total / samples


class Allocation(NamedTuple):
    """The allocated estimator's tuning, a value for each of `TIME_BINS` intervals of time, (bins,) each."""

    cumulative: Tensor  # probability of the bins up to and including each
    weight: Tensor  # uniform density over the allocated one
    control_weight: Tensor  # beta, what the control variate is multiplied by


def bin_edges(steps: int, device: torch.device) -> Tensor:
    """First time of each bin, and `steps` at the end: (bins + 1,)."""
    bins = min(TIME_BINS, steps)
    return torch.arange(bins + 1, device=device) * steps // bins


@torch.no_grad()
def allocate(cost: Cost, states: Tensor, generator: torch.Generator) -> Allocation:
    """Choose density and control weights from the integrand's variance within pilot states.

    The samples serve only to choose: given the choice, the estimator is unbiased whatever they were.
    """
    edges = bin_edges(len(cost.alpha_bar), states.device)
    width = edges.diff()
    states = states[:PILOT_STATES]
    shape = (len(states), len(width), PILOT_PAIRS)
    uniform = torch.rand(shape, generator=generator, device=states.device)
    times = edges[:-1, None] + (uniform * width[:, None]).long()
    plain, control = antithetic(cost, states, times.view(len(states), -1), generator)
    plain, control = (part.view(shape) - part.view(shape).mean(-1, keepdim=True) for part in (plain, control))
    beta = -(plain * control).mean((0, 2)) / control.square().mean((0, 2)).clamp_min(torch.finfo(plain.dtype).tiny)
    spread = (plain + beta[:, None] * control).square().mean((0, 2)).sqrt() * width
    uniform_density = width / len(cost.alpha_bar)
    density = (1 - UNIFORM_SHARE) * spread / spread.sum().clamp_min(torch.finfo(spread.dtype).tiny)
    density = density + (1 - density.sum()) * uniform_density
    return Allocation(density.cumsum(0), uniform_density / density, beta)


def antithetic(cost: Cost, states: Tensor, times: Tensor, generator: torch.Generator) -> Integrand:
    """Integrand and control averaged over a noise and its opposite: states (n, d), times (n, m) -> (n, m) each."""
    rows, flat_times = states.repeat_interleave(times.shape[1], 0), times.flatten()
    noise = torch.randn(rows.shape, generator=generator, device=rows.device)
    both = cost.integrand_and_control(rows.repeat(2, 1), flat_times.repeat(2), torch.cat([noise, -noise]))
    return Integrand(*(part.view(2, *times.shape).mean(0) for part in both))


def allocated_cost(cost: Cost, states: Tensor, generator: torch.Generator) -> Tensor:
    """The tuned estimator: `samples` / 2 stratified times for each state, an antithetic pair of noises at each."""
    if cost.allocation is None:
        raise ValueError("the allocated estimator has not been tuned: call tune() with pilot states first")
    cumulative, weight, control_weight = cost.allocation
    edges = bin_edges(len(cost.alpha_bar), states.device)
    pairs = cost.settings.samples // 2
    strata = torch.arange(pairs, device=states.device)
    uniform = torch.rand(2, len(states), pairs, generator=generator, device=states.device)
    bins = torch.searchsorted(cumulative, (strata + uniform[0]) / pairs).clamp_max(len(cumulative) - 1)
    times = edges[bins] + (uniform[1] * edges.diff()[bins]).long()
    plain, control = antithetic(cost, states, times, generator)
    return (weight[bins] * (plain + control_weight[bins] * control)).mean(-1)
