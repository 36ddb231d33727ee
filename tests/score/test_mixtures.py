"""Mixtures of Gaussians: their diffusion against a convolution and samples, their scores against finite differences."""

import numpy as np
import pandas as pd
import pytest
from commands import run_well

from smiling.score.mixtures import Mixture, score_difference

STATES = np.linspace(-12, 12, 6001)
MIXTURE = Mixture(np.array([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([0.4, 0.8]))


@pytest.mark.parametrize("time", [0.0, 0.3, 1.5])
def test_density_is_the_diffused_mixtures(time):
    diffused = MIXTURE.diffused(time)
    assert np.trapezoid(diffused.density(STATES), STATES) == pytest.approx(1)
    random = np.random.default_rng(0)
    which = random.choice(2, size=400_000, p=MIXTURE.weights)
    states = random.normal(MIXTURE.means[which], MIXTURE.deviations[which])
    noise = random.normal(size=states.shape)
    states = np.exp(-time) * states + np.sqrt(1 - np.exp(-2 * time)) * noise
    for power in (1, 2, 3):
        moment = np.trapezoid(STATES**power * diffused.density(STATES), STATES)
        assert (states**power).mean() == pytest.approx(moment, abs=5 * (states**power).std() / len(states) ** 0.5)


def test_score_is_the_slope_of_the_log_density():
    inner = np.linspace(-3, 4, 50)
    slope = (np.log(MIXTURE.density(inner + 1e-5)) - np.log(MIXTURE.density(inner - 1e-5))) / 2e-5
    np.testing.assert_allclose(MIXTURE.score(inner), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("time", [0.0, 0.5, 2.0])
def test_scores_of_unit_gaussians_differ_by_the_diffused_distance(time):
    first, second = (Mixture(np.ones(1), np.array([mean]), np.ones(1)) for mean in (-0.5, 1.5))
    assert score_difference(first, second, time, STATES) == pytest.approx(4 * np.exp(-2 * time))


@pytest.mark.long
def test_figure_2_draws_its_csv(tmp_path):
    run_well("draw_figure2.py", "--out", tmp_path / "figure2")
    assert (tmp_path / "figure2.svg").read_text().startswith("<?xml")
    drawn = pd.read_csv(tmp_path / "figure2.csv")
    densities = drawn[drawn["panel"] == "density"]
    for _, curve in densities.groupby(["time", "distribution"]):
        assert 0.98 < np.trapezoid(curve["value"], curve["state"]) <= 1 + 1e-9
    integrand = drawn[drawn["panel"] == "integrand"]["value"].to_numpy()
    assert (integrand > 0).all()
    assert (np.diff(integrand) < 0).all()
