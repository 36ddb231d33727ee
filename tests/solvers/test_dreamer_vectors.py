"""DreamerV3's core against HumanoidBench's own, run once on a tiny agent: what it saw, imagined, learnt in 3 updates.

Sampling was replaced by two rules there, and is here: a category's mode, a Gaussian's mean + 0.3 standard deviations.
DREAMER_VECTORS names another file of the same keys.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from smiling.solvers.dreamer.agent import Dreamer
from smiling.solvers.dreamer.behaviour import imagine, moved_range
from smiling.solvers.dreamer.distributions import entropy, mode
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.world_model import Latent

FILE = Path(os.environ.get("DREAMER_VECTORS", Path(__file__).with_name("dreamer-vectors.npz")))
with np.load(FILE) as archive:
    VECTORS = {name: torch.from_numpy(archive[name]) for name in archive.files}
CONFIG = json.loads(bytes(VECTORS.pop("config").numpy()))
ROWS = CONFIG["batch"] * CONFIG["length"]

# Parts of HumanoidBench's names, and ours.
RENAMED = {
    "wm/enc/mlp/": "world_model.encoder.",
    "wm/dec/mlp/": "world_model.decoder.hidden.",
    "wm/rew/": "world_model.reward.hidden.",
    "wm/cont/": "world_model.cont.hidden.",
    "wm/rssm/gru/norm/": "world_model.rssm.gru_norm.",
    "wm/rssm/gru/kernel": "world_model.rssm.gru",
    "repr_logit": "posterior_logit",
    "wm/rssm/": "world_model.rssm.",
    "task_behavior/ac/actor/dist_action/out/": "behaviour.actor.mean.",
    "task_behavior/ac/actor/dist_action/std/": "behaviour.actor.deviation.",
    "task_behavior/ac/actor/": "behaviour.actor.hidden.",
    "task_behavior/critic/net/": "behaviour.critic.hidden.",
    "task_behavior/critic/slow/": "behaviour.slow_critic.hidden.",
    "hidden.dist_vector/out/": "out.",
    "hidden.dist_out/out/": "out.",
}


def ours(name: str) -> str:
    """Our name of a weight."""
    for theirs, own in RENAMED.items():
        name = name.replace(theirs, own)
    return name.replace(".h", ".").replace(".idden", ".hidden").replace("/", ".")


def weights(prefix: str) -> dict[str, torch.Tensor]:
    """The file's weights under `prefix`, by our names."""
    found = {name.removeprefix(prefix): value for name, value in VECTORS.items() if name.startswith(prefix)}
    return {ours(name): value for name, value in found.items() if not name.endswith("/value")}


def parameters(solver: Dreamer) -> dict[str, torch.Tensor]:
    """The solver's weights, by the same names."""
    parts = {"world_model": solver.world_model, "behaviour": solver.behaviour}
    return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.named_parameters()}


@pytest.fixture
def solver() -> Dreamer:
    lr, eps, clip = CONFIG["lr"], CONFIG["eps"], CONFIG["clip"]
    settings = DreamerSettings(
        num_envs=1,
        width=CONFIG["units"],
        depth=CONFIG["layers"],
        encoder_width=CONFIG["encoder_units"],
        encoder_depth=CONFIG["encoder_layers"],
        recurrent=CONFIG["deter"],
        categoricals=CONFIG["stoch"],
        classes=CONFIG["classes"],
        batch=CONFIG["batch"],
        sequence=CONFIG["length"],
        horizon=CONFIG["horizon"],
        model_lr=lr["model"],
        actor_lr=lr["actor"],
        critic_lr=lr["critic"],
        kl_dynamic=CONFIG["dyn"],
        kl_representation=CONFIG["rep"],
        free_nats=CONFIG["free_nats"],
        discount=1 - 1 / CONFIG["discount_horizon"],
        trace=CONFIG["return_lambda"],
        entropy=CONFIG["actent"],
        tau=CONFIG["slow_fraction"],
    )
    solver = Dreamer(CONFIG["obs"], CONFIG["act"], settings, seed=0)
    start, own = weights("start:"), parameters(solver)
    assert start.keys() == own.keys()
    for name, value in start.items():
        own[name].data.copy_(value)
    for which, place in (("low", 0), ("high", 1)):
        solver.return_range[place] = VECTORS[f"start:task_behavior/ac/retnorm_extr/{which}/value"]
    solver.updates = 1  # the slow critic counts as begun
    solver.world_model.rssm.pick = mode
    for optimiser, name in zip(solver.optimisers.values(), ("model", "actor", "critic"), strict=True):
        assert (optimiser.rule["eps"], optimiser.clip) == (eps[name], clip[name])
    return solver


def batch() -> dict[str, torch.Tensor]:
    """The file's, (length, batch, ...); the states before it are the carry's."""
    data = {name: VECTORS[f"data:{name}"].transpose(0, 1).float() for name in ("vector", "action", "reward")}
    first, terminal = (VECTORS[f"data:{name}"].T.float() for name in ("is_first", "is_terminal"))
    action = torch.cat([VECTORS["carry:action"][None], data["action"][:-1]])
    return {"state": data["vector"], "action": action, "reward": data["reward"]} | {
        "is_first": first,
        "is_terminal": terminal,
        "uniform": torch.zeros(*first.shape, CONFIG["stoch"]),
        "start_deter": VECTORS["carry:deter"],
        "start_stoch": VECTORS["carry:stoch"].flatten(1),
    }


def noise() -> dict[str, torch.Tensor]:
    steps = CONFIG["horizon"], ROWS
    return {
        "uniform": torch.zeros(*steps, CONFIG["stoch"]),
        "normal": torch.full((*steps, CONFIG["act"]), CONFIG["gaussian_noise"]),
    }


def agree(found: torch.Tensor, name: str, tolerance: float = 1e-5) -> None:
    """Relative to the largest of the array's numbers."""
    expected = VECTORS[name]
    assert found.shape == expected.shape, name
    error = (found.detach() - expected).abs().max() / expected.abs().max().clamp(min=1e-12)
    assert error < tolerance, f"{name}: {error:.1e}"


def observed(solver: Dreamer, given: dict[str, torch.Tensor]) -> tuple[Latent, torch.Tensor, torch.Tensor]:
    """States, posteriors and encodings, (length, batch, ...)."""
    embed, start = solver.world_model.embed(given["state"]), Latent(given["start_deter"], given["start_stoch"])
    rest = given["action"], embed, given["is_first"], given["uniform"]
    return *solver.world_model.rssm.observe(start, *rest), embed


@torch.no_grad()
def test_observe(solver):
    given, world = batch(), solver.world_model
    latents, posterior, embed = observed(solver, given)
    features, rows = latents.features(), world.losses(given, latents, posterior, solver.two_hot)
    cont = world.cont(features).squeeze(-1)
    found = {
        "embed": embed,
        "deter": latents.deter,
        "stoch": latents.stoch.unflatten(-1, posterior.shape[-2:]),
        "posterior_logit": posterior.log(),
        "prior_logit": world.rssm.prior(latents.deter).log(),
        "reward_mean": solver.two_hot.mean(world.reward(features)),
        "reward_log_prob": -rows["reward"],
        "cont_mean": torch.sigmoid(cont),
        "cont_log_prob": F.logsigmoid(torch.where(given["is_terminal"].bool(), -cont, cont)),
        "decoder_mode": (mode_ := world.decoder(features)).sign() * mode_.abs().expm1(),
        "decoder_log_prob": -rows["decoder"],
        "dyn": rows["dynamic"].clamp(min=CONFIG["free_nats"]),
        "rep": rows["representation"].clamp(min=CONFIG["free_nats"]),
    }
    assert {f"observe:{name}" for name in found} == {name for name in VECTORS if name.startswith("observe:")}
    torch.testing.assert_close(found["cont_log_prob"], -rows["cont"])
    for name, value in found.items():
        agree(value.transpose(0, 1), f"observe:{name}")


@torch.no_grad()
def test_imagine(solver):
    given, behaviour = batch(), solver.behaviour
    latents, *_ = observed(solver, given)
    start = Latent(*(part.transpose(0, 1).flatten(0, 1) for part in latents))  # the file's rows are batch-first
    dreamt = imagine(solver.world_model, behaviour.actor, start, *noise().values())
    values = behaviour.values(solver.world_model, dreamt, given["is_terminal"].T.flatten(), solver.two_hot)
    mean, deviation = behaviour.actor(dreamt.features)
    deter, stoch = dreamt.features.split([CONFIG["deter"], CONFIG["stoch"] * CONFIG["classes"]], -1)
    torch.testing.assert_close(dreamt.deviations, deviation[:-1])
    found = {
        "deter": deter,
        "stoch": stoch.unflatten(-1, (CONFIG["stoch"], CONFIG["classes"])),
        "action": mean + CONFIG["gaussian_noise"] * deviation,
        "cont": values.cont,
        "weight": values.weight,
        "reward": values.reward,
        "lambda_return": values.returns,
        "value": values.value[:-1],
        "slow_value": solver.two_hot.mean(behaviour.slow_critic(dreamt.features)),
        "policy_mean": mean,
        "policy_std": deviation,
        "entropy": entropy(deviation),
    }
    assert {f"imagine:{name}" for name in found} == {name for name in VECTORS if name.startswith("imagine:")}
    torch.testing.assert_close(dreamt.actions, found["action"][:-1])
    for name, value in found.items():
        agree(value, f"imagine:{name}")
    assert (moved_range(solver.return_range, values.returns) != solver.return_range).all()


def run(solver: Dreamer, updates: int, monkeypatch) -> list[dict[str, torch.Tensor]]:
    """Successive updates on the file's data, as they are reported, with the gradients' norms."""
    given = batch()
    monkeypatch.setattr(solver, "model_noise", lambda *sizes: {})
    monkeypatch.setattr(solver, "behaviour_noise", lambda rows: noise())
    reports = []
    for _ in range(updates):
        report = solver.update(given)
        norms = {name: optimiser._gradient.norm() for name, optimiser in solver.optimisers.items()}
        reports.append({name: value.clone() for name, value in (report | norms).items()})
    return reports


def test_first_gradient(solver, monkeypatch):
    run(solver, 1, monkeypatch)
    expected = weights("gradient:")
    for name, optimiser in solver.optimisers.items():
        names = [key for key, value in parameters(solver).items() if any(value is own for own in optimiser.parameters)]
        found = optimiser._gradient[: sum(value.numel() for value in optimiser.parameters)]
        wanted = torch.cat([expected.pop(key).flatten() for key in names])
        assert (found - wanted).abs().max() / wanted.abs().max() < 1e-5, name
    assert not expected


REPORTED = {
    "world_model_loss": "model_loss",
    "decoder_loss": "vector_loss_mean",
    "reward_loss": "reward_loss_mean",
    "cont_loss": "cont_loss_mean",
    "actor_loss": "actor_opt_loss",
    "critic_loss": "extr_critic_critic_opt_loss",
    "world_model": "model_opt_grad_norm",
    "actor": "actor_opt_grad_norm",
    "critic": "extr_critic_critic_opt_grad_norm",
}


def test_three_updates(solver, monkeypatch):
    for number, report in enumerate(run(solver, 3, monkeypatch), start=1):
        for name, theirs in REPORTED.items():
            agree(report[name], f"update{number}:{theirs}")


@pytest.mark.parametrize("updates", [1, 3])
def test_weights_after(solver, monkeypatch, updates):
    """How far each array has moved, to a thousandth, beside the rounding of its numbers."""
    start = {name: value.detach().clone() for name, value in parameters(solver).items()}
    run(solver, updates, monkeypatch)
    for name, expected in weights(f"after{updates}:").items():
        found, moved = parameters(solver)[name].detach(), expected - start[name]
        assert (found - expected).norm() < 1e-3 * moved.norm() + 2e-7 * expected.norm(), name
