"""What acts, in training and from disk: encoder, recurrent state-space model and actor."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from smiling.solvers.dreamer.behaviour import Actor
from smiling.solvers.dreamer.recurrence import step
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.world_model import WorldModel


class DreamerPolicy:
    """Its actions depend on all that an episode has shown so far, and are always sampled, in evaluations too."""

    kind: ClassVar[str] = "dreamer"

    def __init__(
        self, state_size: int, action_size: int, settings: DreamerSettings, world_model: WorldModel, actor: Actor
    ) -> None:
        self.state_size, self.action_size, self.settings = state_size, action_size, settings
        self._world_model, self._actor = world_model, actor
        acting = {"encoder": world_model.encoder, "rssm": world_model.rssm, "actor": actor}
        self._parts = nn.ModuleDict(acting)

    def description(self) -> dict[str, Any]:
        """Sizes and settings, from which `blank` makes a policy of the same shape."""
        sizes = {"state_size": self.state_size, "action_size": self.action_size}
        return sizes | {"settings": self.settings.model_dump(mode="json")}

    @classmethod
    def blank(cls, description: dict[str, Any]) -> "DreamerPolicy":
        """A policy on the CPU whose weights are to be loaded."""
        settings, random = DreamerSettings(**description["settings"]), torch.Generator()
        state_size, action_size = description["state_size"], description["action_size"]
        world_model = WorldModel(state_size, action_size, settings, random)
        actor = Actor(world_model.rssm.features, action_size, settings, random)
        return cls(state_size, action_size, settings, world_model, actor)

    def noise(self, seed: int, device: str | torch.device = "cpu") -> torch.Generator:
        """Randomness for `begin`."""
        return torch.Generator(device).manual_seed(seed)

    def begin(self, episodes: int, noise: torch.Generator, sampled: bool = True) -> "DreamerPlayer":
        """Start `episodes` episodes side by side; to be called with each step's states (episodes, state).

        It returns actions (episodes, action), always `sampled` and so now and then a little outside [-1, 1]: the
        environments clip them.
        """
        return DreamerPlayer(self, self._world_model, self._actor, episodes, noise)

    def state_dict(self) -> dict[str, Tensor]:
        """Weights."""
        return self._parts.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Inverse of `state_dict`.

        Raises:
            RuntimeError: if the weights are not of this shape.
        """
        self._parts.load_state_dict(saved)


class DreamerPlayer:
    """A policy in the midst of episodes that are played side by side."""

    @torch.no_grad()
    def __init__(
        self, policy: DreamerPolicy, world_model: WorldModel, actor: Actor, episodes: int, noise: torch.Generator
    ) -> None:
        self.policy, self._world, self._actor, self._noise = policy, world_model, actor, noise
        self._weights, self._latent = world_model.rssm.weights(observing=True), (*world_model.rssm.initial(episodes),)
        self._action = torch.zeros(episodes, policy.action_size, device=noise.device)

    @torch.no_grad()
    def __call__(self, states: Tensor) -> Tensor:
        """Actions (episodes, action) in `states` (episodes, state)."""
        world, rssm, noise = self._world, self._world.rssm, self._noise
        uniform = torch.rand(len(states), rssm.shape[0], generator=noise, device=noise.device)
        parts = rssm.actions(self._action), rssm.embeddings(world.embed(states))
        self._latent = step(self._weights, self._latent, parts[0], uniform, rssm.pick, parts[1])[:2]
        mean, deviation = self._actor(torch.cat(self._latent, -1))
        self._action = mean + deviation * torch.randn(mean.shape, generator=noise, device=noise.device)
        return self._action

    def forget(self, episode: int) -> None:
        """Begin the episode in that place anew."""
        for part in (*self._latent, self._action):
            part[episode] = 0.0

    def state_dict(self) -> dict[str, Any]:
        """What it remembers of the episodes."""
        return {"latent": list(self._latent), "action": self._action}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._latent = tuple(part.to(self._action.device) for part in saved["latent"])
        self._action = saved["action"].to(self._action.device)
