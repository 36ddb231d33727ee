"""SQIL (Reddy et al., 2020): soft Q-learning in which the expert's transitions have reward 1 and the learner's 0.

It always sees the expert's actions, as BC does, and runs on SAC.
"""

import torch
from torch import Tensor

from smiling.imitation import Imitation, train
from smiling.methods import Method
from smiling.settings import Settings
from smiling.solvers.sac.beside_expert import SACBesideExpert
from smiling.solvers.sac.replay import Batch


class SQILSettings(Settings):
    """It has none of its own: SAC's are the task's."""


class SQIL(SACBesideExpert):
    """SAC on batches of which one half is the learner's and one the expert's."""

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step on `batch`, whose rewards are not looked at, and as many of the expert's transitions."""
        return super().update(self.balanced(self.expert_batch(batch.states.shape[-2]), batch))

    def balanced(self, expert: Batch, learner: Batch) -> Batch:
        """Both batches, one after the other: rewards 1 for the expert, 0 for the learner."""
        rewarded = expert._replace(rewards=torch.ones_like(expert.rewards))
        return self.joined(rewarded, learner._replace(rewards=torch.zeros_like(learner.rewards)))


def run(imitation: Imitation) -> None:
    """SQIL on the task's SAC."""
    imitation.require_sac("SQIL", "sqil")
    expert, device = imitation.expert_transitions(with_actions=True, by_value=True), imitation.training.device
    train(imitation, SQIL(expert, imitation.solver_settings, imitation.solver_seeds(), device))


METHOD = Method("SQIL", SQILSettings, run, sees_actions=True, together=True)
