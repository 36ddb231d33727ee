"""Kill a stage at any moment, give the same command again: the artefacts are those of an uninterrupted run."""

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
from commands import assert_refused, command, run, run_well
from interrupted import arguments, folders, rows

pytestmark = pytest.mark.long


def kill_on_its_way(stage_arguments: list[object], folder: Path, sign: signal.Signals) -> int:
    """Start a stage, send it `sign` once its curve has three rows (it has a checkpoint then), return its exit code."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # A shell's background jobs ignore Ctrl-C, and so would the stage, if these tests are such a job.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command(*stage_arguments), preexec_fn=heed, **quiet) as process:
        limit = time.monotonic() + 120
        while rows(folder / "partial_curve.csv") < 3 and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        os.kill(process.pid, sign)
        return process.wait(60)


@pytest.mark.parametrize(
    ("stage", "sign"),
    [
        ("expert", signal.SIGTERM),
        ("smiling", signal.SIGKILL),
        pytest.param("dac", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("iq_learn", signal.SIGINT, marks=pytest.mark.slow),
        ("together", signal.SIGKILL),
        ("bc", signal.SIGINT),
    ],
)
def test_killed_stage_goes_on_to_the_same_curve_and_policy(stage, sign, demonstrations_file, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_well(*arguments(stage, demonstrations_file, whole))
    again = arguments(stage, demonstrations_file, killed)
    assert kill_on_its_way(again, folders(stage, killed)[0], sign) != 0
    assert not list(killed.rglob("curve.csv"))
    assert "goes on from" in run_well(*again)
    for mine, reference in zip(folders(stage, killed), folders(stage, whole), strict=True):
        for name in ("curve.csv", "policy.safetensors"):
            assert (mine / name).read_bytes() == (reference / name).read_bytes(), name
        assert {path.name for path in mine.iterdir()} - {".lock"} == {"curve.csv", "policy.safetensors", "run.json"}


def test_checkpoint_of_other_settings_is_refused_and_kept(demonstrations_file, tmp_path):
    mine = arguments("dac", demonstrations_file, tmp_path)
    (folder,) = folders("dac", tmp_path)
    kill_on_its_way(mine, folder, signal.SIGKILL)
    before = (folder / "checkpoint.pt").read_bytes()
    refused = run(*mine, "--set", "sac.batch=17")
    assert_refused(refused, "other settings", "settings.sac.batch: 16 there, 17 here", "delete the file to start over")
    with_companion = run(*mine, "--seeds", 3, 5)
    assert_refused(with_companion, "seeds: [3] there, [3, 5] here")
    assert (folder / "checkpoint.pt").read_bytes() == before
    (folder / "checkpoint.pt").write_bytes(before[: len(before) // 2])
    assert_refused(run(*mine), "cannot be read as a checkpoint", "delete it to start over")


def test_second_process_in_the_same_folder_is_refused(demonstrations_file, tmp_path):
    mine = arguments("smiling", demonstrations_file, tmp_path)
    with subprocess.Popen(command(*mine), stdout=subprocess.DEVNULL) as first:
        while not (folders("smiling", tmp_path)[0] / "checkpoint.pt").exists():
            time.sleep(0.01)
        os.kill(first.pid, signal.SIGSTOP)
        assert_refused(run(*mine), "another process is working in")
        os.kill(first.pid, signal.SIGKILL)


def test_same_seed_same_curve_and_other_seed_another(demonstrations_file, tmp_path):
    curves = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        script, *rest = arguments("smiling", demonstrations_file, tmp_path / name)
        run_well(script, *rest, "--seeds", seed, "--set", "tasks.ball_in_cup_catch.env_steps=2000")
        curves.append((tmp_path / name / f"seed{seed}" / "curve.csv").read_text())
    assert curves[0] == curves[1] != curves[2]
