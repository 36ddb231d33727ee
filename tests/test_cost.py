"""Equation 4: its closed form between Gaussians, its sign, and its three estimators against each other."""

import pytest
import torch
from torch import nn

from smiling.cost import Cost, CostSettings, antithetic, time_grid
from smiling.diffusion import DiffusionSettings
from smiling.methods.smiling import normalise
from smiling.score_model import ScoreModel, ScoreModelSettings, fit_pass, score_optimiser
from smiling.settings import UserError, validate

SHORT = DiffusionSettings(steps=100, first_beta=1e-3, last_beta=0.2)


def exact_cost(first: torch.Tensor, second: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """E_{s ~ N(second, I)}[c(s)] for exact predictors: (1 - alpha_bar) alpha_bar |m1 - m2|^2 / d, mean over times.

    The scores differ by e^{-t}(m1 - m2) = sqrt(alpha_bar)(m1 - m2), the noise predictions by sqrt(1 - alpha_bar) times.
    """
    return ((1 - share) * share).mean() * (first - second).square().mean()


class ExactCost(Cost):
    """Eq. 4's estimators on the exact noise predictors of N(expert, I) and N(learner, I)."""

    def __init__(self, expert: torch.Tensor, learner: torch.Tensor, settings: CostSettings) -> None:
        size = len(expert)
        models = [ScoreModel(size, ScoreModelSettings(diffusion=SHORT), seed) for seed in (0, 1)]
        super().__init__(*models, settings)
        self.means = torch.stack([expert, learner])[:, None]

    def _predict(self, states, times, noise):
        share = self.alpha_bar[times, None]
        noisy = share.sqrt() * states + (1 - share).sqrt() * noise
        predicted = (1 - share).sqrt() * (noisy - share.sqrt() * self.means)
        error = (predicted - noise).square().mean(-1)
        return torch.zeros(2, len(states), 1), error[0] - error[1], predicted


@pytest.mark.parametrize("settings", [CostSettings(samples=100), CostSettings(samples=100, estimator="tiled")])
def test_mean_cost_is_the_ds_divergence_between_gaussians(settings, generator):
    expert, learner = torch.tensor([1.0, 0.0, -1.0]), torch.tensor([0.0, 0.5, 0.0])
    cost = ExactCost(expert, learner, settings)
    states = learner + torch.randn(40_000, 3, generator=generator)
    expected = exact_cost(expert, learner, cost.alpha_bar).item()
    assert cost(states, generator).mean().item() == pytest.approx(expected, rel=0.03)


def test_cost_of_a_single_state_has_its_closed_form(generator):
    # With exact predictors of two unit Gaussians the integrand is linear in state and noise, so c(s) is known.
    expert, learner = torch.tensor([1.0, 0.0]), torch.tensor([-0.5, 0.5])
    cost = ExactCost(expert, learner, CostSettings(samples=100))
    state = torch.tensor([0.3, 2.0])
    share = cost.alpha_bar
    squares = (state - expert).square() - (state - learner).square()
    expected = ((1 - share) * share).mean() * squares.mean()
    assert cost(state.expand(5000, 2), generator).mean().item() == pytest.approx(expected.item(), rel=0.02)


def test_equal_models_cost_nothing(generator):
    model = ScoreModel(4, ScoreModelSettings(diffusion=SHORT), seed=0)
    for estimator in ("grid", "tiled", "allocated"):
        cost = Cost(model, model, CostSettings(samples=8, estimator=estimator))
        states = torch.randn(30, 4, generator=generator)
        cost.tune(states, generator)
        assert cost(states, generator).abs().max().item() == 0.0


@pytest.fixture(scope="module")
def models() -> tuple[ScoreModel, ScoreModel]:
    """Two models of random weights, large enough to be curved."""
    pair = tuple(ScoreModel(5, ScoreModelSettings(diffusion=SHORT, width=64), seed) for seed in (3, 4))
    for model in pair:
        nn.init.normal_(model.hidden.weight, std=0.8, generator=torch.Generator().manual_seed(model.state_size))
    return pair


def test_integrand_is_equation_4_term_by_term(models, generator):
    cost = Cost(*models, CostSettings())
    states, noise = torch.randn(2, 50, 5, generator=generator)
    times = torch.randint(100, (50,), generator=generator)
    noisy = cost.alpha_bar[times, None].sqrt() * states + (1 - cost.alpha_bar[times, None]).sqrt() * noise
    expert_error, learner_error = (((model(noisy, times) - noise) ** 2).mean(-1) for model in models)
    torch.testing.assert_close(cost.integrand(states, times, noise), (expert_error - learner_error).detach())


def test_control_variate_has_mean_zero_at_every_state_and_time(models, generator):
    cost = Cost(*models, CostSettings())
    states = torch.randn(6, 5, generator=generator).repeat_interleave(20_000, 0)
    times = torch.tensor([1, 10, 30, 50, 70, 99]).repeat_interleave(20_000)
    noise = torch.randn(states.shape, generator=generator)
    control = cost.integrand_and_control(states, times, noise).control.view(6, -1)
    standard_error = control.std(1) / control.shape[1] ** 0.5
    assert (control.mean(1).abs() < 4 * standard_error).all()
    assert (control.std(1) > 0.01).any()  # or it could not have failed


def test_divergence_of_the_control_variate_is_the_jacobian_trace(models, generator):
    cost = Cost(*models, CostSettings())
    state, noise = torch.randn(2, 5, generator=generator)
    time = torch.tensor([40])
    share = cost.alpha_bar[40]
    noisy = share.sqrt() * state + (1 - share).sqrt() * noise

    def difference(x: torch.Tensor) -> torch.Tensor:
        return (models[0](x[None], time) - models[1](x[None], time))[0]

    trace = torch.autograd.functional.jacobian(difference, noisy).trace()
    expected = 2 * ((noise * difference(noisy)).sum() - (1 - share).sqrt() * trace) / 5
    control = cost.integrand_and_control(state[None], time, noise[None]).control[0]
    torch.testing.assert_close(control, expected.detach(), rtol=1e-4, atol=1e-6)


def test_allocated_estimator_agrees_with_the_whole_sum_over_times(models, generator):
    states = torch.randn(8, 5, generator=generator)
    allocated = Cost(*models, CostSettings(samples=16, estimator="allocated"))
    allocated.tune(torch.randn(32, 5, generator=generator), generator)
    estimates = torch.stack([allocated(states, generator) for _ in range(3000)])
    every_time = Cost(*models, CostSettings(samples=100))  # as many as there are steps: no time is left out
    reference = torch.stack([every_time(states, generator) for _ in range(3000)])
    spread = (estimates.var(0) / 3000 + reference.var(0) / 3000).sqrt()
    assert ((estimates.mean(0) - reference.mean(0)).abs() < 4.5 * spread).all()


def test_allocated_estimator_beats_as_many_independent_samples(models, generator):
    states = torch.randn(32, 5, generator=generator)
    allocated = Cost(*models, CostSettings(samples=16, estimator="allocated"))
    allocated.tune(states, generator)
    grid = Cost(*models, CostSettings(samples=16))
    spreads = [torch.stack([cost(states, generator) for _ in range(300)]).std(0).mean() for cost in (allocated, grid)]
    # The grid of 16 has a fixed bias on top of its spread; the allocated estimator has neither.
    assert spreads[0] < 0.5 * spreads[1]


def test_grid_meets_every_time_once_and_tiling_only_some():
    seen: dict[str, dict[int, set[int]]] = {"grid": {}, "tiled": {}}

    class Recorder(ExactCost):
        def integrand(self, states, times, noise):
            mine = seen[self.settings.estimator]
            for state, time in zip(states[:, 0].long().tolist(), times.tolist(), strict=True):
                mine.setdefault(state, []).append(time)
            return torch.zeros(len(states))

    states = torch.arange(64.0)[:, None].expand(64, 2)
    for estimator in seen:
        recorder = Recorder(torch.zeros(2), torch.zeros(2), CostSettings(samples=50, estimator=estimator))
        recorder(states, torch.Generator().manual_seed(0))
    grid = time_grid(100, 50, torch.device("cpu")).tolist()
    assert all(sorted(times) == grid for times in seen["grid"].values())
    # 64 states and 50 times share the factor 2: each state meets half of the times, twice each (125 of 500 at 1024).
    assert all(len(times) == 50 and len(set(times)) == 25 for times in seen["tiled"].values())


def test_paper_grid_is_every_tenth_of_five_thousand():
    assert time_grid(5000, 500, torch.device("cpu")).tolist() == list(range(0, 5000, 10))


def test_antithetic_noise_cancels_what_is_odd_in_it(generator):
    cost = ExactCost(torch.tensor([2.0]), torch.tensor([0.0]), CostSettings(samples=2))
    # For two unit Gaussians the integrand is affine in the noise: a pair of opposite noises leaves no variance.
    times = torch.full((200, 1), 30)
    states = torch.zeros(200, 1)
    single = cost.integrand(states, times[:, 0], torch.randn(200, 1, generator=generator))
    pairs = antithetic_plain(cost, states, times, generator)
    assert single.std() > 0.1
    assert pairs.std() < 1e-6


def antithetic_plain(cost: Cost, states: torch.Tensor, times: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    cost._trace_at_slope, cost._trace_above = torch.zeros(2, 1, 1), torch.zeros(2, 1, 1)
    return antithetic(cost, states, times, generator).plain


def test_cost_is_lower_on_expert_states_than_on_the_learners(generator):
    expert_states = torch.randn(4000, 3, generator=generator) * 0.3 + 1
    learner_states = torch.randn(4000, 3, generator=generator)
    pair = []
    for seed, states in enumerate((expert_states, learner_states)):
        model = ScoreModel(3, ScoreModelSettings(diffusion=SHORT, width=64), seed)
        optimiser = score_optimiser(model)
        for _ in range(40):
            fit_pass(model, optimiser, states, generator)
        pair.append(model)
    cost = Cost(*pair, CostSettings(samples=100))
    assert cost(expert_states[:500], generator).mean() < 0 < cost(learner_states[:500], generator).mean()


def test_normalised_rewards_have_mean_zero_and_the_asked_for_deviation(generator):
    rewards = normalise(7 + 3 * torch.randn(1024, generator=generator), 0.1)
    assert rewards.mean().item() == pytest.approx(0, abs=1e-6)
    assert rewards.std().item() == pytest.approx(0.1, rel=1e-5)
    assert torch.equal(normalise(torch.full((8,), 2.0), 0.1), torch.zeros(8))


def test_odd_number_of_allocated_samples_is_refused():
    with pytest.raises(UserError, match="'cost'.*samples.*must be even"):
        validate(CostSettings, {"samples": 3, "estimator": "allocated"}, where="cost")
