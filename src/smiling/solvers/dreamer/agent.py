"""The agent: DreamerV3's networks and update, with optimisers, randomness and a state to save."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from smiling.one_piece import Found, Work, in_one_piece
from smiling.optimiser import Adam, flatten
from smiling.solvers.dreamer.behaviour import Behaviour, imagine, moved_range, return_scale
from smiling.solvers.dreamer.distributions import TwoHot
from smiling.solvers.dreamer.policy import DreamerPolicy
from smiling.solvers.dreamer.settings import DreamerSettings
from smiling.solvers.dreamer.world_model import Latent, WorldModel

MODEL_EPS, MODEL_CLIP = 1e-8, 1000.0
BEHAVIOUR_EPS, BEHAVIOUR_CLIP = 1e-5, 100.0  # of actor and critic


class Dreamer:
    """World model, actor, critic and the slow critic, with one optimiser for each of the first three."""

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
        weights = torch.Generator().manual_seed(seed)
        self.world_model = WorldModel(state_size, action_size, settings, weights).to(self.device)
        self.behaviour = Behaviour(self.world_model.rssm.features, action_size, settings, weights).to(self.device)
        self.two_hot = TwoHot(self.device)
        self.return_range = torch.zeros(2, device=self.device)
        self.random = torch.Generator(self.device).manual_seed(seed + 1)
        actor, critic = self.behaviour.actor, self.behaviour.critic
        self.optimisers = {
            "world_model": Adam(self.world_model.parameters(), settings.model_lr, eps=MODEL_EPS, clip=MODEL_CLIP),
            "actor": Adam(actor.parameters(), settings.actor_lr, eps=BEHAVIOUR_EPS, clip=BEHAVIOUR_CLIP),
            "critic": Adam(critic.parameters(), settings.critic_lr, eps=BEHAVIOUR_EPS, clip=BEHAVIOUR_CLIP),
        }
        slow_critic = self.behaviour.slow_critic.requires_grad_(False)
        self._slow = flatten(slow_critic.parameters())
        self.policy = DreamerPolicy(state_size, action_size, settings, self.world_model, actor)
        self._learn: dict[str, Work] = {"world_model": self.model_gradients, "behaviour": self.behaviour_gradients}

    def update(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of world model, actor and critic on sequences (length, batch, ...); detached losses.

        `batch` has `state`, the `action` that led there, the `reward` for arriving, `is_first` and `is_terminal`. Actor
        and critic learn from what the new world model imagines, from the states where the old one saw itself.
        """
        rows = batch["reward"].numel()
        report = self._step("world_model", batch | self.model_noise(*batch["reward"].shape))
        deter, stoch = report.pop("deter"), report.pop("stoch")
        given = {"deter": deter, "stoch": stoch, "is_terminal": batch["is_terminal"].flatten()}
        given |= {"return_range": self.return_range, **self.behaviour_noise(rows)}
        report |= self._step("behaviour", given)
        self.return_range = report.pop("return_range").clone()
        self._slow.lerp_(self.optimisers["critic"].flat, 1.0 if self.updates == 0 else self.settings.tau)
        self.updates += 1
        return report

    def _step(self, name: str, given: dict[str, Tensor]) -> dict[str, Tensor]:
        report, gradients = self._learn[name](given)
        for part, found in gradients.items():
            self.optimisers[part].step(found)
        return report

    def model_noise(self, length: int, batch: int) -> dict[str, Tensor]:
        """What the world model draws its states by, and the states before the sequences."""
        start = self.world_model.rssm.initial(batch)
        return {"uniform": self._uniform(length, batch), "start_deter": start.deter, "start_stoch": start.stoch}

    def behaviour_noise(self, rows: int) -> dict[str, Tensor]:
        """What imagined states and actions are drawn by."""
        shape = self.settings.horizon, rows, self.action_size
        normal = torch.randn(shape, generator=self.random, device=self.device)
        return {"uniform": self._uniform(*shape[:2]), "normal": normal}

    def _uniform(self, steps: int, rows: int) -> Tensor:
        return torch.rand(steps, rows, self.settings.categoricals, generator=self.random, device=self.device)

    def model_gradients(self, given: dict[str, Tensor]) -> Found:
        """The world model's losses and the states that it saw, (rows, ...), and the gradients of its loss."""
        with self._precision():
            start = Latent(given["start_deter"], given["start_stoch"])
            report, latents = self.world_model.loss(given, start, self.two_hot)
        gradients = {"world_model": self.optimisers["world_model"].gradients(report["world_model_loss"])}
        seen = {name: part.detach().flatten(0, 1) for name, part in latents._asdict().items()}
        return {name: value.detach() for name, value in report.items()} | seen, gradients

    def behaviour_gradients(self, given: dict[str, Tensor]) -> Found:
        """Actor's and critic's losses and the returns' new range, and the gradients of both losses."""
        behaviour, two_hot = self.behaviour, self.two_hot
        with self._precision():
            start = Latent(given["deter"], given["stoch"])
            dreamt = imagine(self.world_model, behaviour.actor, start, given["uniform"], given["normal"])
            values = behaviour.values(self.world_model, dreamt, given["is_terminal"], two_hot)
            known = moved_range(given["return_range"], values.returns.detach())
            scale = return_scale(known)
            actor_loss, entropy = behaviour.actor_loss(values, dreamt.deviations, scale)
            critic_loss = behaviour.critic_loss(values, dreamt.features[:-1].detach(), two_hot)
        gradients = {
            "actor": self.optimisers["actor"].gradients(actor_loss, keep_graph=True),
            "critic": self.optimisers["critic"].gradients(critic_loss),
        }
        report = {"actor_loss": actor_loss.detach(), "critic_loss": critic_loss.detach(), "entropy": entropy}
        return report | {"return_scale": scale, "return_range": known}, gradients

    def _precision(self) -> AbstractContextManager:
        """bfloat16 products on a GPU, if asked for; what adds up many numbers stays in float32."""
        mixed = self.settings.mixed_precision and self.device.type == "cuda"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=mixed)

    def in_one_piece(self) -> None:
        """From the next update on, find gradients by compiled functions, or on a GPU by CUDA graphs."""
        self._learn = in_one_piece(self._learn, self.device)

    @property
    def update_kind(self) -> str:
        """How gradients are found: 'plain', 'compiled' or 'CUDA graph'."""
        return getattr(self._learn["world_model"], "kind", "plain")

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        return {
            **{name: getattr(self, name).state_dict() for name in ("world_model", "behaviour")},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "return_range": self.return_range,
            "random": self.random.get_state(),
            "updates": self.updates,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        for name in ("world_model", "behaviour"):
            getattr(self, name).load_state_dict(saved[name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(saved["optimisers"][name])
        self.return_range.copy_(saved["return_range"])
        self.random.set_state(saved["random"].cpu())
        self.updates = saved["updates"]
