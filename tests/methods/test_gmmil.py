"""GMMIL against kernels computed by SciPy, and the discrepancy of equal samples."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from smiling.methods.gmmil import GMMIL, GMMILSettings


def states(count: int, shift: float, generator: torch.Generator) -> torch.Tensor:
    return shift + torch.randn(count, 3, generator=generator)


def test_reward_is_the_witness_function_of_two_gaussian_kernels(generator):
    expert, learner, new = states(60, 0.0, generator), states(40, 1.0, generator), states(25, 0.5, generator)
    method = GMMIL(expert, GMMILSettings(samples=60), seed=0)
    method.update(lambda count: learner)
    e, ours, x = (part.double().numpy() for part in (expert, learner, new))
    pairs = np.sort(cdist(e, e, "sqeuclidean").ravel()), np.sort(cdist(e, ours, "sqeuclidean").ravel())
    widths = [found[(len(found) - 1) // 2] for found in pairs]  # the lower of two middles

    def resemblance(others):
        distances = cdist(x, others, "sqeuclidean")
        return sum(np.exp(-distances / width).mean(1) for width in widths)

    expected = resemblance(e) - resemblance(ours)
    torch.testing.assert_close(method.pointwise(new).double(), torch.from_numpy(expected), atol=1e-5, rtol=1e-4)


def test_discrepancy_of_equal_samples_is_nothing_and_of_others_is_positive(generator):
    expert = states(200, 0.0, generator)
    method = GMMIL(expert, GMMILSettings(samples=200), seed=0)
    assert method.pointwise(expert).abs().max() == 0  # before the first update
    assert method.update(lambda count: method.expert)["squared_mmd"] == 0
    assert method.update(lambda count: states(count, 1.0, generator))["squared_mmd"] > 0.05


def test_widths_are_those_of_the_first_update(generator):
    expert, settings = states(50, 0.0, generator), GMMILSettings(samples=50)
    method = GMMIL(expert, settings, seed=0)
    method.update(lambda count: states(count, 1.0, generator))
    first = method.widths
    method.update(lambda count: states(count, 5.0, generator))
    assert torch.equal(method.widths, first)
    again = GMMIL(expert, settings, seed=0)
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.pointwise(expert), method.pointwise(expert))


def test_states_that_are_all_the_same_have_finite_rewards():
    method = GMMIL(torch.ones(20, 3), GMMILSettings(samples=10), seed=0)
    method.update(lambda count: torch.ones(count, 3))
    assert method.pointwise(torch.ones(5, 3)).tolist() == pytest.approx([0.0] * 5)
