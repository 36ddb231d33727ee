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
from smiling.settings import UserError

SHAPE = ("state_size", "action_size", "width", "depth")
DREAMER = "smiling.dreamer"  # imported by name, and only for its policies: sheeprl takes seconds to load


def player(
    policy: Any, episodes: int, seed: int, device: str | torch.device = "cpu", sampled: bool = False
) -> Callable[[Tensor], Tensor]:
    """`policy` as a function from each step's states (episodes, state) to actions, for one set of episodes.

    An actor acts by its mean, or by samples; DreamerV3 remembers the episodes and always samples.
    """
    if not isinstance(policy, Actor):
        return policy.begin(episodes, import_module(f"{DREAMER}.stream").Stream(seed, device))
    if not sampled:
        return policy.mean_action
    noise = torch.Generator(device).manual_seed(seed)
    size = policy.action_size
    return lambda states: policy.sample(states, torch.randn(len(states), size, generator=noise, device=device))[0]


def write(path: Path, policy: Any) -> None:
    """Write a policy, whole: an `Actor` or a `DreamerPolicy`."""
    weights = {name: value.cpu().contiguous() for name, value in policy.state_dict().items()}
    with whole(path) as temporary:
        safetensors.torch.save_file(weights, temporary, _description(policy))


def _description(policy: Any) -> dict[str, str]:
    if isinstance(policy, Actor):
        return {name: str(getattr(policy, name)) for name in SHAPE}
    sizes = {"state_size": str(policy.state_size), "action_size": str(policy.action_size)}
    return sizes | {"dreamer": policy.settings.model_dump_json()}


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
        raise UserError(f"policy {path}: not a policy written by this suite ({str(error).splitlines()[0]})") from None
    return policy


def _blank(metadata: dict[str, str]) -> Any:
    if "dreamer" not in metadata:
        return Actor(*(int(metadata[name]) for name in SHAPE), torch.Generator())
    settings = import_module(f"{DREAMER}.settings").DreamerSettings(**json.loads(metadata["dreamer"]))
    sizes = int(metadata["state_size"]), int(metadata["action_size"])
    return import_module(f"{DREAMER}.policy").DreamerPolicy.blank(*sizes, settings)
