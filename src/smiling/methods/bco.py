"""BCO(0) (Torabi et al., IJCAI 2018): behavioural cloning from observation, with actions inferred.

Before it learns, uniform random actions are played; on those transitions an inverse model learns which action leads
from one state to the next. It infers the actions of the demonstrated transitions, which are then cloned as BC clones
the expert's own. alpha = 0: no environment step after that. The curve counts policy updates, the random steps none;
the actor and its updates are BC's. Demonstrated actions are not looked at.
"""

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

import envs
from envs import absorbing
from smiling.cloning import ActorCloning, ActorCloningSettings, clone
from smiling.imitation import Imitation
from smiling.methods import Method
from smiling.runs.progress import Meter
from smiling.runs.seeding import derive
from smiling.score.diffusion import square_root
from smiling.solvers.sac.perceptron import MLP


class BCOSettings(ActorCloningSettings):
    """Of the cloning, as BC's; of the inverse model, whose hidden layers are the actor's."""

    random_steps: int = Field(20_000, ge=1000, multiple_of=envs.ROUND_STEPS, description="of uniform random actions")
    inverse_lr: float = Field(1e-3, gt=0)
    inverse_batch: int = Field(256, ge=1)
    inverse_updates: int = Field(20_000, ge=1)


def random_transitions(task: str, steps: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """States (steps, state), uniform random actions and next states of episodes one after another.

    Actions in absorbing states are stored as 0, as everywhere.
    """
    env, random = envs.make(task), np.random.default_rng(derive(seed, "random actions"))
    actions = random.uniform(-1, 1, (steps, envs.sizes(task)[1])).astype(np.float32)
    states, following, over = [], [], True
    for step, action in enumerate(actions):
        if over:
            state, _ = env.reset(seed=derive(seed, "random episode", step))
        states.append(state)
        state, _, terminated, truncated, _ = env.step(action)
        following.append(state)
        over = terminated or truncated
    before, after = np.stack(states), np.stack(following)
    if absorbing.has_one(env):
        actions = absorbing.with_effect(actions, before)
    return torch.from_numpy(before), torch.from_numpy(actions), torch.from_numpy(after)


class InverseModel(nn.Module):
    """The action that leads from one state to the next: a perceptron on the state and the change, in their units."""

    mean: Tensor  # (2 state,), and so is `spread`: of the transitions that it learns from
    spread: Tensor

    def __init__(self, states: Tensor, next_states: Tensor, action_size: int, settings: BCOSettings, seed: int) -> None:
        super().__init__()
        inputs = torch.cat([states, next_states - states], -1)
        spread = square_root(inputs.var(0, correction=0))
        self.register_buffer("mean", inputs.mean(0))
        self.register_buffer("spread", torch.where(spread > 0, spread, torch.ones_like(spread)))
        weights = torch.Generator().manual_seed(seed)
        self.body = MLP(inputs.shape[-1], action_size, settings.width, settings.depth, weights)

    def forward(self, states: Tensor, next_states: Tensor) -> Tensor:
        """Actions, unbounded: (n, state), (n, state) -> (n, action)."""
        inputs = torch.cat([states, next_states - states], -1)
        return self.body(((inputs - self.mean) / self.spread)[None])[0]


def fit_inverse_model(
    states: Tensor, actions: Tensor, next_states: Tensor, settings: BCOSettings, seed: int, name: str = "BCO"
) -> InverseModel:
    """Least squares, which is the maximum likelihood of a Gaussian of constant deviation; `name` heads the report."""
    model = InverseModel(states, next_states, actions.shape[-1], settings, derive(seed, "weights")).to(states.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.inverse_lr, fused=True)
    generator = torch.Generator(states.device).manual_seed(derive(seed, "batches"))
    with Meter(f"{name}: inverse model", settings.inverse_updates, unit="updates") as meter:
        for update in range(settings.inverse_updates):
            rows = torch.randint(len(states), (settings.inverse_batch,), generator=generator, device=states.device)
            loss = F.mse_loss(model(states[rows], next_states[rows]), actions[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            meter.update(update + 1)
    return model


@torch.no_grad()
def inferred_actions(model: InverseModel, states: Tensor, next_states: Tensor) -> Tensor:
    """What the model says led from each state to the next, within the actions' bounds: (n, action)."""
    return model(states, next_states).clamp(-1, 1)


class BCO(ActorCloning):
    """Cloning of actions that are inferred when it begins, and kept with the rest."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        return super().state_dict() | {"actions": self.actions}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        super().load_state_dict(saved)
        self.actions = saved["actions"].to(self.states.device)


def _inferred(imitation: Imitation, states: Tensor, next_states: Tensor, seed: int) -> Tensor:
    """The demonstrations' actions as a model of random steps has them."""
    steps = random_transitions(imitation.task, imitation.settings.random_steps, seed)
    before, actions, after = (part.to(states.device) for part in steps)
    settings, model_seed = imitation.settings, derive(seed, "inverse model")
    model = fit_inverse_model(before, actions, after, settings, model_seed, imitation.name)
    return inferred_actions(model, states, next_states)


def run(imitation: Imitation) -> None:
    """Infer the demonstrated actions, and clone them."""
    (seed,) = imitation.seeds
    expert, folder = imitation.expert_transitions(with_actions=False), imitation.folder
    cloning = BCO(imitation, imitation.settings, expert.states, expert.actions, derive(seed, "bco"))
    if folder.load() is None:
        cloning.actions = _inferred(imitation, expert.states, expert.next_states, seed)
        folder.save(cloning.state_dict())
    clone(cloning, imitation)


METHOD = Method("BCO(0)", BCOSettings, run, takes_steps=False)
