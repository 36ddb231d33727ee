"""IQ-Learn (Garg et al., 2021): a soft Q function that rewards the expert implicitly, on SAC's actor.

Written from the paper (arXiv 2106.12142). With the inverse soft Bellman residual r = Q(s, a) - discount V'(s'), V' of
the target network (0 where s' ends the episode), and the chi-square regulariser, the critic minimises

    - E_expert[r] + value term + 1 / (4 alpha) E_both[r^2].
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from envs.absorbing import with_effect
from smiling.imitation import Imitation, train
from smiling.methods import Method
from smiling.settings import Settings
from smiling.solvers.sac.agent import SACSettings
from smiling.solvers.sac.beside_expert import SACBesideExpert
from smiling.solvers.sac.replay import Batch

MUJOCO_SAC = SACSettings(
    width=256,
    critics=1,
    batch=256,
    actor_lr=3e-5,
    critic_lr=3e-4,
    initial_temperature=0.01,
    learn_temperature=False,
    tau=0.005,
    target_every=1,
    seed_steps=1280,
    replay_capacity=1_000_000,
)


class IQLearnSettings(Settings):
    """The settings that IQ-Learn's authors give for MuJoCo tasks; `variants` holds those they change between tasks."""

    sac: SACSettings = MUJOCO_SAC
    alpha: float = Field(0.5, gt=0, description="of the chi-square regulariser")
    value_term: Literal["value", "v0"] = Field("value", description="of both batches' states, or of the expert's")


class IQLearn(SACBesideExpert):
    """SAC whose critic learns from two batches: the policy's and, drawn beside it, the expert's."""

    def __init__(
        self,
        expert: Batch,
        settings: IQLearnSettings,
        with_actions: bool,
        seed: int | Sequence[int],
        device: str | torch.device,
    ) -> None:
        super().__init__(expert, settings.sac, seed, device)
        self.iq_settings = settings
        self.with_actions = with_actions

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        """As many expert transitions as the policy's and, after them, those; no task's rewards are looked at.

        The expert's of states only take the actions of the policy's half.
        """
        size = batch.states.shape[-2]
        expert = self.expert_batch(size)
        if not self.with_actions:
            actions = with_effect(batch.actions, expert.states) if self.absorbing else batch.actions
            expert = expert._replace(actions=actions)
        both = self.joined(expert, batch)
        return {**both._asdict(), "noise": self._draw(2 * size), "next_noise": self._draw(2 * size)}

    def critics_objective(self, given: dict[str, Tensor]) -> Tensor:
        """The objective above on a batch whose first half is the expert's: (...)."""
        both = Batch(*(given[name] for name in Batch._fields))
        return self.iq_loss(both, both.states.shape[-2] // 2, given["noise"], given["next_noise"])

    def iq_loss(self, both: Batch, experts: int, noise: Tensor, next_noise: Tensor) -> Tensor:
        """The objective above on a batch whose first `experts` transitions are the expert's: (...)."""
        discount = self.settings.discount
        with torch.no_grad():
            next_value = discount * both.continues * self.soft_value(self.targets, both.next_states, next_noise)
        residual = self.critics(both.states, both.actions).amin(-2) - next_value
        value = self.soft_value(self.critics, both.states, noise)
        if self.iq_settings.value_term == "value":
            value_term = (value - next_value).mean(-1)
        else:
            value_term = (1 - discount) * value[..., :experts].mean(-1)
        regulariser = residual.square().mean(-1) / (4 * self.iq_settings.alpha)
        return value_term + regulariser - residual[..., :experts].mean(-1)


def run(imitation: Imitation) -> None:
    """IQ-Learn, always on SAC (paper, appendix C)."""
    with_actions = imitation.with_actions
    expert, device = imitation.expert_transitions(with_actions, by_value=True), imitation.training.device
    train(imitation, IQLearn(expert, imitation.settings, with_actions, imitation.solver_seeds(), device))


def _variant(value_term: str, temperature: float) -> dict[str, Any]:
    return {"value_term": value_term, "sac": {"initial_temperature": temperature}}


# What the authors ran: 'value' on HalfCheetah and (at 0.001) Ant, 'v0' on Hopper, Walker and (at 1) Humanoid.
VARIANTS = {
    f"{term}_{temperature:g}": _variant(term, temperature)
    for term in ("value", "v0")
    for temperature in (0.001, 0.01, 1)
}

METHOD = Method("IQ-Learn", IQLearnSettings, run, variants=VARIANTS, together=True)
