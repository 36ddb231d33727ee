"""Policies on disk: weights as safetensors, the policy's shape in the file's metadata. Nothing is pickled."""

import json
from importlib import import_module
from pathlib import Path

import safetensors
import safetensors.torch

from smiling.evaluation import Policy
from smiling.runs.artefacts import whole
from smiling.settings import UserError, first_line

# Kind of policy -> (module, class). Imported when one is read: a solver may take seconds to load.
KINDS = {
    "actor": ("smiling.solvers.sac.networks", "Actor"),
    "dreamer": ("smiling.solvers.dreamer.policy", "DreamerPolicy"),
}


def write_policy(path: Path, policy: Policy) -> None:
    """Write a policy, whole."""
    weights = {name: value.cpu().contiguous() for name, value in policy.state_dict().items()}
    metadata = {policy.kind: json.dumps(policy.description())}  # one entry: safetensors keeps several in no order
    content = safetensors.torch.save(weights, metadata)  # a full disk is then Python's own error
    with whole(path) as temporary:
        temporary.write_bytes(content)


def read_policy(path: Path) -> Policy:
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
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"policy {path}: not a policy written by this suite ({first_line(error)})") from None
    return policy


def _blank(metadata: dict[str, str]) -> Policy:
    """A policy of the kind and shape that `metadata` describes."""
    kinds = KINDS.keys() & metadata.keys()
    if len(kinds) != 1:
        raise ValueError("its metadata describes none")
    (kind,) = kinds
    module, name = KINDS[kind]
    cls: type[Policy] = getattr(import_module(module), name)
    return cls.blank(json.loads(metadata[kind]))
