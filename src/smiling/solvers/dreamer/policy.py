"""What acts, in training and from disk: encoder, recurrent state-space model and actor."""

from collections.abc import Callable
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

    @torch.no_grad()
    def begin(self, episodes: int, noise: torch.Generator, sampled: bool = True) -> Callable[[Tensor], Tensor]:
        """Start `episodes` episodes side by side; the function to call with each step's states (episodes, state).

        It returns actions (episodes, action), always `sampled` and so now and then a little outside [-1, 1]: the
        environments clip them.
        """
        world, rssm, device = self._world_model, self._world_model.rssm, noise.device
        weights, latent = rssm.weights(observing=True), (*rssm.initial(episodes),)
        action = torch.zeros(episodes, self.action_size, device=device)

        @torch.no_grad()
        def act(states: Tensor) -> Tensor:
            nonlocal latent, action
            uniform = torch.rand(episodes, rssm.shape[0], generator=noise, device=device)
            parts = rssm.actions(action), rssm.embeddings(world.embed(states))
            latent = step(weights, latent, parts[0], uniform, rssm.pick, parts[1])[:2]
            mean, deviation = self._actor(torch.cat(latent, -1))
            action = mean + deviation * torch.randn(mean.shape, generator=noise, device=device)
            return action

        return act

    def state_dict(self) -> dict[str, Tensor]:
        """Weights."""
        return self._parts.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Inverse of `state_dict`.

        Raises:
            RuntimeError: if the weights are not of this shape.
        """
        self._parts.load_state_dict(saved)
