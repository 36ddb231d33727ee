"""Checkpoints: a run's whole state in one file, tied to the settings and the code that made it.

The file begins with the digest of the rest: a damaged one is not resumed from.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from smiling.runs.artefacts import whole
from smiling.settings import UserError, differences, first_line

DIGEST = hashlib.sha256
SIZE = DIGEST().digest_size


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings and containers of them) with the `identity` of the run it belongs to."""
    content = io.BytesIO()
    torch.save({"identity": identity, "state": state}, content)
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(DIGEST(content.getbuffer()).digest())
        file.write(content.getbuffer())


def load(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The state saved at `path`, or None where there is none. Nothing is unpickled but tensors and plain containers.

    Raises:
        UserError: if the file is damaged, or belongs to a run of another identity (settings, task, code).
    """
    if not path.exists():
        return None
    try:
        saved = _read(path)
    except Exception as error:  # torch and its unpickler raise whatever they stumble over
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


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    digest, rest = content[:SIZE], memoryview(content)[SIZE:]
    if DIGEST(rest).digest() != digest:
        raise ValueError("it is damaged: its content does not have the digest that was written with it")
    saved = torch.load(io.BytesIO(rest), map_location="cpu", weights_only=True)
    if not (isinstance(saved, dict) and all(isinstance(saved.get(part), dict) for part in ("identity", "state"))):
        raise ValueError("it holds no run's identity and state")
    return saved
