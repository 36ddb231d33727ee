"""Checkpoints: a run's whole state in one file, tied to the settings and the code that made it."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from smiling.runs.artefacts import whole
from smiling.settings import UserError, differences, first_line


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings and containers of them) with the `identity` of the run it belongs to."""
    with whole(path) as temporary:
        torch.save({"identity": identity, "state": state}, temporary)


def load(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The state saved at `path`, or None where there is none. Nothing is unpickled but tensors and plain containers.

    Raises:
        UserError: if the file cannot be read, or belongs to a run of another identity (settings, task, code).
    """
    if not path.exists():
        return None
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} cannot be read as a checkpoint ({first_line(error)}); delete it to start over"
        ) from None
    changed = differences(saved["identity"], identity)
    if changed:
        raise UserError(
            f"{path} was made under other settings ({'; '.join(changed)}); "
            "finish that run under its own settings, or delete the file to start over"
        )
    return saved["state"]
