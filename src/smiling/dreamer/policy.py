"""What acts, in training and from disk: encoder, recurrent state-space model and actor."""

from collections.abc import Callable

import torch
from sheeprl.algos.dreamer_v3.agent import PlayerDV3
from torch import Tensor

from smiling.dreamer.networks import build, make_fabric, restore, sheeprl_config
from smiling.dreamer.settings import DreamerSettings
from smiling.dreamer.stream import Stream


class DreamerPolicy:
    """sheeprl's player. Its actions depend on all that an episode has shown so far, and are always sampled.

    DreamerV3 samples in its evaluation mode too.
    """

    def __init__(self, player: PlayerDV3, state_size: int, action_size: int, settings: DreamerSettings) -> None:
        self.state_size, self.action_size, self.settings = state_size, action_size, settings
        self._player = player

    @classmethod
    def blank(cls, state_size: int, action_size: int, settings: DreamerSettings) -> "DreamerPolicy":
        """A policy on the CPU whose weights are to be loaded."""
        device = torch.device("cpu")
        with Stream(0)():
            networks = build(make_fabric(settings, device), sheeprl_config(settings, device), state_size, action_size)
        return cls(networks.player, state_size, action_size, settings)

    @torch.no_grad()
    def begin(self, episodes: int, random: Stream) -> Callable[[Tensor], Tensor]:
        """Start `episodes` episodes side by side; the function to call with each step's states (episodes, state).

        It returns actions (episodes, action) in [-1, 1]. A policy plays one such set of episodes at a time.
        """
        self._player.num_envs = episodes
        self._player.init_states()

        @torch.no_grad()
        def act(states: Tensor) -> Tensor:
            with random():
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
