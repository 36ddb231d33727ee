"""What acts, in training and from disk: encoder, recurrent state-space model and actor."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from sheeprl.algos.dreamer_v3.agent import PlayerDV3
from torch import Tensor

from smiling.solvers.dreamer.networks import build, make_fabric, restore, sheeprl_config
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.stream import Stream


class DreamerPolicy:
    """sheeprl's player. Its actions depend on all that an episode has shown so far, and are always sampled.

    DreamerV3 samples in its evaluation mode too.
    """

    kind: ClassVar[str] = "dreamer"

    def __init__(self, player: PlayerDV3, state_size: int, action_size: int, settings: DreamerSettings) -> None:
        self.state_size, self.action_size, self.settings = state_size, action_size, settings
        self._player = player

    def description(self) -> dict[str, Any]:
        """Sizes and settings, from which `blank` makes a policy of the same shape."""
        sizes = {"state_size": self.state_size, "action_size": self.action_size}
        return sizes | {"settings": self.settings.model_dump(mode="json")}

    @classmethod
    def blank(cls, description: dict[str, Any]) -> "DreamerPolicy":
        """A policy on the CPU whose weights are to be loaded."""
        settings, device = DreamerSettings(**description["settings"]), torch.device("cpu")
        state_size, action_size = description["state_size"], description["action_size"]
        with Stream(0)():
            networks = build(make_fabric(settings, device), sheeprl_config(settings, device), state_size, action_size)
        return cls(networks.player, state_size, action_size, settings)

    def noise(self, seed: int, device: str | torch.device = "cpu") -> Stream:
        """Randomness for `begin`."""
        return Stream(seed, device)

    @torch.no_grad()
    def begin(self, episodes: int, noise: Stream, sampled: bool = True) -> Callable[[Tensor], Tensor]:
        """Start `episodes` episodes side by side; the function to call with each step's states (episodes, state).

        It returns actions (episodes, action) in [-1, 1], always `sampled`. A policy plays one such set of episodes at a
        time.
        """
        self._player.num_envs = episodes
        self._player.init_states()

        @torch.no_grad()
        def act(states: Tensor) -> Tensor:
            with noise():
                (actions,) = self._player.get_actions({"state": states[None]})
            return actions[0]

        return act

    def state_dict(self) -> dict[str, Tensor]:
        """Weights, by names of sheeprl's."""
        return self._player.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Inverse of `state_dict`.

        Raises:
            ValueError: if the weights are not of this shape.
        """
        restore(self._player, saved)
