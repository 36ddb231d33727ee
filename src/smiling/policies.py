"""Policies on disk: an actor's weights as safetensors, its shape in the file's metadata. Nothing is pickled."""

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from smiling.artefacts import whole
from smiling.networks import Actor
from smiling.settings import UserError, first_line

SHAPE = ("state_size", "action_size", "width", "depth")


def write(path: Path, actor: Actor) -> None:
    """Write an actor, whole."""
    metadata = {"actor": json.dumps({name: getattr(actor, name) for name in SHAPE})}
    weights = {name: value.cpu().contiguous() for name, value in actor.state_dict().items()}
    with whole(path) as temporary:
        safetensors.torch.save_file(weights, temporary, metadata)


def read(path: Path) -> Actor:
    """Read an actor.

    Raises:
        UserError: if there is no such file or it does not hold an actor of ours.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            shape = json.loads((file.metadata() or {})["actor"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        actor = Actor(*(int(shape[name]) for name in SHAPE), torch.Generator())
        actor.load_state_dict(weights)
    except FileNotFoundError:
        raise UserError(f"policy {path}: no such file") from None
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"policy {path}: not an actor written by this suite ({first_line(error)})") from None
    return actor
