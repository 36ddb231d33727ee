"""The fast estimator of Eq. 4: what is linear in the noise is known, and only the rest is sampled.

Let g be a model's noise prediction at s_t = sqrt(alpha_bar) s + sigma eps, and B any matrix. Then

    |g - eps|^2 = |g - B eps|^2 + 2 ((B - I) eps) . g + |eps|^2 - |B eps|^2,

and by Stein's identity E[((B - I) eps) . g] = sigma E[trace of (B - I)^T Dg(s_t)]. With one hidden layer the trace is a
sum over units h, of the activation's slope there and c_h, the diagonal of W1 (B - I)^T W2. So, whatever B is,

    E|g - eps|^2 = E[ |g - B eps|^2 + 2 sigma sum_h slope_h c_h ] + d - |B|^2.

With B = sigma x (mean of Dg over states and noise), g's best linear response to the noise, little is left to vary: on
trained models a tenth of the samples do that Eq. 4 asks for as it stands.

Three more levers, which leave the mean as it is: times are drawn where there is more to see, one from each of as many
equally likely intervals as there are samples; successive ones share a noise with opposite signs; and all states of a
call share times and noises, so that a state's first layer is computed once, not once a sample. The errors of states
evaluated together are therefore correlated, each having the same distribution as alone.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from smiling.score.diffusion import square_root
from smiling.score.pair import ScorePair

STATES_AT_ONCE = 1024  # that share times and noises
# Pairs of state and sample evaluated together: on a CPU their hidden layers stay in a core's cache, a GPU is kept busy.
PAIRS_AT_ONCE = {"cpu": 1024, "cuda": 65_536}
TIME_BINS = 50  # density over time and linear responses are constant on each of as many intervals
PILOT_STATES, PILOT_PAIRS = 16, 8  # states, and pairs of opposite noises for each bin, that the density is chosen by
STATES_SHARE = 0.1  # how much the spread between states counts in the density, beside that over noises
UNIFORM_SHARE = 0.1  # of the density, so that no time is left out


class Tuning(NamedTuple):
    """What pilot states decide, for each bin of time: the estimator is unbiased whatever it is."""

    cumulative: Tensor  # (bins,) probability of the bins up to and including each, float64
    slopes: Tensor  # (bins, 2, H) mean slope of each unit of both models


class SteinCost:
    """Eq. 4 for a pair of score models."""

    def __init__(self, pair: ScorePair, slopes: Tensor, cumulative: Tensor | None = None) -> None:
        self.pair = pair
        self.edges = bin_edges(pair)
        self.pairs_at_once = PAIRS_AT_ONCE[slopes.device.type]
        self._slopes = slopes
        # Derivatives of the predictions by their inputs, (bins, 2, input, output), and with them the c of each unit.
        self._derivative = torch.einsum("mih,bmh,mhj->bmij", pair.inward, slopes, pair.outward)
        self._through = torch.einsum("mih,bmij,mhj->bmh", pair.inward, self._derivative, pair.outward)
        self._trace = torch.einsum("mih,mhi->mh", pair.inward, pair.outward)
        self._size = self._derivative.square().sum((-1, -2))
        self._uniform = self.edges.diff() / len(pair.times)
        self._allocate(self._uniform.double().cumsum(0) if cumulative is None else cumulative)

    def _allocate(self, cumulative: Tensor) -> None:
        """Draw times from each bin, and those before it, with probability `cumulative` (bins,)."""
        self._cumulative = cumulative
        self._probability = cumulative.diff(prepend=torch.zeros_like(cumulative[:1]))

    @classmethod
    @torch.no_grad()
    def tuned(cls, pair: ScorePair, pilot_states: Tensor, generator: torch.Generator | None) -> "SteinCost":
        """Choose linear responses and density by some of the learner's states (n, d)."""
        pilot_states = pilot_states[:PILOT_STATES]
        estimator = cls(pair, mean_slopes(pair, pilot_states))
        estimator._allocate(estimator._density(pilot_states, generator).double().cumsum(0))
        return estimator

    @property
    def tuning(self) -> Tuning:
        """From which, and the models, the estimator can be built again."""
        return Tuning(self._cumulative, self._slopes)

    @torch.no_grad()
    def __call__(self, states: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
        """Costs (n,) of `states` (n, d), each by `samples` (an even number of) times and noises.

        Of many states those that are evaluated together lie far apart: successive ones, of an episode perhaps, would
        else err alike.
        """
        costs, groups = states.new_empty(len(states)), -(-len(states) // STATES_AT_ONCE)
        for first in range(groups):
            costs[first::groups] = self._together(states[first::groups], samples, generator)
        return costs

    def _together(self, states: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
        times, weights = self._draw_times(samples, generator)
        noise = _opposite(torch.randn(samples // 2, states.shape[1], generator=generator, device=states.device))
        return (weights[:, None] * self.differences(states, times, noise)).mean(0)

    def _draw_times(self, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """A time from each of `count` equally likely intervals, and uniform density over theirs, (count,) each."""
        device = self.edges.device
        uniform = torch.rand(count, generator=generator, device=device, dtype=torch.float64)
        place = (torch.arange(count, device=device) + uniform) / count
        bins = torch.searchsorted(self._cumulative, place, right=True).clamp_max(len(self._cumulative) - 1)
        probability = self._probability[bins]
        within = ((place - self._cumulative[bins]) / probability + 1).clamp(0, 1 - 1e-9)
        times = self.edges[bins] + (within * self.edges.diff()[bins]).long()
        return times, self._uniform[bins] / probability.to(self._uniform.dtype)

    def differences(self, states: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Eq. 4's integrand but for what has mean zero: states (n, d), times (k,), noise (k, d) -> (k, n)."""
        pair, bins = self.pair, torch.searchsorted(self.edges, times, right=True) - 1
        share = pair.alpha_bar[times]
        sigma = square_root(1 - share)
        scale = sigma[:, None, None]
        response = scale * torch.einsum("ki,kmij->kmj", noise, self._derivative[bins])
        shift = pair.time_bias[:, times].transpose(0, 1) + scale * torch.einsum("ki,mih->kmh", noise, pair.inward)
        # 2 sigma sum_h slope_h c_h, where slope_h is `pair.slope` and, for active units, 1 - pair.slope more
        units = 2 * scale * (scale * self._through[bins] - self._trace)
        known_expert, known_learner = (pair.slope * units.sum(-1) - sigma[:, None] ** 2 * self._size[bins]).unbind(-1)
        active = ((1 - pair.slope) * units)[..., None, :]
        offset = pair.out_bias.mT - response[..., None]
        # Units and outputs in rows, states in columns: BLAS is slow where a product has few columns.
        outward, inner, root = pair.outward.mT.contiguous(), pair.inward.mT @ states.T, square_root(share)
        values, at_once = [], max(1, self.pairs_at_once // len(states))
        for first in range(0, len(times), at_once):
            some = slice(first, first + at_once)
            hidden = F.leaky_relu_(_before_activation(inner, root[some], shift[some]), pair.slope)
            both = hidden.flatten(0, 1)  # models, of one sample after the other
            outwards = outward.expand(len(hidden), *outward.shape).flatten(0, 1)
            residual = torch.baddbmm(offset[some].flatten(0, 1), outwards, both)
            slopes = torch.bmm(active[some].flatten(0, 1), both.gt_(0)).squeeze(-2)
            values.append(residual.square_().sum(-2) + slopes)
        expert, learner = torch.cat(values).view(len(times), 2, -1).unbind(1)
        return (expert - learner + (known_expert - known_learner)[:, None]) / pair.state_size

    def _density(self, states: Tensor, generator: torch.Generator | None) -> Tensor:
        """Probability of each bin: as the integrand varies there, with the noise and between states."""
        width = self.edges.diff()
        uniform = torch.rand(PILOT_PAIRS, len(width), generator=generator, device=states.device)
        times = (self.edges[:-1] + (uniform * width).long()).flatten()
        noise = torch.randn(len(times), states.shape[1], generator=generator, device=states.device)
        values = self.differences(states, times.repeat(2), torch.cat([noise, -noise]))
        drawn = values.view(2 * PILOT_PAIRS, len(width), -1)
        spread = square_root(drawn.var(0).mean(-1)) + STATES_SHARE * drawn.mean(0).std(-1)
        smooth = F.avg_pool1d(spread[None], 3, 1, 1, count_include_pad=False)[0] * width
        density = smooth / smooth.sum().clamp_min(torch.finfo(smooth.dtype).tiny)
        density = (1 - UNIFORM_SHARE) * density
        return density + (1 - density.sum()) * self._uniform


def _before_activation(inner: Tensor, root: Tensor, shift: Tensor) -> Tensor:
    """root inner + shift: what states (2, H, n) and samples (k,), (k, 2, H) add up to, (k, 2, H, n)."""
    if len(root) > 1 or root.is_cuda:
        return torch.mul(inner, root[:, None, None, None]).add_(shift[..., None])
    return torch.add(shift[..., None], inner, alpha=root.item())  # in one pass; on a CPU no device is waited for


def _opposite(noise: Tensor) -> Tensor:
    """Each row, and after it its opposite."""
    return torch.stack([noise, -noise], 1).flatten(0, 1)


def bin_edges(pair: ScorePair) -> Tensor:
    """First time of each bin, and one past the last at the end: (bins + 1,)."""
    times = pair.times
    bins = min(TIME_BINS, len(times))
    return times.start + torch.arange(bins + 1, device=pair.alpha_bar.device) * len(times) // bins


def mean_slopes(pair: ScorePair, states: Tensor) -> Tensor:
    """Mean slope of each hidden unit over states (n, d) and noise, in the middle of each bin: (bins, 2, H).

    A unit's input is Gaussian over the noise, so the share of it above zero is a normal distribution function.
    """
    edges = bin_edges(pair)
    middle = (edges[:-1] + edges[1:]) // 2
    share = pair.alpha_bar[middle, None, None, None]
    mean = square_root(share) * (states @ pair.inward) + pair.time_bias[:, middle].transpose(0, 1)[:, :, None]
    deviation = square_root(1 - share) * pair.inward.norm(dim=1)[:, None]
    tiny = torch.finfo(mean.dtype).tiny
    return pair.slope + (1 - pair.slope) * torch.special.ndtr(mean / deviation.clamp_min(tiny)).mean(2)
