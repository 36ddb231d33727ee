"""The agent: sheeprl's DreamerV3 networks and update, with optimisers, randomness and a state to save."""

from typing import Any

import torch
from sheeprl.algos.dreamer_v3.dreamer_v3 import train
from sheeprl.algos.dreamer_v3.utils import Moments
from torch import Tensor

from smiling.solvers.dreamer.networks import build, make_fabric, restore, sheeprl_config
from smiling.solvers.dreamer.policy import DreamerPolicy
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.stream import Stream


class Report:
    """Takes the place of sheeprl's aggregator of metrics: keeps the latest losses of an update."""

    disabled = False

    def __init__(self) -> None:
        self.values: dict[str, Tensor] = {}

    def update(self, name: str, value: Tensor) -> None:
        """Called by sheeprl; gradients' norms and entropies are left out."""
        group, _, short = name.partition("/")
        if group == "Loss" or short == "kl":
            self.values[short] = value


class Dreamer:
    """World model, actor, critic and its target, with one optimiser for each of the first three."""

    def __init__(
        self,
        state_size: int,
        action_size: int,
        settings: DreamerSettings,
        seed: int,
        device: str | torch.device = "cpu",
    ) -> None:
        self.settings, self.action_size, self.updates = settings, action_size, 0
        self.device = torch.device(device)
        self.random = Stream(seed, self.device)
        self._fabric = make_fabric(settings, self.device)
        self._config = sheeprl_config(settings, self.device)
        with self.random():
            networks = build(self._fabric, self._config, state_size, action_size)
        self.world_model, self.actor, self.critic, self.target_critic, player = networks
        self.policy = DreamerPolicy(player, state_size, action_size, settings)
        self.moments = Moments(max_=self._config.algo.actor.moments.max).to(self.device)
        learners = {"world_model": self._config.algo.world_model, "actor": self._config.algo.actor}
        learners["critic"] = self._config.algo.critic
        self._optimisers: dict[str, Any] = {  # Fabric's wrappers
            name: self._fabric.setup_optimizers(
                torch.optim.Adam(
                    getattr(self, name).parameters(), lr=part.optimizer.lr, eps=part.optimizer.eps, fused=True
                )
            )
            for name, part in learners.items()
        }

    def update(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of world model, actor and critic on sequences (length, batch, size); detached losses."""
        self._move_target()
        report = Report()
        parts = self.world_model, self.actor, self.critic, self.target_critic, *self._optimisers.values()
        with self.random():
            train(self._fabric, *parts, batch, report, self._config, True, (self.action_size,), self.moments)
        self.updates += 1
        return report.values

    @torch.no_grad()
    def _move_target(self) -> None:
        """target <- (1 - tau) target + tau critic; sheeprl leaves this to the loop."""
        share = 1.0 if self.updates == 0 else self.settings.tau
        for target, value in zip(self.target_critic.parameters(), self.critic.parameters(), strict=True):
            target.lerp_(value, share)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        return {
            **{name: getattr(self, name).state_dict() for name in MODULES},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
            "random": self.random.get_state(),
            "updates": self.updates,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name in MODULES:
            restore(getattr(self, name), saved[name])
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(saved["optimisers"][name])
        self.random.set_state(saved["random"])
        self.updates = saved["updates"]


MODULES = ("world_model", "actor", "critic", "target_critic", "moments")
