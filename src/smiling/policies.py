"""Policies: how they act, and how they are kept on disk.

On disk: weights as safetensors, the policy's shape in the file's metadata. Nothing is pickled.
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from smiling.artefacts import whole
from smiling.networks import Actor
from smiling.settings import UserError, first_line

SHAPE = ("state_size", "action_size", "width", "depth")
DREAMER = "smiling.dreamer"  # imported by name, and only for its policies: sheeprl takes seconds to load


def noise_of(policy: Any, seed: int, device: str | torch.device = "cpu") -> Any:
    """Randomness of the kind that `policy` samples its actions from."""
    if isinstance(policy, Actor):
        return torch.Generator(device).manual_seed(seed)
    return import_module(f"{DREAMER}.stream").Stream(seed, device)


def player(policy: Any, episodes: int, noise: Any, sampled: bool = False) -> Callable[[Tensor], Tensor]:
    """`policy` as a function from each step's states (episodes, state) to actions, for one set of episodes.

    An actor acts by its mean, or by samples; DreamerV3 remembers the episodes and always samples.
    """
    if not isinstance(policy, Actor):
        return policy.begin(episodes, noise)
    if not sampled:
        return policy.mean_action

    def sample(states: Tensor) -> Tensor:
        drawn = torch.randn(len(states), policy.action_size, generator=noise, device=noise.device)
        return policy.sample(states, drawn)[0]

    return sample


def write(path: Path, policy: Any) -> None:
    """Write a policy, whole: an `Actor` or a `DreamerPolicy`."""
    weights = {name: value.cpu().contiguous() for name, value in policy.state_dict().items()}
    with whole(path) as temporary:
        safetensors.torch.save_file(weights, temporary, _description(policy))


def _description(policy: Any) -> dict[str, str]:
    if isinstance(policy, Actor):
        return {"actor": json.dumps({name: getattr(policy, name) for name in SHAPE})}
    sizes = {"state_size": policy.state_size, "action_size": policy.action_size}
    return {"dreamer": json.dumps(sizes | {"settings": policy.settings.model_dump(mode="json")})}


def read(path: Path) -> Any:
    """Read a policy.

    Raises:
        UserError: if there is no such file or it does not hold a policy of ours.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        policy = _blank(metadata)
        policy.load_state_dict(weights)
    except FileNotFoundError:
        raise UserError(f"policy {path}: no such file") from None
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"policy {path}: not a policy written by this suite ({first_line(error)})") from None
    return policy


def _blank(metadata: dict[str, str]) -> Any:
    """A policy of the shape that `metadata` describes; one entry, for safetensors keeps several in no order."""
    if "dreamer" not in metadata:
        shape = json.loads(metadata["actor"])
        return Actor(*(int(shape[name]) for name in SHAPE), torch.Generator())
    described = json.loads(metadata["dreamer"])
    settings = import_module(f"{DREAMER}.settings").DreamerSettings(**described["settings"])
    policy = import_module(f"{DREAMER}.policy").DreamerPolicy
    return policy.blank(described["state_size"], described["action_size"], settings)
