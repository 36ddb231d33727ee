"""Policies on disk: weights as safetensors, the policy's shape in the file's metadata. Nothing is pickled."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from smiling.evaluation import Policy
from smiling.runs.artefacts import whole
from smiling.settings import UserError, first_line

# Kind of policy -> (module, class). Imported when one is read: a solver may take seconds to load.
KINDS = {
    "actor": ("smiling.solvers.sac.networks", "Actor"),
    "denoising": ("smiling.solvers.denoising", "DenoisingPolicy"),
    "dreamer": ("smiling.solvers.dreamer.policy", "DreamerPolicy"),
}
# Of what policies' descriptions say: at most an extent of a weight, and at most the number of weights.
SIZES = ("state_size", "action_size", "width", "encoder_width", "recurrent", "categoricals", "classes")
COUNTS = ("depth", "encoder_depth")


def write_policy(path: Path, policy: Policy) -> None:
    """Write a policy, whole."""
    weights = {name: value.cpu().contiguous() for name, value in policy.state_dict().items()}
    metadata = {policy.kind: json.dumps(policy.description())}  # one entry: safetensors keeps several in no order
    content = safetensors.torch.save(weights, metadata)  # a full disk is then Python's own error
    with whole(path) as temporary:
        temporary.write_bytes(content)


def read_policy(path: Path, sizes: tuple[int, int] | None = None) -> Policy:
    """Read a policy; of states and actions of these `sizes`, if they are given.

    Raises:
        UserError: if there is no such file, or it does not hold a policy of ours, or one of other sizes.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        policy = _blank(metadata, weights)
        policy.load_state_dict(weights)
    except FileNotFoundError:
        raise UserError(f"policy {path}: no such file") from None
    except Exception as error:  # safetensors and torch raise whatever they stumble over
        raise UserError(f"policy {path}: not a policy written by this suite ({first_line(error)})") from None
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise UserError(f"policy {path}: a weight is not a finite number; the file is damaged, train that policy again")
    its = policy.state_size, policy.action_size
    if sizes is not None and its != sizes:
        raise UserError(
            f"policy {path}: its states and actions have sizes {its}, this task's {sizes}; it is another task's"
        )
    return policy


def _blank(metadata: dict[str, str], weights: dict[str, Tensor]) -> Policy:
    """A policy of the kind and shape that `metadata` describes."""
    kinds = KINDS.keys() & metadata.keys()
    if len(kinds) != 1:
        raise ValueError("its metadata describes none")
    (kind,) = kinds
    module, name = KINDS[kind]
    cls: type[Policy] = getattr(import_module(module), name)
    description = json.loads(metadata[kind])
    _check_described(description, weights)
    return cls.blank(description)


def _check_described(description: dict[str, Any], weights: dict[str, Tensor]) -> None:
    """Refuse what has other sizes than the weights before it is built: it may be larger than any memory."""
    largest = max((extent for value in weights.values() for extent in value.shape), default=0)
    for name, value in {**description, **description.get("settings", {})}.items():
        limit = len(weights) if name in COUNTS else largest
        if name in {*SIZES, *COUNTS} and not (isinstance(value, int) and 0 <= value <= limit):
            raise ValueError(f"its metadata says {name} {value!r}, which its weights are not of")
