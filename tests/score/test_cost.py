"""Equation 4: its closed form between Gaussians, its sign, and its three estimators against each other."""

import pytest
import torch
from torch import nn

from smiling.methods.smiling import Smiling, SmilingSettings, normalise
from smiling.score.cost import Cost, CostSettings, time_grid
from smiling.score.diffusion import DiffusionSettings
from smiling.score.model import ScoreModel, ScoreModelSettings, fit_pass, score_optimiser
from smiling.score.pair import ScorePair
from smiling.score.stein import SteinCost, mean_slopes
from smiling.settings import UserError, validate

SHORT = DiffusionSettings(steps=100, first_beta=1e-3, last_beta=0.2)


def exact_cost(first: torch.Tensor, second: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """E_{s ~ N(second, I)}[c(s)] for exact predictors: (1 - alpha_bar) alpha_bar |m1 - m2|^2 / d, mean over times.

    The scores differ by e^{-t}(m1 - m2) = sqrt(alpha_bar)(m1 - m2), the noise predictions by sqrt(1 - alpha_bar) times.
    """
    return ((1 - share) * share).mean() * (first - second).square().mean()


class ExactCost(Cost):
    """The paper's and the authors' estimators on the exact noise predictors of N(expert, I) and N(learner, I)."""

    def __init__(self, expert: torch.Tensor, learner: torch.Tensor, settings: CostSettings) -> None:
        size = len(expert)
        models = [ScoreModel(size, ScoreModelSettings(diffusion=SHORT), seed) for seed in (0, 1)]
        super().__init__(*models, settings)
        self.means = torch.stack([expert, learner])[:, None]

    def integrand(self, states, times, noise):
        share = self.alpha_bar[times, None]
        noisy = share.sqrt() * states + (1 - share).sqrt() * noise
        predicted = (1 - share).sqrt() * (noisy - share.sqrt() * self.means)
        error = (predicted - noise).square().mean(-1)
        return error[0] - error[1]


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
    for estimator in ("grid", "tiled", "stein"):
        cost = Cost(model, model, CostSettings(samples=8, estimator=estimator))
        states = torch.randn(30, 4, generator=generator)
        cost.tune(states, generator)
        assert cost(states, generator).abs().max().item() < 1e-7  # rounding


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


@pytest.fixture
def any_stein(models) -> SteinCost:
    """The fast estimator with linear responses that have nothing to do with the models' own."""
    pair = ScorePair(*models)
    slopes = torch.rand(50, 2, 64, generator=torch.Generator().manual_seed(9))
    return SteinCost(pair, slopes)


def test_stein_form_has_the_integrands_mean_whatever_the_linear_response(models, any_stein, generator):
    cost, states = Cost(*models, CostSettings()), torch.randn(3, 5, generator=generator)
    for time in (1, 10, 30, 50, 70, 99):
        noise = torch.randn(20_000, 5, generator=generator)
        times = torch.full((20_000,), time)
        form = any_stein.differences(states, times, noise)
        plain = torch.stack([cost.integrand(state.expand(20_000, 5), times, noise) for state in states], 1)
        difference = form - plain
        assert (difference.mean(0).abs() < 4.5 * difference.std(0) / 20_000**0.5).all()
        assert (difference.std(0) > 1e-3).all()  # or it could not have failed


def test_stein_form_is_its_definition_with_the_jacobian_of_autograd(models, any_stein, generator):
    state, noise = torch.randn(2, 5, generator=generator)
    time = torch.tensor([40])
    share = any_stein.pair.alpha_bar[40]
    sigma = (1 - share).sqrt()
    noisy = share.sqrt() * state + sigma * noise
    terms = []
    for model, derivative in zip(models, any_stein._derivative[40 // 2], strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda x, model=model: model(x[None], time)[0], noisy)
        response = sigma * derivative.T  # B
        error = (model(noisy[None], time)[0] - response @ noise).square().sum()
        trace = ((response - torch.eye(5)) * jacobian).sum()
        terms.append(error + 2 * sigma * trace - response.square().sum())
    expected = (terms[0] - terms[1]) / 5
    torch.testing.assert_close(any_stein.differences(state[None], time, noise[None])[0, 0], expected.detach())


def test_samples_evaluated_together_are_those_evaluated_one_by_one(any_stein, generator):
    states, noise = torch.randn(7, 5, generator=generator), torch.randn(10, 5, generator=generator)
    times = torch.randint(100, (10,), generator=generator)
    found = []
    for any_stein.pairs_at_once in (1, 4 * len(states), 1000):
        found.append(any_stein.differences(states, times, noise))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_linear_models_leave_nothing_to_the_noise(generator):
    linear = ScoreModelSettings(diffusion=SHORT, linear=True)
    pair = ScorePair(*(ScoreModel(5, linear, seed) for seed in (0, 1)))
    states = torch.randn(4, 5, generator=generator)
    stein = SteinCost.tuned(pair, states, generator)
    costs = stein.differences(states, torch.full((50,), 30), torch.randn(50, 5, generator=generator))
    assert costs.std(0).max() < 1e-6
    assert costs.std(1).min() > 1e-3


def test_slopes_are_what_sampling_says(models, generator):
    """The share of a unit's inputs above zero, over states and noise, at the middle of a bin."""
    pair, states = ScorePair(*models), torch.randn(50, 5, generator=generator)
    noisy = pair.alpha_bar[41].sqrt() * states + (1 - pair.alpha_bar[41]).sqrt() * torch.randn(
        4000, 50, 5, generator=generator
    )
    inputs = noisy.flatten(0, 1) @ pair.inward + pair.time_bias[:, 41:42]
    sampled = torch.where(inputs > 0, 1.0, pair.slope).mean(1)
    torch.testing.assert_close(mean_slopes(pair, states)[20], sampled, rtol=0, atol=0.01)


def test_times_are_drawn_so_that_each_counts_the_same(models, generator):
    density = torch.linspace(1, 4, 50, dtype=torch.float64).square()
    stein = SteinCost(ScorePair(*models), torch.ones(50, 2, 64), (density / density.sum()).cumsum(0))
    counted, drawn = torch.zeros(100), torch.zeros(100)
    for _ in range(200):
        times, weights = stein._draw_times(640, generator)
        counted.index_add_(0, times, weights / 640)
        drawn.index_add_(0, times, torch.ones(640))
    assert drawn[-10:].sum() > 5 * drawn[:10].sum()
    assert (counted / 200 * 100 - 1).abs().max() < 0.1


def test_stein_estimator_agrees_with_the_whole_sum_over_times(models, generator):
    states = torch.randn(8, 5, generator=generator)
    stein = Cost(*models, CostSettings(samples=16, estimator="stein"))
    stein.tune(torch.randn(64, 5, generator=generator), generator)
    estimates = torch.stack([stein(states, generator) for _ in range(3000)])
    every_time = Cost(*models, CostSettings(samples=100))  # as many as there are steps: no time is left out
    reference = torch.stack([every_time(states, generator) for _ in range(3000)])
    spread = (estimates.var(0) / 3000 + reference.var(0) / 3000).sqrt()
    assert ((estimates.mean(0) - reference.mean(0)).abs() < 4.5 * spread).all()


def test_stein_estimator_is_as_accurate_as_ten_times_as_many_samples(models, generator):
    """On average over tunings, each on pilot states of its own."""
    states = torch.randn(32, 5, generator=generator)
    stein = [Cost(*models, CostSettings(samples=16, estimator="stein")) for _ in range(8)]
    for cost in stein:
        cost.tune(torch.randn(32, 5, generator=generator), generator)
    grid = Cost(*models, CostSettings(samples=160))

    def spread(cost: Cost) -> float:
        return float(torch.stack([cost(states, generator) for _ in range(300)]).std(0).mean())

    assert sum(map(spread, stein)) / len(stein) < spread(grid)


def test_restored_estimator_goes_on_like_the_saved_one(models, generator):
    states, settings = torch.randn(8, 5, generator=generator), CostSettings(samples=16, estimator="stein")
    first, second = Cost(*models, settings), Cost(*models, settings)
    first.tune(states, generator)
    second.load_state_dict(first.state_dict())
    costs = [cost(states, torch.Generator().manual_seed(1)) for cost in (first, second)]
    assert torch.equal(*costs)


def test_successive_states_of_many_err_apart(models, generator):
    """One state 4000 times over: equal where times and noises are shared, which neighbours do not."""
    stein = SteinCost.tuned(ScorePair(*models), torch.randn(64, 5, generator=generator), generator)
    costs = stein(torch.ones(4000, 5), 16, generator)
    costs = costs.double().round(decimals=4)
    assert len(costs.unique()) == 4
    assert (costs[1:] != costs[:-1]).all()


def test_estimator_that_is_not_tuned_says_so(models, generator):
    with pytest.raises(ValueError, match="not been tuned"):
        Cost(*models, CostSettings(samples=16, estimator="stein"))(torch.zeros(1, 5), generator)


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
    grid = time_grid(range(100), 50, torch.device("cpu")).tolist()
    assert all(sorted(times) == grid for times in seen["grid"].values())
    # 64 states and 50 times share the factor 2: each state meets half of the times, twice each (125 of 500 at 1024).
    assert all(len(times) == 50 and len(set(times)) == 25 for times in seen["tiled"].values())


def test_paper_grid_is_every_tenth_of_five_thousand():
    assert time_grid(range(5000), 500, torch.device("cpu")).tolist() == list(range(0, 5000, 10))


@pytest.mark.parametrize("estimator", ["grid", "stein"])
def test_costs_of_two_ranges_of_times_add_up_to_the_cost(estimator, models, generator):
    """0 to 0.3 counts three tenths, the rest seven; the first differ from the rest, or this said nothing."""
    states, spans = torch.randn(4, 5, generator=generator), ((0.0, 1.0), (0.0, 0.3), (0.3, 1.0))
    found = []
    for span in spans:
        cost = Cost(*models, CostSettings(estimator=estimator, samples=1000, span=span))
        cost.tune(states, generator)
        found.append(torch.stack([cost(states, generator) for _ in range(20)]).mean(0))
    whole, first, rest = found
    torch.testing.assert_close(0.3 * first + 0.7 * rest, whole, rtol=0, atol=0.01)
    assert ((first - rest).abs() > 0.05).any()


@pytest.mark.parametrize("estimator", ["grid", "tiled", "stein"])
def test_only_times_of_the_range_are_seen(estimator, models, generator):
    cost = Cost(*models, CostSettings(estimator=estimator, samples=8, span=(0.25, 0.5)))
    states = torch.randn(40, 5, generator=generator)
    cost.tune(states, generator)
    unseen = torch.ones(100, dtype=torch.bool)
    unseen[25:50] = False
    cost.pair.time_bias[:, unseen] = torch.nan
    cost.alpha_bar[unseen] = torch.nan
    assert cost(states, generator).isfinite().all()
    cost.pair.time_bias[:, 25:40] = torch.nan
    assert cost(states, generator).isnan().any()


def test_a_range_without_a_time_is_refused(models):
    with pytest.raises(ValueError, match="none of the diffusion's"):
        ScorePair(*models, span=(0.501, 0.502))
    with pytest.raises(ValueError, match="none of the diffusion's 5000 times"):
        SmilingSettings(cost=CostSettings(span=(0.50001, 0.50002)))
    with pytest.raises(ValueError, match="must be the smaller"):
        CostSettings(span=(0.5, 0.5))


def test_rewards_are_left_as_they_are_where_no_deviation_is_asked_for(generator):
    rewards = torch.randn(100, generator=generator) * 7 + 3
    settings = SmilingSettings(reward_std=None)
    assert torch.equal(Smiling(torch.randn(10, 2), settings, seed=0).in_batch(rewards), rewards)


def test_each_pass_of_an_update_is_over_states_drawn_anew(generator):
    model = ScoreModelSettings(diffusion=SHORT, width=8, batch=32)
    settings = SmilingSettings(score_model=model, states_per_update=64, passes_per_update=3)
    reward, drawn = Smiling(torch.randn(50, 2, generator=generator), settings, seed=0), []

    def draw(count: int) -> torch.Tensor:
        drawn.append(torch.randn(count, 2, generator=generator))
        return drawn[-1]

    reward.update(draw)
    assert [len(states) for states in drawn] == [64, 64, 64]
    assert reward.optimiser.steps == 6  # of batches of 32


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
    for size, value in ((8, 2.0), (1000, 0.1), (128, -123.456), (1, 0.3), (333, 1e-20)):  # their mean is rounded
        assert torch.equal(normalise(torch.full((size,), value), 0.1), torch.zeros(size))
    assert normalise(torch.tensor([float("nan"), 1.0]), 0.1).isnan().all()


def test_normalisation_divides_by_the_deviation_and_a_millionth():
    """(r - mean) / (std + 1e-6) x 0.1 by hand; std over n - 1. It shows where rewards hardly differ."""
    rewards = torch.tensor([0.0, 2e-6, 4e-6])
    assert normalise(rewards, 0.1).tolist() == pytest.approx([-0.1 * 2 / 3, 0, 0.1 * 2 / 3], rel=1e-5)
    torch.testing.assert_close(normalise(torch.tensor([1.0, 3.0]), 0.1), torch.tensor([-0.1, 0.1]) / 2**0.5)


def test_before_its_first_update_the_reward_is_of_the_learners_model_as_it_was_begun(generator):
    """DreamerV3 learns before: Eq. 4 with the expert's model fitted and the learner's not, as in the authors' code."""
    settings = SmilingSettings(score_model=ScoreModelSettings(diffusion=SHORT, width=16), expert_epochs=1)
    reward = Smiling(torch.randn(50, 3, generator=generator), settings, seed=0)
    reward.prepare("test")
    states = torch.randn(20, 3, generator=generator)
    reward.generator.manual_seed(5)
    expected = -Cost(reward.expert, reward.learner, settings.cost)(states, torch.Generator().manual_seed(5))
    assert torch.equal(reward.pointwise(states), expected)


def test_odd_number_of_stein_samples_is_refused():
    with pytest.raises(UserError, match="'cost'.*samples.*must be even"):
        validate(CostSettings, {"samples": 3, "estimator": "stein"}, where="cost")
