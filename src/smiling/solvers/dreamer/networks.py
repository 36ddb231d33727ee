"""sheeprl's networks, built to our settings."""

import warnings
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from hydra import compose, initialize_config_module
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import LightningEnvironment
from omegaconf import OmegaConf
from sheeprl.algos.dreamer_v3.agent import PlayerDV3, WorldModel, build_agent
from sheeprl.utils.utils import dotdict
from torch import Tensor, nn

from smiling.solvers.dreamer.settings import DreamerSettings


class Networks(NamedTuple):
    """What sheeprl builds; the player shares its weights with the others."""

    world_model: WorldModel
    actor: nn.Module
    critic: nn.Module
    target_critic: nn.Module
    player: PlayerDV3


def build(fabric: Fabric, config: dotdict, state_size: int, action_size: int) -> Networks:
    """Fresh networks for vector observations and continuous actions, from torch's global randomness."""
    observations = gymnasium.spaces.Dict({"state": gymnasium.spaces.Box(-np.inf, np.inf, (state_size,), np.float32)})
    return Networks(*build_agent(fabric, (action_size,), True, config, observations))


def make_fabric(settings: DreamerSettings, device: torch.device) -> Fabric:
    """One device; without a look around for a cluster, of which each of our jobs is a single process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a GPU which is not used: the user chose the device
        return Fabric(
            accelerator=device.type,
            devices=1,
            precision=precision(settings, device),  # type: ignore[arg-type] # one of the names that it lists
            plugins=[LightningEnvironment()],
        )


def precision(settings: DreamerSettings, device: torch.device) -> str:
    """Lightning's name of the number format."""
    return "bf16-mixed" if settings.mixed_precision and device.type == "cuda" else "32-true"


def sheeprl_config(settings: DreamerSettings, device: torch.device) -> dotdict:
    """The parts of sheeprl's configuration that its DreamerV3 reads: its size M with our settings over it."""
    values = overrides(settings) | {"fabric.precision": precision(settings, device)}
    with initialize_config_module("sheeprl.configs", version_base="1.3"):
        whole = compose("config", ["exp=dreamer_v3", "algo=dreamer_v3_M", *(f"{k}={v}" for k, v in values.items())])
    sections = ("algo", "env", "distribution", "fabric")
    return dotdict({name: OmegaConf.to_container(whole[name], resolve=True) for name in sections})


def overrides(settings: DreamerSettings) -> dict[str, Any]:
    """Our settings by their names in sheeprl."""
    world = "algo.world_model"
    values: dict[str, Any] = {
        "algo.cnn_keys.encoder": [],
        "algo.cnn_keys.decoder": [],
        "algo.mlp_keys.encoder": ["state"],
        "algo.dense_units": settings.width,
        "algo.mlp_layers": settings.depth,
        "algo.horizon": settings.horizon,
        "algo.gamma": settings.discount,
        "algo.lmbda": settings.trace,
        "algo.compile.enabled": settings.compile,
        "algo.compile.mode": "default",  # CUDA graphs would record the random numbers that `Stream` sets
        f"{world}.recurrent_model.recurrent_state_size": settings.recurrent,
        f"{world}.stochastic_size": settings.categoricals,
        f"{world}.discrete_size": settings.classes,
        f"{world}.kl_dynamic": settings.kl_dynamic,
        f"{world}.kl_representation": settings.kl_representation,
        f"{world}.kl_free_nats": settings.free_nats,
        f"{world}.optimizer.lr": settings.model_lr,
        "algo.actor.ent_coef": settings.entropy,
        "algo.actor.optimizer.lr": settings.actor_lr,
        "algo.critic.optimizer.lr": settings.critic_lr,
        "env.num_envs": settings.num_envs,
    }
    for part in ("encoder", "observation_model"):
        values |= {f"{world}.{part}.mlp_layers": settings.encoder_depth}
        values |= {f"{world}.{part}.dense_units": settings.encoder_width}
    for part in ("transition_model", "representation_model"):
        values |= {f"{world}.{part}.hidden_size": settings.width}
    return values


@torch.no_grad()
def restore(module: nn.Module, saved: dict[str, Tensor]) -> None:
    """Copy saved values into the module's own tensors, so that weights that are shared stay shared.

    `load_state_dict` does not find the names that `state_dict` gives to modules which Fabric has wrapped.

    Raises:
        ValueError: if the names or shapes are not the module's.
    """
    own = module.state_dict()
    if own.keys() != saved.keys() or any(own[name].shape != value.shape for name, value in saved.items()):
        raise ValueError("these weights are of other networks")
    for name, value in saved.items():
        own[name].copy_(value)
