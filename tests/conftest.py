"""What tests share: one thread, a clean set of streams, and small files to work on."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from smiling import bits
from smiling.runs.demonstrations import Demonstrations, write_demonstrations

torch.set_num_threads(1)
os.environ.update(bits.pins("any"))  # the scripts at smoke scale would start themselves anew with these


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes go first, so that no worker is left with one of them when the others are done."""
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in ("long", "slow")))


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """They are there again after a test in which a script has flushed them, in this process, to zero."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def generator() -> torch.Generator:
    """A generator with a fixed seed."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def demonstrations_file(tmp_path: Path) -> Path:
    """Two short random trajectories in the shapes of ball_in_cup_catch."""
    random = np.random.default_rng(0)
    path = tmp_path / "demonstrations.npz"
    written = Demonstrations(
        observations=random.normal(size=(40, 8)).astype(np.float32),
        next_observations=random.normal(size=(40, 8)).astype(np.float32),
        actions=random.uniform(-1, 1, size=(40, 2)).astype(np.float32),
        rewards=random.uniform(size=40).astype(np.float32),
        episode_starts=np.array([0, 20]),
        made_by={"task": "ball_in_cup_catch"},
    )
    write_demonstrations(path, written)
    return path
