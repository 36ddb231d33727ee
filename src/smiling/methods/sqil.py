"""SQIL (Reddy et al., 2020): soft Q-learning in which the expert's transitions have reward 1 and the learner's 0.

It always sees the expert's actions, as BC does, and runs on SAC.
"""

import torch
from torch import Tensor

from smiling.imitation import Imitation, train
from smiling.methods import Method
from smiling.methods.iq_learn import expert_transitions
from smiling.replay import Batch
from smiling.sac import SAC
from smiling.seeding import derive
from smiling.settings import Settings, UserError


class SQILSettings(Settings):
    """It has none of its own: SAC's are the task's."""


class SQIL(SAC):
    """SAC on batches of which one half is the learner's and one the expert's."""

    expert: Batch

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step on `batch`, whose rewards are not looked at, and as many of the expert's transitions."""
        return super().update(balanced(self._expert_batch(batch.states.shape[-2]), batch, len(self._leading)))

    def _expert_batch(self, size: int) -> Batch:
        count = len(self.expert.states)
        rows = [torch.randint(count, (size,), generator=own, device=self.device) for own in self._noise]
        rows = torch.stack(rows).view(*self._leading, size)
        return Batch(*(part[rows] for part in self.expert))


def balanced(expert: Batch, learner: Batch, along: int) -> Batch:
    """Both batches, one after the other in dimension `along`: rewards 1 for the expert, 0 for the learner."""
    rewards = torch.ones_like(expert.rewards), torch.zeros_like(learner.rewards)
    pairs = zip(expert._replace(rewards=rewards[0]), learner._replace(rewards=rewards[1]), strict=True)
    return Batch(*(torch.cat(pair, along) for pair in pairs))


def run(imitation: Imitation) -> None:
    """SQIL on the task's SAC."""
    if imitation.solver != "sac":
        raise UserError(
            f"SQIL runs on SAC, but {imitation.task} has the solver '{imitation.solver}'; leave sqil out there"
        )
    state_size, action_size = imitation.task_sizes()
    seeds = [derive(seed, "solver") for seed in imitation.seeds]
    device = imitation.training.device
    solver = SQIL(state_size, action_size, imitation.solver_settings, seeds, device)
    solver.expert = expert_transitions(imitation.demonstrations, action_size, True, device)
    train(imitation, solver)


METHOD = Method("SQIL", SQILSettings, run, sees_actions=True, together=True)
