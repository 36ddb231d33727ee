"""Soft actor-critic (Haarnoja et al., 2018) with the settings of Yarats & Kostrikov's pytorch_sac (2020).

One update is a fixed sequence of tensor operations on a batch and two blocks of noise, without a look at any value:
the rewards of the batch may be anybody's, and the update can be compiled or captured as it stands.

Several seeds may learn side by side, in the same operations: each has its own weights, transitions and noise, and
nothing of one enters another. Every tensor then has a leading dimension of seeds, written "..." below.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from envs.absorbing import are_absorbing, with_effect
from smiling.one_piece import Found, Work, in_one_piece
from smiling.optimiser import Adam, flatten
from smiling.settings import Settings
from smiling.solvers.sac.networks import Actor, Critics
from smiling.solvers.sac.perceptron import side_by_side
from smiling.solvers.sac.replay import Batch


class SACSettings(Settings):
    """The paper's SAC (section 6, appendix C; values of pytorch_sac)."""

    width: int = Field(1024, ge=1, description="units of each hidden layer")
    depth: int = Field(2, ge=1, description="hidden layers of actor and critics")
    critics: int = Field(2, ge=1, description="Q networks; the smallest value counts")
    critic_layer_norm: bool = Field(False, description="not the paper's: steadier when small (Ball et al., 2023)")
    batch: int = Field(1024, ge=2, description="transitions in an update, over which rewards may be normalised")
    discount: float = Field(0.99, ge=0, le=1)
    actor_lr: float = Field(1e-4, gt=0)
    critic_lr: float = Field(1e-4, gt=0)
    temperature_lr: float = Field(1e-4, gt=0)
    initial_temperature: float = Field(0.1, gt=0)
    learn_temperature: bool = True
    tau: float = Field(0.005, gt=0, le=1, description="share of the critics that moves into their targets")
    target_every: int = Field(2, ge=1, description="updates between two moves of the targets, the first among them")
    actor_every: int = Field(1, ge=1, description="updates between two steps of actor and temperature")
    seed_steps: int = Field(5000, ge=0, description="steps of uniform random actions before the first update")
    replay_capacity: int = Field(3_000_000, ge=1, description="transitions: all of a run's, but for Figure 5's")


class SAC:
    """Actor, critics, their targets and the temperature, with one optimiser each; for one seed or several."""

    def __init__(
        self,
        state_size: int,
        action_size: int,
        settings: SACSettings,
        seed: int | Sequence[int],
        device: str | torch.device = "cpu",
    ) -> None:
        self.settings = settings
        self.device = torch.device(device)
        self.target_entropy = -float(action_size)
        self.action_size = action_size
        seeds = [seed] if isinstance(seed, int) else seed
        self._leading = () if isinstance(seed, int) else (len(seeds),)
        networks = [_networks(state_size, action_size, settings, one) for one in seeds]
        actors, critics = zip(*networks, strict=True)
        self.actor, self.critics = side_by_side(actors).to(self.device), side_by_side(critics).to(self.device)
        self.targets = copy.deepcopy(self.critics).requires_grad_(False)
        temperature = torch.full(self._leading, settings.initial_temperature, device=self.device)
        self.log_temperature = nn.Parameter(temperature.log())
        self._noise = [torch.Generator(self.device).manual_seed(one + 1) for one in seeds]
        self.updates = 0
        self.absorbing = False  # whether states may be the absorbing one of `envs.absorbing`
        self._optimisers = {
            "actor": Adam(self.actor.parameters(), settings.actor_lr),
            "critics": Adam(self.critics.parameters(), settings.critic_lr),
            "temperature": Adam([self.log_temperature], settings.temperature_lr),
        }
        self._flat_targets = flatten(self.targets.parameters())
        self._learn: dict[str, Work] = {"critics": self.critics_gradients, "actor": self.actor_gradients}

    @torch.no_grad()
    def explore(self, state: Tensor) -> Tensor:
        """An action (..., action) sampled from the policy at `state` (..., state)."""
        return self.actor.sample(state.unsqueeze(-2), self._draw(1))[0].squeeze(-2)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step of critics, actor and temperature, and of the targets where they are due; detached diagnostics."""
        given = self.prepare(batch)
        report = self._step("critics", given)
        if self.updates % self.settings.actor_every == 0:
            report |= self.update_actor(given["states"], self._draw(given["states"].shape[-2]))
        if self.updates % self.settings.target_every == 0:
            self.move_targets()
        self.updates += 1
        return report

    def update_actor(self, states: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One step of the actor on `states`, and of the temperature if it is learnt."""
        return self._step("actor", {"states": states, "noise": noise})

    def _step(self, name: str, given: dict[str, Tensor]) -> dict[str, Tensor]:
        report, gradients = self._learn[name](given)
        for part, found in gradients.items():
            self._optimisers[part].step(found)
        return report

    def in_one_piece(self) -> None:
        """From the next update on, find gradients by compiled functions, or on a GPU by CUDA graphs."""
        self._learn = in_one_piece(self._learn, self.device)

    @property
    def update_kind(self) -> str:
        """How gradients are found: 'plain', 'compiled' or 'CUDA graph'."""
        return getattr(self._learn["critics"], "kind", "plain")

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        """All that the critics' loss depends on beside the networks; what is drawn at random is drawn here."""
        return {**batch._asdict(), "noise": self._draw(batch.states.shape[-2])}

    def critics_gradients(self, given: dict[str, Tensor]) -> Found:
        """Diagnostics, and the gradients of the critics' objective."""
        loss = self.critics_objective(given)
        return {"critics_loss": loss.detach()}, {"critics": self._optimisers["critics"].gradients(loss)}

    def critics_objective(self, given: dict[str, Tensor]) -> Tensor:
        """What the critics minimise: (...)."""
        return self.critic_loss(Batch(*(given[name] for name in Batch._fields)), given["noise"])

    def critic_loss(self, batch: Batch, noise: Tensor) -> Tensor:
        """Squared soft Bellman error, a mean over the batch for each critic, summed over critics: (...)."""
        with torch.no_grad():
            value = self.soft_value(self.targets, batch.next_states, noise)
            target = batch.rewards + self.settings.discount * batch.continues * value
        return (self.critics(batch.states, batch.actions) - target.unsqueeze(-2)).square().mean(-1).sum(-1)

    def soft_value(self, critics: Critics, states: Tensor, noise: Tensor) -> Tensor:
        """V(s) = min Q(s, a) - temperature log pi(a|s) for one a ~ pi, (..., batch).

        A gradient flows to the critics alone.
        """
        with torch.no_grad():
            actions, log_prob = self._sample(states, noise)
            entropy_bonus = self.temperature.unsqueeze(-1) * log_prob
        return critics(states, actions).amin(-2) - entropy_bonus

    def _sample(self, states: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions of the policy and their log densities: 0 both in an absorbing state, where there is no choice."""
        actions, log_prob = self.actor.sample(states, noise)
        if not self.absorbing:
            return actions, log_prob
        return with_effect(actions, states), log_prob * (1 - are_absorbing(states))

    def _mean(self, values: Tensor, states: Tensor) -> Tensor:
        """Of a batch, (..., batch) -> (...), without its absorbing states."""
        if not self.absorbing:
            return values.mean(-1)
        counts = 1 - are_absorbing(states)
        return (values * counts).sum(-1) / counts.sum(-1).clamp_min(1)

    def actor_gradients(self, given: dict[str, Tensor]) -> Found:
        """Diagnostics, and the gradients of the actor's loss and, if it is learnt, of the temperature's."""
        states = given["states"]
        actions, log_prob = self._sample(states, given["noise"])
        q = self.critics(states, actions, frozen=True).amin(-2)
        losses = {"actor": self._mean(self.temperature.detach().unsqueeze(-1) * log_prob - q, states)}
        entropy = -self._mean(log_prob.detach(), states)
        if self.settings.learn_temperature:
            losses["temperature"] = self.temperature_loss(entropy)
        gradients = {name: self._optimisers[name].gradients(loss) for name, loss in losses.items()}
        report = {f"{name}_loss": loss.detach() for name, loss in losses.items()}
        return report | {"entropy": entropy}, gradients

    def temperature_loss(self, entropy: Tensor) -> Tensor:
        """Its gradient raises the temperature where the policy's `entropy` (...) is below the target, -|A|."""
        return self.temperature * (entropy - self.target_entropy)

    @property
    def temperature(self) -> Tensor:
        """Weight of the entropy, positive: (...)."""
        return self.log_temperature.exp()

    @torch.no_grad()
    def move_targets(self) -> None:
        """targets <- (1 - tau) targets + tau critics."""
        self._flat_targets.lerp_(self._optimisers["critics"].flat, self.settings.tau)

    def _draw(self, count: int) -> Tensor:
        drawn = [torch.randn(count, self.action_size, generator=own, device=self.device) for own in self._noise]
        return torch.stack(drawn).view(*self._leading, count, self.action_size)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        return {
            "actor": self.actor.state_dict(),
            "critics": self.critics.state_dict(),
            "targets": self.targets.state_dict(),
            "log_temperature": self.log_temperature.detach(),
            "noise": [own.get_state() for own in self._noise],
            "updates": self.updates,
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self.actor.load_state_dict(saved["actor"])
        self.critics.load_state_dict(saved["critics"])
        self.targets.load_state_dict(saved["targets"])
        with torch.no_grad():
            self.log_temperature.copy_(saved["log_temperature"])
        for own, state in zip(self._noise, saved["noise"], strict=True):
            own.set_state(state.cpu())
        self.updates = saved["updates"]
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(saved["optimisers"][name])


def _networks(state_size: int, action_size: int, settings: SACSettings, seed: int) -> tuple[Actor, Critics]:
    """One seed's actor and critics."""
    generator = torch.Generator().manual_seed(seed)
    size = state_size, action_size, settings.width, settings.depth
    actor = Actor(*size, generator)
    return actor, Critics(*size, generator, members=settings.critics, layer_norm=settings.critic_layer_norm)
