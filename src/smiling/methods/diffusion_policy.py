"""Diffusion policy (Chi et al., RSS 2023): behavioural cloning by a policy that denoises its actions.

A model of the noise in an action, given the state, is fitted to the demonstrations; an action is drawn by walking back
from pure noise. Where the expert does one thing or another, so does it, instead of their mean. Aligned with BC: the
hidden layers are the actor's, an action is for one step and follows from one state (the authors predict some steps
ahead from the last states, with other networks), the best checkpoint counts. Their schedule is kept, a squared cosine,
and so is that the model sees states between -1 and 1: without, it catches the ball far later.

It takes no environment step; its curve's `env_step` column counts policy updates.
"""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from smiling.cloning import Cloning, clone
from smiling.imitation import Imitation
from smiling.methods import Method
from smiling.runs.seeding import derive
from smiling.settings import Settings
from smiling.solvers.denoising import DenoisingPolicy


class DiffusionPolicySettings(Settings):
    """Sizes, rate and updates are BC's; diffusion steps and batch are the authors'."""

    width: int = Field(1024, ge=1)
    depth: int = Field(2, ge=1)
    steps: int = Field(100, ge=1, description="of the diffusion, each a pass through the network for an action")
    time_size: int = Field(16, ge=4, multiple_of=2, description="size of the time's embedding")
    lr: float = Field(1e-4, gt=0)
    batch: int = Field(256, ge=1, description="demonstrated states drawn for an update")
    updates: int = Field(100_000, ge=1)
    evaluate_every: int = Field(2000, ge=1, description="updates")


class DiffusionCloning(Cloning):
    """The denoising policy, learnt from states (n, state) and actions (n, action)."""

    policy: DenoisingPolicy

    def __init__(self, imitation: Imitation, states: Tensor, actions: Tensor) -> None:
        settings: DiffusionPolicySettings = imitation.settings
        (seed,) = imitation.seeds
        self.states, self.actions, self.batch = states, actions, settings.batch
        self.generator = torch.Generator(states.device).manual_seed(derive(seed, "diffusion policy"))
        sizes = states.shape[-1], actions.shape[-1], settings.width, settings.depth, settings.steps, settings.time_size
        weights = torch.Generator().manual_seed(derive(seed, "diffusion policy's weights"))
        policy = DenoisingPolicy(*sizes, weights)
        policy.see(states.cpu())
        super().__init__(imitation, policy, settings.lr)

    def loss(self) -> Tensor:
        """The denoising loss of pairs drawn at random."""
        rows = torch.randint(len(self.states), (self.batch,), generator=self.generator, device=self.states.device)
        return self.policy.loss(self.states[rows], self.actions[rows], self.generator)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        return super().state_dict() | {"generator": self.generator.get_state()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(saved)
        self.generator.set_state(saved["generator"].cpu())


def run(imitation: Imitation) -> None:
    """Clone the demonstrated actions."""
    clone(DiffusionCloning(imitation, *imitation.expert_pairs()), imitation)


METHOD = Method("Diffusion policy", DiffusionPolicySettings, run, sees_actions=True, takes_steps=False)
