"""A checkpoint is what was saved, or it is refused."""

import json
import random
import time

import pytest
import torch

from smiling.runs import checkpoint
from smiling.runs.folder import RunFolder
from smiling.settings import UserError

IDENTITY = {"task": "cheetah_run", "settings": {"width": 16}}
DAMAGES = 300


@pytest.fixture
def saved(tmp_path):
    """A checkpoint of a few kilobytes."""
    path = tmp_path / "checkpoint.pt"
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(40, 40, generator=generator)
    checkpoint.save(path, IDENTITY, {"weights": weights, "step": 3000, "curve": [{"env_step": 0, "return": 1.0}]})
    return path


def test_what_is_loaded_is_what_was_saved(saved):
    state = checkpoint.load(saved, IDENTITY)
    assert (state["step"], state["curve"]) == (3000, [{"env_step": 0, "return": 1.0}])
    assert state["weights"].shape == (40, 40)
    assert checkpoint.load(saved.with_name("none.pt"), IDENTITY) is None


@pytest.mark.parametrize("damage", ["a flipped bit", "a zeroed block", "a lost end", "bytes appended"])
def test_every_damage_is_refused(damage, saved):
    whole, chance = saved.read_bytes(), random.Random(0)
    for _ in range(DAMAGES):
        content, place = bytearray(whole), chance.randrange(len(whole))
        if damage == "a flipped bit":
            content[place] ^= 1 << chance.randrange(8)
        elif damage == "a zeroed block":
            block = content[place : place + 512]
            content[place : place + 512] = bytes(len(block))
        elif damage == "a lost end":
            del content[place:]
        else:
            content += bytes(1 + place)
        if content == whole:
            continue
        saved.write_bytes(content)
        with pytest.raises(UserError, match="cannot be read as a checkpoint .*delete it to start over"):
            checkpoint.load(saved, IDENTITY)


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(saved):
    with pytest.raises(UserError, match="settings.width: 16 there, 17 here"):
        checkpoint.load(saved, {"task": "cheetah_run", "settings": {"width": 17}})


def test_a_runs_time_is_that_of_all_its_attempts(tmp_path):
    with RunFolder({0: tmp_path}, {}, 0.0, lambda path, _: path.touch()) as folder:
        earlier = time.process_time() + 0.1
        while time.process_time() < earlier:
            pass
        folder.save({})
    with RunFolder({0: tmp_path}, {}, 0.0, lambda path, _: path.touch()) as folder:
        folder.load()
        folder.finish([[{"env_step": 1000, "return": 0.0}]], [None], [{}])
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["processor_seconds"] >= 0.1
    assert record["wall_seconds"] >= 0.1
