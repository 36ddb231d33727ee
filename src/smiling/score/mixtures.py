"""Mixtures of Gaussians on a line: their diffusion, densities and scores are known in closed form."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mixture:
    """Weights, means and standard deviations of the components, (k,) each; the weights sum to one."""

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray

    def diffused(self, time: float) -> "Mixture":
        """What it has become at `time` of the Ornstein-Uhlenbeck process (paper, Eq. 1): alpha_bar = exp(-2 time)."""
        alpha_bar = np.exp(-2 * time)
        spread = np.sqrt(alpha_bar * self.deviations**2 + 1 - alpha_bar)
        return Mixture(self.weights, np.sqrt(alpha_bar) * self.means, spread)

    def _components(self, states: np.ndarray) -> np.ndarray:
        """Weighted densities of the components, (n, k)."""
        distances = (states[:, None] - self.means) / self.deviations
        return self.weights * np.exp(-(distances**2) / 2) / (self.deviations * np.sqrt(2 * np.pi))

    def density(self, states: np.ndarray) -> np.ndarray:
        """Density at states (n,), (n,)."""
        return self._components(states).sum(1)

    def score(self, states: np.ndarray) -> np.ndarray:
        """Derivative of the log density at states (n,), (n,)."""
        parts = self._components(states)
        pulls = (self.means - states[:, None]) / self.deviations**2
        return (parts * pulls).sum(1) / parts.sum(1)


def score_difference(learner: Mixture, expert: Mixture, time: float, states: np.ndarray) -> float:
    """The DS divergence's integrand (paper, definition 1): squared difference of the scores at `time`.

    Averaged over the learner's diffused states by the trapezoid rule; the evenly spaced `states` must cover them.
    """
    mine, other = learner.diffused(time), expert.diffused(time)
    return float(np.trapezoid(mine.density(states) * (mine.score(states) - other.score(states)) ** 2, states))
