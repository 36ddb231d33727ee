"""SMILING (Algorithm 1): the reward is minus the cost of Eq. 4, from the expert's and the learner's score models."""

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor

from smiling.imitation import Imitation, run_with_reward
from smiling.methods import Method
from smiling.reward import LearnedReward
from smiling.runs.divergence import check_finite
from smiling.runs.progress import Meter
from smiling.runs.seeding import derive
from smiling.score.cost import Cost, CostSettings
from smiling.score.diffusion import times_within
from smiling.score.model import ScoreModel, ScoreModelSettings, fit, fit_pass, score_optimiser
from smiling.settings import Settings

ROUNDING = 8  # units in the last place of their mean, within which a batch's rewards are equal
LEAST_SPREAD = 1e-6  # added to the deviation that is divided by, as in the authors' code


class SmilingSettings(Settings):
    """Table 2 and appendix C."""

    score_model: ScoreModelSettings = ScoreModelSettings()
    cost: CostSettings = CostSettings()
    expert_epochs: int = Field(4000, ge=1, description="passes over the expert's states, once (line 1)")
    states_per_update: int = Field(100_000, ge=1, description="states drawn for a pass of the learner's model (line 3)")
    passes_per_update: int = Field(1, ge=1, description="each over states drawn anew")
    reward_std: float | None = Field(0.1, gt=0, description="of a batch's rewards, mean 0; null: rewards as they are")

    @model_validator(mode="after")
    def _span_holds_a_time(self) -> "SmilingSettings":
        try:
            times_within(self.cost.span, self.score_model.diffusion.steps)
        except ValueError as error:
            raise ValueError(f"cost.span: {error}") from None
        return self


class Smiling(LearnedReward):
    """Both score models and the cost between them."""

    learnt = ("expert", "learner", "optimiser")

    def __init__(self, expert_features: Tensor, settings: SmilingSettings, seed: int) -> None:
        self.settings = settings
        self.generator = torch.Generator(expert_features.device).manual_seed(derive(seed, "smiling"))
        size, device = expert_features.shape[-1], expert_features.device
        self.expert = ScoreModel(size, settings.score_model, derive(seed, "expert score model")).to(device)
        self.learner = ScoreModel(size, settings.score_model, derive(seed, "learner score model")).to(device)
        self.optimiser = score_optimiser(self.learner)
        self._cost: Cost | None = None
        self._expert_features = expert_features

    def prepare(self, name: str) -> None:
        """Fit the expert's score model (line 1 of Algorithm 1)."""
        epochs = self.settings.expert_epochs
        with Meter(f"{name}: expert's score model", epochs, unit="epochs") as meter:
            loss = fit(self.expert, self._expert_features, epochs, self.generator, meter.update)
        check_finite({"the expert's score loss": loss.item()})

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """The learner's score model passes over states drawn from the state buffer (line 3)."""
        for _ in range(self.settings.passes_per_update):
            features = draw(self.settings.states_per_update)
            loss = fit_pass(self.learner, self.optimiser, features, self.generator)
        self._freeze_cost(features)
        return {"score_loss": loss.item()}

    def _freeze_cost(self, pilot: Tensor) -> None:
        self._cost = Cost(self.expert, self.learner, self.settings.cost)
        self._cost.tune(pilot, self.generator)

    def pointwise(self, features: Tensor) -> Tensor:
        """-c(s), Eq. 4; before the first update with the learner's score model as it was begun (the authors' code)."""
        if self._cost is None:
            self._freeze_cost(features)
        assert self._cost is not None
        return -self._cost(features, self.generator)

    def in_batch(self, rewards: Tensor) -> Tensor:
        """Mean 0, standard deviation `reward_std` over the batch (section 6: the cost's scale is the states')."""
        std = self.settings.reward_std
        return rewards if std is None else normalise(rewards, std)

    def state_dict(self) -> dict[str, Any]:
        """Models, optimiser, randomness and the cost's tuning."""
        cost = None if self._cost is None else {"tuning": self._cost.state_dict()}  # which may be None itself
        return {**super().state_dict(), "cost": cost}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(saved)
        if saved["cost"] is not None:
            self._cost = Cost(self.expert, self.learner, self.settings.cost)
            self._cost.load_state_dict(saved["cost"]["tuning"])


def normalise(rewards: Tensor, std: float) -> Tensor:
    """Shift and scale to mean 0 and standard deviation `std`; rewards that are equal up to rounding become 0."""
    mean = rewards.mean()
    centred = rewards - mean
    if len(rewards) < 2:
        return centred
    spread, limits = rewards.std(), torch.finfo(rewards.dtype)
    equal = spread <= ROUNDING * limits.eps * mean.abs()
    return (std * centred / (spread + LEAST_SPREAD)).masked_fill(equal, 0.0)


def run(imitation: Imitation) -> None:
    """SMILING on the task's solver."""
    run_with_reward(imitation, Smiling)


VARIANTS: dict[str, dict[str, Any]] = {
    "linear": {"score_model": {"linear": True}},  # Figure 5
    # What `snakemake ablations` tries (evidence/ablations.py).
    "samples_4": {"cost": {"samples": 4}},
    "samples_500": {"cost": {"samples": 500}},
    "grid_100": {"cost": {"estimator": "grid", "samples": 100}},
    "tiled_100": {"cost": {"estimator": "tiled", "samples": 100}},
    "raw_reward": {"reward_std": None},
    "little_noise": {"cost": {"span": (0.0, 0.1)}},
    "much_noise": {"cost": {"span": (0.1, 1.0)}},
    "width_64": {"score_model": {"width": 64}},
    "width_1024": {"score_model": {"width": 1024}},
    "passes_4": {"passes_per_update": 4},
}
METHOD = Method("SMILING", SmilingSettings, run, variants=VARIANTS, together=True)
