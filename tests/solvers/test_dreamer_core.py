"""DreamerV3's mathematics, each piece against a number found by hand, a sum written out or a finite difference."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.behaviour import Actor, imagine, lambda_returns, moved_range, return_scale, weights
from smiling.solvers.dreamer.distributions import TwoHot, draw, entropy, kl_divergence, mixed_with_uniform, mode
from smiling.solvers.dreamer.layers import kernel
from smiling.solvers.dreamer.recurrence import Chain, step
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.world_model import RSSM, Latent, WorldModel, bounded

CPU = torch.device("cpu")
TINY = DreamerSettings(
    num_envs=1,
    width=6,
    depth=1,
    encoder_width=5,
    encoder_depth=1,
    recurrent=4,
    categoricals=2,
    classes=3,
    batch=2,
    sequence=5,
    horizon=3,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Two-hot values


@pytest.mark.parametrize(("outcomes", "mean"), [((0.0, 10.0), 5.0), ((-10.0, 20.0), 5.0), ((1000.0, 1000.0), 1000.0)])
def test_the_best_prediction_of_a_coin_is_its_mean(outcomes, mean):
    """Not the mean on the symlog scale, which for 0 and 10 is 2.32."""
    two_hot, logits = TwoHot(CPU), torch.zeros(255, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.3)
    for _ in range(300):
        optimiser.zero_grad()
        two_hot.loss(logits[None].expand(2, -1), torch.tensor([outcomes])).sum().backward()
        optimiser.step()
    assert two_hot.mean(logits).item() == pytest.approx(mean, abs=0.01 * max(abs(mean), 1))


@given(st.floats(-1e6, 1e6))
def test_two_hot_target_has_the_value_as_its_mean(value):
    """The loss's gradient at equal probabilities is theirs less the target's, which so can be read off."""
    two_hot, logits = TwoHot(CPU), torch.zeros(255, requires_grad=True)
    (gradient,) = torch.autograd.grad(two_hot.loss(logits, torch.tensor([value])).sum(), logits)
    target = 1 / 255 - gradient
    assert (target > 1e-5).sum() <= 2
    assert (target.double() @ two_hot.bins.double()).item() == pytest.approx(value, rel=1e-3, abs=1e-1)


def test_equal_probabilities_mean_exactly_nothing():
    assert TwoHot(CPU).mean(torch.full((4, 255), 1.7)).tolist() == [0.0] * 4


def test_bins_are_symexp_of_even_steps():
    x = np.linspace(-20, 20, 255)
    torch.testing.assert_close(TwoHot(CPU).bins, torch.from_numpy(np.sign(x) * np.expm1(np.abs(x))).float())


# Returns and weights


def test_lambda_returns_by_hand():
    """R_1 = 2 + .5 x 8 = 6, R_0 = 1 + .5 (.2 x 4 + .8 x 6) = 3.8."""
    reward, value = torch.tensor([[1.0], [2.0]]), torch.tensor([[4.0], [8.0]])
    found = lambda_returns(reward, value, torch.full((2, 1), 0.5), 0.8)
    torch.testing.assert_close(found, torch.tensor([[3.8], [6.0]]))


def test_a_state_weighs_what_the_way_to_it_has_left():
    cont = torch.tensor([[1.0], [0.5], [0.5]])
    torch.testing.assert_close(weights(cont, 0.9), torch.tensor([[1.0], [0.45], [0.2025]]))


def test_return_scale_by_hand():
    """Returns 0 to 100: 5 and 95, and from (0, 0) a hundredth of the way there. A range below 1 counts as 1."""
    returns = torch.arange(101.0)[torch.randperm(101, generator=generator())]
    torch.testing.assert_close(moved_range(torch.zeros(2), returns), torch.tensor([0.05, 0.95]))
    assert return_scale(torch.tensor([0.05, 0.95])) == 1
    assert return_scale(torch.tensor([1.0, 10.0])) == 9


def test_entropy_is_scipys():
    from scipy.stats import norm

    deviations = torch.tensor([[0.1, 0.5, 1.0]])
    assert entropy(deviations).item() == pytest.approx(norm(scale=deviations.numpy()).entropy().sum(), rel=1e-6)


# Categories


def test_kl_by_hand():
    one, other = torch.tensor([[[0.5, 0.5], [1 / 4, 3 / 4]]]), torch.tensor([[[0.25, 0.75], [0.5, 0.5]]])
    first = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    second = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert kl_divergence(one, other).item() == pytest.approx(first + second)


@pytest.mark.parametrize(("free_nats", "is_free"), [(1e3, True), (0.0, False)])
def test_divergences_below_the_free_nats_teach_nothing(free_nats, is_free):
    settings = TINY.model_copy(update={"free_nats": free_nats})
    world, batch = WorldModel(3, 2, settings, generator()), sequences(TINY)
    loss, _ = world.loss(batch, Latent(batch["start_deter"], batch["start_stoch"]), TwoHot(CPU))
    weight = settings.kl_dynamic + settings.kl_representation
    parts = sum(loss[f"{name}_loss"] for name in ("decoder", "reward", "cont"))
    divergence = 1e3 if is_free else loss["kl"]
    torch.testing.assert_close(loss["world_model_loss"].detach(), parts + weight * divergence)
    gradient = torch.autograd.grad(loss["world_model_loss"], world.rssm.prior_logit.kernel, allow_unused=True)[0]
    assert (gradient is None or not gradient.any()) == is_free


def test_probabilities_are_a_hundredth_uniform():
    found = mixed_with_uniform(torch.tensor([0.0, 100.0]))
    torch.testing.assert_close(found, torch.tensor([0.005, 0.995]))


def test_categories_are_drawn_as_often_as_they_are_likely():
    likely = torch.tensor([0.2, 0.0, 0.5, 0.3]).expand(20_000, 4)
    drawn = draw(likely, torch.rand(20_000, generator=generator()))
    assert (drawn.sum(-1) == 1).all()
    assert drawn[:, 1].sum() == 0
    counts = drawn.sum(0)[[0, 2, 3]]
    expected = 20_000 * torch.tensor([0.2, 0.5, 0.3])
    assert ((counts - expected) ** 2 / expected).sum() < 13.8  # 99.9 % point of chi-square, 2 degrees of freedom


def test_the_largest_noise_draws_a_category():
    """Probabilities whose sum is rounded below the noise."""
    drawn = draw(torch.tensor([0.25, 0.25, 0.499999]), torch.tensor(1 - 2**-24))
    assert drawn.tolist() == [0, 0, 1]


# Layers and the recurrent step


def test_weights_start_as_a_cut_normal():
    drawn = kernel(300, 500, generator())
    deviation = math.sqrt(1 / 400)
    assert drawn.std().item() == pytest.approx(deviation, rel=0.01)
    assert drawn.abs().max() <= 2 * deviation / 0.87962566 + 1e-6
    assert not kernel(3, 4, generator(), outscale=0).any()


def test_actions_are_divided_by_their_size_without_a_gradient_through_it():
    action = torch.tensor([0.5, -2.0], requires_grad=True)
    bounded(action).sum().backward()
    assert bounded(action).tolist() == [0.5, -1.0]
    assert action.grad.tolist() == [1.0, 0.5]


def by_hand(rssm: RSSM, latent: Latent, action: torch.Tensor, embed: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
    """A step of the page, in NumPy's float64: deter and probabilities."""
    given = {name: value.detach().double().numpy() for name, value in rssm.named_parameters()}
    deter, stoch, action = latent.deter.numpy(), latent.stoch.numpy(), action.numpy()

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3)
        return centred / deviation * given[f"{name}.scale"] + given[f"{name}.offset"]

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def hidden(x: np.ndarray, name: str) -> np.ndarray:
        y = norm(x @ given[f"{name}.kernel"], f"{name}.norm")
        return y * sigmoid(y)

    x = hidden(np.concatenate([stoch, action / np.maximum(1, np.abs(action))], -1), "img_in")
    parts = norm(np.concatenate([deter, x], -1) @ given["gru"], "gru_norm")
    reset, candidate, update = np.split(parts, 3, -1)
    update = sigmoid(update - 1)
    after = update * np.tanh(sigmoid(reset) * candidate) + (1 - update) * deter
    seen, last = (after, "prior_logit")
    if embed is not None:
        seen, last = hidden(np.concatenate([after, embed.numpy()], -1), "obs_out"), "posterior_logit"
    logits = seen @ given[f"{last}.kernel"] + given[f"{last}.bias"]
    e = np.exp(logits.reshape(len(deter), *rssm.shape))
    return torch.from_numpy(after), torch.from_numpy(0.99 * e / e.sum(-1, keepdims=True) + 0.01 / rssm.shape[1])


@pytest.mark.parametrize("observing", [True, False])
def test_recurrent_step_by_hand(observing):
    rssm, random = RSSM(2, 5, TINY, generator()), generator(1)
    for parameter in rssm.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=random)
    latent = Latent(torch.rand(7, 4, generator=random), torch.rand(7, 6, generator=random))
    action, embed = 2 * torch.randn(7, 2, generator=random), torch.randn(7, 5, generator=random)
    embedding = rssm.embeddings(embed) if observing else None
    found = step(rssm.weights(observing), (*latent,), rssm.actions(action), torch.rand(7, 2), draw, embedding)
    expected = by_hand(rssm, latent, action, embed if observing else None)
    torch.testing.assert_close((found.deter, found.probabilities), tuple(part.float() for part in expected))


def soft(probabilities: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """In place of a sample: what the straight-through gradient takes a sample for, plus a constant."""
    return probabilities + uniform[..., None]


@pytest.mark.parametrize("observing", [True, False])
def test_gradient_through_the_chain_is_that_of_finite_differences(observing):
    """Samples are replaced by the probabilities, beside which they differ by what counts as a constant."""
    settings, random = TINY, generator(2)
    rssm = RSSM(2, 5, settings, random).double()
    shape = 3, 4, settings.width
    parts = [torch.randn(shape, generator=random, dtype=torch.double) for _ in range(2)]
    keep, uniform = torch.ones(3, 4, 1, dtype=torch.double), torch.rand(3, 4, 2, generator=random, dtype=torch.double)
    keep[1, 2] = 0
    start = Latent(*(torch.rand(4, size, generator=random, dtype=torch.double) for size in (4, 6)))
    aim = torch.randn(3, 4, 4 + 6 + 6, generator=random, dtype=torch.double)
    given = rssm.weights(observing)
    learnt = [part.detach().clone() for part in (*given[:-1], *given[-1])] if observing else []

    def loss(actions: torch.Tensor, embeddings: torch.Tensor, *learnt: torch.Tensor) -> torch.Tensor:
        now = type(given)(*learnt[:8], learnt[8:]) if learnt else given
        latent, steps = (*start,), []
        with torch.no_grad():
            for index in range(3):
                observation = (embeddings[index], keep[index]) if observing else ()
                steps.append(step(now, latent, actions[index], uniform[index], soft, *observation))
                latent = steps[-1][:2]
        found = Chain.apply(steps, now, actions, embeddings if observing else None, *learnt)
        return (torch.cat([found[0], found[1], found[2].flatten(-2)], -1) * aim).sum()

    inputs = [*parts, *learnt] if observing else parts[:1]
    variables = [value.requires_grad_() for value in inputs]
    rest = [] if observing else parts[1:]
    assert torch.autograd.gradcheck(lambda *values: loss(*values, *rest), variables, eps=1e-6, atol=1e-6, rtol=1e-4)


# Imagination and the update


def sequences(settings: DreamerSettings) -> dict[str, torch.Tensor]:
    """A batch (sequence, batch, ...) of made-up data, with the noise and the start that an update draws."""
    random, size = generator(3), (settings.sequence, settings.batch)
    batch = {name: torch.randn(*size, count, generator=random) for name, count in (("state", 3), ("action", 2))}
    batch |= {"reward": torch.rand(size, generator=random), "is_first": torch.zeros(size)}
    batch["is_first"][0] = 1
    latent = settings.recurrent, settings.categoricals * settings.classes
    start = {f"start_{name}": torch.zeros(size[1], count) for name, count in zip(Latent._fields, latent, strict=True)}
    noise = torch.rand(*size, settings.categoricals, generator=random)
    return {**batch, "is_terminal": torch.zeros(size), "uniform": noise, **start}


def test_no_gradient_flows_from_an_action_into_its_state():
    """The first action's deviation depends on the start, and does not say so."""
    world, random = WorldModel(3, 2, TINY, generator()), generator(1)
    actor = Actor(world.rssm.features, 2, TINY, random)
    start = Latent(torch.rand(6, 4, requires_grad=True), mode(torch.rand(6, 2, 3), torch.zeros(6, 2)).flatten(1))
    dreamt = imagine(world, actor, start, torch.rand(3, 6, 2), torch.randn(3, 6, 2))
    found = torch.autograd.grad(dreamt.actions[0].sum(), start.deter, allow_unused=True, retain_graph=True)
    assert found == (None,)
    assert torch.autograd.grad(dreamt.arrived.sum(), actor.mean.kernel)[0].any()


def test_what_is_before_an_episode_plays_no_part():
    solver, batch = Dreamer(3, 2, TINY, seed=0), sequences(TINY)
    before = solver.model_gradients(batch)[0]
    batch["start_deter"] += 1
    batch["start_stoch"] += 1
    batch["action"][0] += 1
    after = solver.model_gradients(batch)[0]
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_finding_gradients_looks_at_no_value():
    """So that a GPU can record it: fake tensors have no values to look at."""
    solver, batch = Dreamer(3, 2, TINY, seed=0), sequences(TINY)
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        given = {name: fake.from_tensor(value) for name, value in batch.items()}
        report, _ = solver.model_gradients(given)
        seen = {name: report[name] for name in ("deter", "stoch")} | {"is_terminal": given["is_terminal"].flatten()}
        noise = {name: fake.from_tensor(value) for name, value in solver.behaviour_noise(10).items()}
        _, gradients = solver.behaviour_gradients({**seen, **noise, "return_range": torch.zeros(2)})
    assert [part.shape for part in gradients["actor"]] == [part.shape for part in solver.behaviour.actor.parameters()]


def test_in_half_precision_an_update_is_nearly_the_same(monkeypatch):
    """What a GPU does, here on the CPU: bfloat16 has 8 bits of mantissa."""
    given, found = sequences(TINY), []
    for enabled in (False, True):
        solver = Dreamer(3, 2, TINY, seed=0)
        solver.world_model.rssm.pick = mode
        monkeypatch.setattr(solver, "_precision", lambda on=enabled: torch.autocast("cpu", torch.bfloat16, enabled=on))
        monkeypatch.setattr(solver, "model_noise", lambda *sizes: {})
        found.append(solver.update(given))
        assert all(parameter.dtype == torch.float32 for parameter in solver.world_model.parameters())
    torch.testing.assert_close(found[0]["world_model_loss"], found[1]["world_model_loss"], rtol=0.03, atol=0.03)
