"""Behavioural cloning: maximum likelihood (or squared error) of the expert's actions under the solver's actor.

It takes no environment step; its curve's `env_step` column counts policy updates, as SAC's counts both.
"""

import copy
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from smiling import stopping
from smiling.evaluation import Evaluator
from smiling.imitation import Imitation
from smiling.methods import Method
from smiling.runs.divergence import NotFinite, check_finite
from smiling.runs.progress import Meter
from smiling.runs.seeding import derive
from smiling.settings import Ascending, Settings
from smiling.solvers.sac.networks import Actor
from smiling.solvers.sac.squashed_gaussian import LOG_STD_RANGE

ACTION_BOUND = 1 - 1e-5  # expert actions are clamped to it, so that their density under a squashed Gaussian is finite


class BCSettings(Settings):
    """The actor is SAC's; full batches, the best checkpoint counts (appendix C, the authors' code)."""

    loss: Literal["likelihood", "squared_error"] = "likelihood"
    width: int = Field(1024, ge=1)
    depth: int = Field(2, ge=1)
    log_std_range: Annotated[tuple[float, float], Ascending] = Field(
        LOG_STD_RANGE, description="of the actor's Gaussian, before squashing"
    )
    lr: float = Field(1e-4, gt=0)
    updates: int = Field(100_000, ge=1)
    evaluate_every: int = Field(2000, ge=1, description="updates")


def bc_loss(actor: Actor, states: Tensor, actions: Tensor, kind: str) -> Tensor:
    """Minus the mean log likelihood of `actions`, or the mean action's squared error, a mean over dimensions too."""
    if kind == "squared_error":
        return F.mse_loss(actor.mean_action(states), actions)
    return -actor.log_prob(states, actions.clamp(-ACTION_BOUND, ACTION_BOUND)).mean()


class Cloning:
    """The actor, its optimiser and the best actor so far."""

    def __init__(self, imitation: Imitation) -> None:
        settings: BCSettings = imitation.settings
        (seed,) = imitation.seeds
        device = imitation.training.device
        self.settings = settings
        self.states = torch.from_numpy(imitation.demonstrations.observations).to(device)
        self.actions = torch.from_numpy(imitation.demonstrations.require_actions()).to(device)
        weights = torch.Generator().manual_seed(derive(seed, "bc"))
        sizes = self.states.shape[-1], self.actions.shape[-1], settings.width, settings.depth
        self.actor = Actor(*sizes, weights, settings.log_std_range).to(device)
        self.best = copy.deepcopy(self.actor)
        self.optimiser = torch.optim.Adam(self.actor.parameters(), lr=settings.lr, fused=True)
        self.evaluator = Evaluator(imitation.task, imitation.training.evaluation_episodes, seed, device)
        self.curve: list[dict[str, float]] = []
        self.done = 0

    def step(self) -> Tensor:
        """One full-batch update; the loss before it."""
        loss = bc_loss(self.actor, self.states, self.actions, self.settings.loss)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.done += 1
        return loss.detach()

    def evaluate(self) -> None:
        """Add a row to the curve, and keep the actor if it is the best."""
        with torch.no_grad():
            loss = bc_loss(self.actor, self.states, self.actions, self.settings.loss).item()
        check_finite({"the cloning loss": loss})
        value = float(self.evaluator.returns(self.actor.mean_action, self.done).mean())
        if all(value > row["return"] for row in self.curve):
            self.best.load_state_dict(self.actor.state_dict())
        self.curve.append({"env_step": self.done, "return": value, "loss": loss})

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        parts = {name: getattr(self, name).state_dict() for name in ("actor", "best", "optimiser")}
        return parts | {"curve": self.curve, "done": self.done}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name in ("actor", "best", "optimiser"):
            getattr(self, name).load_state_dict(saved[name])
        self.curve, self.done = saved["curve"], saved["done"]


def run(imitation: Imitation) -> None:
    """Clone, evaluating as it goes; the policy kept is the best evaluated, as the paper reports it."""
    cloning = Cloning(imitation)
    try:
        _clone(cloning, imitation)
    except NotFinite as error:
        raise NotFinite(error.what, cloning.done) from None


def _clone(cloning: Cloning, imitation: Imitation) -> None:
    folder, settings = imitation.folder, imitation.settings
    saved = folder.load()
    if saved is not None:
        cloning.load_state_dict(saved)
    with Meter(imitation.name, settings.updates, cloning.done, unit="updates") as meter, stopping.noted():
        if not cloning.curve:
            cloning.evaluate()
        while cloning.done < settings.updates:
            cloning.step()
            if cloning.done % settings.evaluate_every == 0 or cloning.done == settings.updates:
                cloning.evaluate()
                folder.write_partial_curves([cloning.curve], settings.updates)
                meter.update(cloning.done, f"return {cloning.curve[-1]['return']:.0f}")
                if folder.save_is_due():
                    folder.save(cloning.state_dict())
            if stopping.is_asked():
                stopping.take_time()
                folder.save(cloning.state_dict())
                stopping.stop(f"saved after {cloning.done} updates")
    returns = [row["return"] for row in cloning.curve]
    folder.finish([cloning.curve], [cloning.best], [{"best_return": max(returns), "final_return": returns[-1]}])


METHOD = Method(
    "BC", BCSettings, run, variants={"squared_error": {"loss": "squared_error"}}, sees_actions=True, takes_steps=False
)
