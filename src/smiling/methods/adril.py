"""AdRIL (Swamy et al., ICML 2021): moment matching with an indicator kernel, by rewards that change as rounds go.

Half of a batch is the expert's, with the reward 1. The other is the learner's: in round k (from 0 on) transitions of
the rounds before have -1/k, those of the current round 0 (the authors' balanced sampling), which is the indicator
kernel's answer to all rounds so far. A round lasts from one reward update to the next. It always sees the expert's
actions, and runs on SAC.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from smiling.imitation import Imitation, train
from smiling.methods import Method
from smiling.reward import EpisodeReward
from smiling.settings import Settings
from smiling.solvers.sac.beside_expert import SACBesideExpert
from smiling.solvers.sac.replay import Batch


class AdRILSettings(Settings):
    """It has none of its own: SAC's are the task's, the rounds' length is the training's."""


class Rounds(EpisodeReward):
    """Keeps with each transition of the learner's the round it is of, and rewards a batch by those."""

    def __init__(self) -> None:
        self.round = 0

    def begin(self) -> None:
        """Rounds do not begin with episodes."""

    def along(self, feature: Tensor) -> Tensor:
        """The current round."""
        return torch.full((), float(self.round), device=feature.device)

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """The next round begins."""
        self.round += 1
        return {"round": float(self.round)}

    def in_batch(self, rewards: Tensor) -> Tensor:
        """-1/k for what is of an earlier round than the current k, else 0; `rewards` are rounds (n,)."""
        return -(rewards < self.round).float() / max(self.round, 1)

    def state_dict(self) -> dict[str, Any]:
        """The round."""
        return {"round": self.round}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.round = saved["round"]


class AdRIL(SACBesideExpert):
    """SAC on batches of which one half is the learner's, rewarded by rounds, and one the expert's."""

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step on `batch` and as many of the expert's transitions, whose rewards are 1."""
        expert = self.expert_batch(batch.states.shape[-2])
        return super().update(self.joined(expert._replace(rewards=torch.ones_like(expert.rewards)), batch))


def run(imitation: Imitation) -> None:
    """AdRIL on the task's SAC."""
    imitation.require_sac("AdRIL", "adril")
    expert, device = imitation.expert_transitions(with_actions=True, by_value=True), imitation.training.device
    solver = AdRIL(expert, imitation.solver_settings, imitation.solver_seeds(), device)
    train(imitation, solver, [Rounds() for _ in imitation.seeds])


METHOD = Method("AdRIL", AdRILSettings, run, sees_actions=True, together=True)
