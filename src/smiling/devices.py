"""A GPU for this process: looked for where the work is done, and one of its own where a machine has several."""

import os
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from smiling.settings import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"  # Slurm sets it to what a job was given

_held: list[FileLock] = []  # as long as this process lasts


def settle(device: str) -> None:
    """See to it that there is the `device`, 'cpu' or 'cuda'; to be called before anything is put on it.

    Raises:
        UserError: for 'cuda' where this process has no GPU.
    """
    if device != "cuda":
        return
    import torch

    take(torch.cuda.device_count())  # which asks the driver; is_available would settle what is visible
    if not torch.cuda.is_available():
        raise UserError(f"training.device 'cuda' is asked for, but {_why_none()}; or use training.device=cpu")


def _why_none() -> str:
    import torch

    if torch.version.cuda is None:
        return "this PyTorch is built for CPUs: make setup TORCH_BUILD=cuda"
    return "torch sees no CUDA GPU in this job: ask the cluster for one (resource gpu=1), or look at nvidia-smi"


def take(count: int) -> str | None:
    """Make one of the visible GPUs the only one that this process sees; `count` are, if the environment names none.

    That which fewest of this user's processes on this machine have taken. None is taken where at most one is visible.
    """
    named = os.environ.get(VISIBLE)
    visible = [name for name in map(str.strip, named.split(",")) if name] if named is not None else None
    names = visible if visible is not None else [str(index) for index in range(count)]
    if len(names) < 2:
        return None
    beside = 0  # processes that share a GPU with this one
    while True:
        for name in names:
            lock = FileLock(Path(tempfile.gettempdir(), f"smiling-gpu-{os.getuid()}-{name}-{beside}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            _held.append(lock)
            os.environ[VISIBLE] = name
            return name
        beside += 1
