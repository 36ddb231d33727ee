"""A GPU for each process, pretended: what it sees is what CUDA would be shown. And none, where there is none."""

import os
import subprocess
import sys
from collections import Counter

import pytest
import torch
from commands import assert_refused, run

from smiling import devices
from smiling.experiment import load_experiment
from smiling.settings import UserError

# Takes one, says which it sees, and keeps it until its input ends.
TAKES = "import os, sys; from smiling import devices; devices.take(int(sys.argv[1])); " + (
    "print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True); sys.stdin.read()"
)


@pytest.fixture
def process(tmp_path):
    """Begin a process that takes a GPU, of `count` or of those that are `named`; itself, and what it then sees."""
    begun = []

    def begin(count, named=None):
        environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
        environment.pop(devices.VISIBLE, None)
        environment |= {} if named is None else {devices.VISIBLE: named}
        command = [sys.executable, "-c", TAKES, str(count)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        begun.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        return begun[-1], begun[-1].stdout.readline().strip()

    yield begin
    for process in begun:
        process.communicate()


def test_each_process_has_a_gpu_of_its_own_and_the_next_takes_what_becomes_free(process):
    first, one = process(2)
    second, other = process(2)
    assert {one, other} == {"0", "1"}
    second.communicate()
    assert process(2)[1] == other
    first.kill()  # nothing is left behind by a process that is killed
    first.communicate()
    assert process(2)[1] == one


def test_more_processes_than_gpus_share_them_evenly(process):
    assert Counter(process(2)[1] for _ in range(5)) in ({"0": 3, "1": 2}, {"0": 2, "1": 3})


def test_of_those_that_a_job_was_given_one_is_taken(process):
    assert {process(8, "2,GPU-7f")[1] for _ in range(2)} == {"2", "GPU-7f"}
    assert process(8, "5")[1] == "5"  # Slurm's choice stays
    assert process(8, "")[1] == ""
    assert process(1)[1] == "None"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    ("built", "told"),
    [("12.8", r"ask the cluster for one \(resource gpu=1\)"), (None, "make setup TORCH_BUILD=cuda")],
)
def test_a_job_without_gpu_is_told_how_to_come_by_one(built, told, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", built)
    with pytest.raises(UserError, match=f"training.device 'cuda' is asked for, but .*{told}.*training.device=cpu"):
        devices.settle("cuda")
    devices.settle("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_settings_may_ask_for_a_gpu_where_none_is_and_the_job_refuses(demonstrations_file, tmp_path):
    """A cluster's login node reads settings of jobs that run elsewhere."""
    load_experiment("quick", ["training.device=cuda"])
    given = ("--task", "ball_in_cup_catch", "--method", "bc", "--seeds", 0, "--demonstrations", demonstrations_file)
    refused = run("imitate.py", *given, "--set", "training.device=cuda", "--out", tmp_path)
    assert_refused(refused, "training.device 'cuda' is asked for, but")
