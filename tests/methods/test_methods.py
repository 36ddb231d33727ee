"""DAC, IQ-Learn and BC against gradients, fixed points and policies known otherwise."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from smiling import methods
from smiling.cloning import bc_loss
from smiling.experiment import load_experiment
from smiling.imitation import Imitation
from smiling.methods import adril, bc, dac, diffail, iq_learn, sqil
from smiling.methods.bc import BCSettings
from smiling.methods.dac import DAC, DACSettings
from smiling.methods.diffail import DiffAILSettings
from smiling.methods.iq_learn import IQLearn, IQLearnSettings
from smiling.runs.demonstrations import Demonstrations, read_demonstrations
from smiling.runs.folder import RunFolder
from smiling.settings import UserError
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.agent import SACSettings
from smiling.solvers.sac.beside_expert import expert_transitions
from smiling.solvers.sac.networks import Actor
from smiling.solvers.sac.replay import Batch
from smiling.training import TrainingSettings

# DAC


def test_gradient_penalty_of_a_linear_discriminator_is_analytic(generator):
    model = dac.discriminator(3, DACSettings(linear=True), seed=0)
    slope = model[2].weight @ model[0].weight  # D(s) = slope . s + constant
    expected = (slope.norm() - 1) ** 2
    penalty = dac.gradient_penalty(model, torch.randn(20, 3, generator=generator))
    torch.testing.assert_close(penalty, expected)
    mine = torch.autograd.grad(penalty, model[2].weight)[0]
    torch.testing.assert_close(mine, torch.autograd.grad(expected, model[2].weight)[0])


def test_discriminator_loss_is_cross_entropy_plus_weighted_penalty(generator):
    model = dac.discriminator(2, DACSettings(), seed=0)
    expert, learner = torch.randn(2, 16, 2, generator=generator)
    mix = torch.rand(16, 1, generator=generator)
    d_expert, d_learner = model(expert), model(learner)
    entropy = -(torch.log(d_expert.sigmoid()).mean() + torch.log(1 - d_learner.sigmoid()).mean()) / 2
    expected = entropy + 10 * dac.gradient_penalty(model, mix * expert + (1 - mix) * learner)
    torch.testing.assert_close(dac.discriminator_loss(model, expert, learner, mix, 10.0), expected)


def test_unpenalised_discriminator_finds_the_density_ratio(generator):
    """Between N(1, 1) and N(-1, 1) the best logit is log p / q = 2 s, which the linear variant can represent."""
    expert = 1 + torch.randn(20_000, 1, generator=generator)
    method = DAC(expert, DACSettings(linear=True, penalty=0.0, width=8, lr=0.01), seed=0)
    for _ in range(4):
        method.update(lambda count: torch.randn(count, 1, generator=generator) - 1)
    points = torch.tensor([[-1.0], [0.0], [1.0]])
    torch.testing.assert_close(method.model(points), 2 * points, atol=0.25, rtol=0)
    ratio = 1 + torch.exp(2 * points[:, 0])  # -log(1 - sigmoid(D)) = log(1 + e^D)
    torch.testing.assert_close(method.pointwise(points), torch.log(ratio), atol=0.2, rtol=0)


def test_rewards_of_a_perfect_discriminator_are_functions_of_the_density_ratio():
    """With D = log r, r the expert's density over the learner's: log(1 + r), log r and -r log r."""
    ratio = torch.tensor([0.1, 0.5, 1.0, 3.0])
    logits = ratio.log()
    torch.testing.assert_close(dac.reward(logits, "gail"), torch.log(1 + ratio), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(dac.reward(logits, "airl"), torch.log(ratio))
    torch.testing.assert_close(dac.reward(logits, "fairl"), -ratio * torch.log(ratio))


@pytest.mark.parametrize("kind", ["gail", "airl", "fairl"])
def test_variant_rewards_with_its_own_kind(kind, generator):
    method = DAC(torch.randn(50, 2, generator=generator), DACSettings(reward=kind), seed=0)
    states = torch.randn(20, 2, generator=generator)
    torch.testing.assert_close(method.pointwise(states), dac.reward(method.model(states).squeeze(-1), kind).detach())


# DiffAIL


def test_diffail_loss_is_cross_entropy_of_exp_minus_diffusion_loss():
    expert, learner = torch.tensor([0.1, 0.4]), torch.tensor([0.9, 2.0, 0.3])
    probability = torch.nn.functional.binary_cross_entropy
    expected = probability((-expert).exp(), torch.ones(2)) + probability((-learner).exp(), torch.zeros(3))
    torch.testing.assert_close(diffail.discriminator_loss(expert, learner), expected)
    assert torch.isfinite(diffail.discriminator_loss(expert, torch.zeros(3)))


def test_diffail_reward_is_minus_log_one_minus_discriminator(generator):
    """A model that predicts no noise at all has L = mean eps^2, which is 1 in the limit of many samples."""
    settings = DiffAILSettings(samples=4000)
    method = diffail.DiffAIL(torch.randn(50, 3, generator=generator), settings, seed=0)
    with torch.no_grad():
        for parameter in method.model.parameters():
            parameter.zero_()
    rewards = method.pointwise(torch.randn(5, 3, generator=generator))
    expected = -math.log(1 - math.exp(-1))
    torch.testing.assert_close(rewards, torch.full((5,), expected), atol=0.03, rtol=0)


@pytest.mark.long
def test_diffail_learns_to_reward_the_experts_states(generator):
    expert = 1 + 0.3 * torch.randn(2000, 2, generator=generator)
    settings = DiffAILSettings(score_model=DiffAILSettings().score_model.model_copy(update={"lr": 3e-3}))
    method = diffail.DiffAIL(expert, settings, seed=0)
    for _ in range(3):
        method.update(lambda count: -1 + 0.3 * torch.randn(count, 2, generator=generator))
    mine, others = (method.pointwise(side + 0.3 * torch.randn(500, 2, generator=generator)) for side in (1, -1))
    assert mine.mean() > 2 * others.mean()


# SQIL


def test_sqil_rewards_the_expert_with_one_and_the_learner_with_nothing(generator):
    states, next_states = torch.full((6, 2), 5.0), torch.full((6, 2), 6.0)
    expert = Batch(states, torch.full((6, 1), 0.5), torch.zeros(6), next_states, torch.ones(6))
    solver = sqil.SQIL(expert, SACSettings(width=8), seed=[0, 1])
    learner = Batch(*(part.expand(2, *part.shape) for part in iq_batches(generator)))  # its rewards are NaN
    both = solver.balanced(solver.expert_batch(8), learner)
    assert both.rewards.tolist() == [[1.0] * 8 + [0.0] * 8] * 2
    assert (both.states[:, :8] == 5).all()
    assert (both.actions[:, :8] == 0.5).all()
    assert torch.equal(both.next_states[:, 8:], learner.next_states)
    report = solver.update(learner)
    assert all(torch.isfinite(value).all() for value in report.values())


# IQ-Learn


def iq(with_actions: bool = True, **changes: object) -> IQLearn:
    sac = SACSettings(width=8, critics=1, batch=4, learn_temperature=False, initial_temperature=0.5, target_every=1)
    expert = Batch(torch.ones(6, 2), torch.full((6, 1), 0.5), torch.zeros(6), torch.ones(6, 2), torch.ones(6))
    return IQLearn(expert, IQLearnSettings(sac=sac, **changes), with_actions, seed=0, device="cpu")


def iq_batches(generator: torch.Generator) -> Batch:
    states, next_states = torch.randn(2, 8, 2, generator=generator)
    actions, continues = torch.rand(8, 1, generator=generator) * 2 - 1, torch.tensor([1.0, 1, 0, 1, 1, 0, 0, 1])
    return Batch(states, actions, torch.full((8,), math.nan), next_states, continues)


@pytest.mark.parametrize("term", ["value", "v0"])
def test_iq_gradient_agrees_with_finite_differences(term, generator):
    solver = iq(value_term=term)
    solver.critics.double(), solver.actor.double(), solver.targets.double()
    both = Batch(*(part.double() for part in iq_batches(generator)))
    noise, next_noise = torch.randn(2, 8, 1, generator=generator, dtype=torch.float64)
    weights = list(solver.critics.parameters())
    gradients = torch.autograd.grad(solver.iq_loss(both, 4, noise, next_noise), weights)
    for weight, gradient in zip(weights, gradients, strict=True):
        for index in range(min(weight.numel(), 5)):
            values = []
            for shift in (1e-6, -1e-6):
                with torch.no_grad():
                    weight.view(-1)[index] += shift
                    values.append(solver.iq_loss(both, 4, noise, next_noise).item())
                    weight.view(-1)[index] -= shift
            assert gradient.flatten()[index].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("term", ["value", "v0"])
def test_iq_loss_is_the_objective_written_out(term, generator):
    solver, both = iq(value_term=term), iq_batches(generator)
    noise, next_noise = torch.randn(2, 8, 1, generator=generator)
    with torch.no_grad():
        actions, log_prob = solver.actor.sample(both.states, noise)
        value = solver.critics(both.states, actions)[0] - 0.5 * log_prob
        next_actions, next_log_prob = solver.actor.sample(both.next_states, next_noise)
        next_value = both.continues * (solver.targets(both.next_states, next_actions)[0] - 0.5 * next_log_prob)
        residual = solver.critics(both.states, both.actions)[0] - 0.99 * next_value
        value_term = (value - 0.99 * next_value).mean() if term == "value" else 0.01 * value[:4].mean()
        expected = -residual[:4].mean() + value_term + residual.square().mean() / (4 * 0.5)
    torch.testing.assert_close(solver.iq_loss(both, 4, noise, next_noise).detach(), expected)


class TabularQ(nn.Module):
    """Q(s, a) for two states, one-hot, whatever the action."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(2))

    def forward(self, states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        return (states @ self.values)[None]


@pytest.mark.long
def test_fixed_point_on_two_states():
    """Both states lead to themselves, the expert lives in the first, the policy in the second; no entropy.

    With V = Q = q and a target that gets no gradient, the loss's derivative in q1 is -1 + 1/2 + r1 / (4 alpha), in q2
    1/2 + r2 / (4 alpha): where it vanishes, the rewards r = (1 - discount) q are 2 alpha and -2 alpha.
    """
    solver = iq(value_term="value")
    solver.critics, solver.targets = TabularQ(), TabularQ()
    with torch.no_grad():
        solver.log_temperature.fill_(-50.0)
    states = torch.eye(2)
    both = Batch(states, torch.zeros(2, 1), torch.zeros(2), states, torch.ones(2))
    optimiser = torch.optim.SGD(solver.critics.parameters(), lr=0.5)
    noise = torch.zeros(2, 1)
    for _ in range(5000):
        loss = solver.iq_loss(both, 1, noise, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        solver.targets.load_state_dict(solver.critics.state_dict())
    rewards = 0.01 * solver.critics.values.detach()
    torch.testing.assert_close(rewards, torch.tensor([1.0, -1.0]), atol=1e-3, rtol=0)


def test_state_only_expert_takes_the_policys_actions(generator):
    actions = torch.rand(4, 1, generator=generator)
    policy = Batch(torch.zeros(4, 2), actions, torch.zeros(4), torch.zeros(4, 2), torch.ones(4))
    assert torch.equal(iq(with_actions=False).prepare(policy)["actions"], policy.actions.repeat(2, 1))
    assert torch.equal(iq(with_actions=True).prepare(policy)["actions"][:4], torch.full((4, 1), 0.5))


def test_task_rewards_do_not_reach_iq_learn(generator):
    report = iq().update(Batch(*(part[:4] for part in iq_batches(generator))))  # its rewards are NaN
    assert all(torch.isfinite(value) for value in report.values())


def test_next_states_that_are_not_recorded_are_the_following_rows():
    states = np.arange(6, dtype=np.float32)[:, None]
    recorded = Demonstrations(states, np.array([0, 3]))
    expert = expert_transitions(recorded, 1, with_actions=False, device="cpu")
    assert expert.states[:, 0].tolist() == [0, 1, 3, 4]
    assert expert.next_states[:, 0].tolist() == [1, 2, 4, 5]


def test_expert_transitions_know_which_ended_their_episode():
    states = np.arange(7, dtype=np.float32)[:, None]
    recorded = Demonstrations(
        states, np.array([0, 3, 5]), next_observations=states + 1, terminals=np.array([True, False, True])
    )
    expert = expert_transitions(recorded, 1, with_actions=False, device="cpu")
    assert expert.continues.tolist() == [1, 1, 0, 1, 1, 1, 0]


ENDED = Demonstrations(  # without next states, the first and the last trajectory terminated
    np.arange(48, dtype=np.float32).reshape(6, 8),
    np.array([0, 3, 5]),
    actions=np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2),
    terminals=np.array([True, False, True]),
)


@pytest.mark.parametrize("learnt_by", [iq_learn, sqil, adril])
def test_a_termination_is_seen_by_values_whatever_state_was_behind_it(learnt_by, monkeypatch):
    solvers = []
    monkeypatch.setattr(learnt_by, "train", lambda imitation, solver, *rewards: solvers.append(solver))
    sac = SACSettings(width=8)
    settings = IQLearnSettings(sac=sac), "sac", sac, TrainingSettings()
    for _ in range(2):
        learnt_by.run(Imitation("test", "ball_in_cup_catch", [0], True, ENDED, 0, *settings, None))
    expert = solvers[0].expert
    assert expert.states[:, 0].tolist() == [0, 8, 16, 24, 40]
    assert expert.continues.tolist() == [1, 1, 0, 1, 0]
    assert expert.next_states[expert.continues == 1, 0].tolist() == [8, 16, 32]
    np.testing.assert_array_equal(expert.actions, ENDED.actions[[0, 1, 2, 3, 5]])
    batch = Batch(*(part[None] for part in expert))
    one, other = (solver.prepare(batch) for solver in solvers)
    other["next_states"] = torch.where(other["continues"][..., None] == 1, other["next_states"], 7.0)
    assert torch.equal(solvers[0].critics_objective(one), solvers[1].critics_objective(other))


def test_pairs_of_states_have_none_that_was_not_recorded():
    given = Imitation("test", "ball_in_cup_catch", [0], False, ENDED, 0, None, "sac", None, TrainingSettings(), None)
    pairs = given.expert_features(transitions=True)
    assert pairs[:, [0, 8]].tolist() == [[0, 8], [8, 16], [24, 32]]
    assert given.expert_transitions(with_actions=False).continues.tolist() == [1, 1, 1]


# BC


@pytest.mark.long
def test_cloning_recovers_a_linear_gaussian_policy(generator):
    """Actions tanh(0.5 s + 0.2 noise): the fitted mean and deviation before squashing are those."""
    states = torch.rand(4000, 1, generator=generator) * 2 - 1
    actions = torch.tanh(0.5 * states + 0.2 * torch.randn(4000, 1, generator=generator))
    actor = Actor(1, 1, 32, 2, generator)
    optimiser = torch.optim.Adam(actor.parameters(), lr=3e-3)
    for _ in range(600):
        loss = bc_loss(actor, states, actions, "likelihood")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        mean, log_std = actor(torch.linspace(-0.9, 0.9, 19)[:, None])
    expected = 0.5 * torch.linspace(-0.9, 0.9, 19)[:, None]
    assert (mean - expected).abs().mean().item() < 0.03
    assert log_std.exp().mean().item() == pytest.approx(0.2, abs=0.02)


def test_squared_error_of_cloning_is_a_mean_over_states_and_actions():
    actor = Actor(1, 2, 8, 1, torch.Generator().manual_seed(0))
    for parameter in actor.parameters():
        torch.nn.init.zeros_(parameter)  # the mean action is 0
    actions = torch.tensor([[0.5, -1.0], [0.1, 0.2]])
    expected = (0.25 + 1.0 + 0.01 + 0.04) / 4
    assert bc_loss(actor, torch.zeros(2, 1), actions, "squared_error").item() == pytest.approx(expected)


def test_cloning_on_humanoid_bench_has_the_actor_of_the_papers_code(generator):
    """Two hidden layers of 640 on 51 numbers, mean and log deviation of 19 actions, the latter in [ln 0.1, 0]."""
    cloning = load_experiment("paper").of_method("bc", "humanoid_sit")
    actor = Actor(51, 19, cloning.width, cloning.depth, generator, cloning.log_std_range)
    count = sum(parameter.numel() for parameter in actor.parameters())
    assert count == (51 + 1) * 640 + (640 + 1) * 640 + (640 + 1) * 38
    deviation = actor(1e4 * torch.randn(200, 51, generator=generator))[1].exp()
    assert deviation.min().item() == pytest.approx(0.1, rel=1e-4)
    assert deviation.max().item() == pytest.approx(1, rel=1e-4)
    assert cloning.lr == 3e-5


def test_cloned_likelihood_is_finite_at_the_bounds():
    actor = Actor(1, 1, 8, 1, torch.Generator().manual_seed(0))
    assert torch.isfinite(bc_loss(actor, torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]]), "likelihood"))


def test_bc_counts_its_best_checkpoint(tmp_path, demonstrations_file, monkeypatch):
    """The policy and the score kept are those of the best evaluation, be it in the middle."""
    returns = iter([1.0, 5.0, 3.0])
    weights = []

    def evaluated(player, index):
        weights.append(player.__self__.state_dict()["body.layers.0.weight"].clone())
        return np.array([next(returns)])

    settings = BCSettings(width=8, updates=20, evaluate_every=10)
    with RunFolder({0: tmp_path}, {}, 1e9, write_policy) as folder:
        imitation = Imitation(
            *("test", "ball_in_cup_catch", [0], True, read_demonstrations(demonstrations_file, 8, 2), 0, settings),
            *("sac", None, TrainingSettings(), folder),
        )
        monkeypatch.setattr(
            "smiling.evaluation.Evaluator.returns", lambda self, player, index: evaluated(player, index)
        )
        bc.run(imitation)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["best_return"], record["final_return"]) == (5.0, 3.0)
    kept = load_file(tmp_path / "policy.safetensors")["body.layers.0.weight"]
    assert torch.equal(kept, weights[1])


# The registry


def test_every_method_file_is_a_method_and_variants_are_names():
    assert {"smiling", "smiling-linear", "dac", "dac-linear", "iq_learn", "iq_learn-v0_1", "bc"} <= set(methods.names())


@pytest.mark.parametrize("name", ["gail", "smiling-cubic", "__init__"])
def test_unknown_method_is_named_with_the_known_ones(name):
    with pytest.raises(UserError, match=rf"unknown method '{name}'; known methods: .*smiling"):
        methods.load(name)
