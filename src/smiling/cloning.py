"""Cloning: a policy learnt from states and actions alone, evaluated as it goes; the best evaluated is kept.

It takes no environment step while it learns: its curve's `env_step` column counts policy updates, as SAC's counts both.
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
from smiling.runs.divergence import NotFinite, check_finite
from smiling.runs.progress import Meter
from smiling.runs.seeding import derive
from smiling.settings import Ascending, Settings
from smiling.solvers.sac.networks import Actor
from smiling.solvers.sac.squashed_gaussian import LOG_STD_RANGE

ACTION_BOUND = 1 - 1e-5  # expert actions are clamped to it, so that their density under a squashed Gaussian is finite


class ActorCloningSettings(Settings):
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
    """A policy that is learnt by `loss`, of one seed: its optimiser, the best policy so far, and its curve."""

    def __init__(self, imitation: Imitation, policy: Any, lr: float) -> None:
        """`policy` is an `evaluation.Policy` with parameters."""
        (seed,) = imitation.seeds
        self.device = imitation.training.device
        self.policy = policy.to(self.device)
        self.best = copy.deepcopy(self.policy)
        self.optimiser = torch.optim.Adam(self.policy.parameters(), lr=lr, fused=True)
        self.evaluator = Evaluator(imitation.task, imitation.training.evaluation_episodes, seed, self.device)
        self.curve: list[dict[str, float]] = []
        self.done = 0
        self._seed = seed

    def loss(self) -> Tensor:
        """What the next update goes down."""
        raise NotImplementedError

    def step(self) -> Tensor:
        """One update; the loss before it."""
        loss = self.loss()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.done += 1
        return loss.detach()

    def evaluate(self) -> None:
        """Add a row to the curve, and keep the policy if it is the best."""
        with torch.no_grad():
            loss = self.loss().item()
        check_finite({"the cloning loss": loss})
        noise = self.policy.noise(derive(self._seed, "evaluation actions", self.done), self.device)
        player = self.policy.begin(self.evaluator.episodes, noise)
        value = float(self.evaluator.returns(player, self.done).mean())
        if all(value > row["return"] for row in self.curve):
            self.best.load_state_dict(self.policy.state_dict())
        self.curve.append({"env_step": self.done, "return": value, "loss": loss})

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        parts = {name: getattr(self, name).state_dict() for name in ("policy", "best", "optimiser")}
        return parts | {"curve": self.curve, "done": self.done}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name in ("policy", "best", "optimiser"):
            getattr(self, name).load_state_dict(saved[name])
        self.curve, self.done = saved["curve"], saved["done"]


class ActorCloning(Cloning):
    """SAC's actor, learnt from states (n, state) and actions (n, action) in full batches."""

    def __init__(
        self, imitation: Imitation, settings: ActorCloningSettings, states: Tensor, actions: Tensor, weights_seed: int
    ) -> None:
        self.settings, self.states, self.actions = settings, states, actions
        sizes = states.shape[-1], actions.shape[-1], settings.width, settings.depth
        weights = torch.Generator().manual_seed(weights_seed)
        super().__init__(imitation, Actor(*sizes, weights, settings.log_std_range), settings.lr)

    def loss(self) -> Tensor:
        """Of all pairs."""
        return bc_loss(self.policy, self.states, self.actions, self.settings.loss)


def clone(cloning: Cloning, imitation: Imitation) -> None:
    """Update to the end, evaluating as it goes; the policy kept is the best evaluated, as the paper reports it."""
    try:
        _clone(cloning, imitation)
    except NotFinite as error:
        raise NotFinite(error.what, cloning.done) from None


def _clone(cloning: Cloning, imitation: Imitation) -> None:
    """`imitation`'s settings have `updates` and `evaluate_every`."""
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
            stopping.heed(lambda: folder.save(cloning.state_dict()), f"{cloning.done} updates")
    returns = [row["return"] for row in cloning.curve]
    folder.finish([cloning.curve], [cloning.best], [{"best_return": max(returns), "final_return": returns[-1]}])
