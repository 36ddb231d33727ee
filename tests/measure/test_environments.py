"""The scripts that time, play and draw the tasks."""

import subprocess
import sys

import environments
import mujoco
import pytest
import reference_returns
import render_frames
from commands import ROOT

import envs
from envs import rendering

SCRIPTS = ROOT / "src" / "measure"


@pytest.mark.parametrize("script", ["environments", "reference_returns", "render_frames"])
def test_scripts_explain_themselves(script):
    shown = subprocess.run([sys.executable, SCRIPTS / f"{script}.py", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "usage" in shown.stdout


@pytest.mark.parametrize("name", reference_returns.TASKS)
def test_two_thirds_of_a_humanoid_bench_step_are_physics(name):
    speed = environments.measure(name, steps=500, seed=0)
    assert 2 / 3 < speed.physics < 1


def test_timing_counts_dm_control_s_physics_and_leaves_mujoco_as_it_was():
    before = mujoco.mj_step
    speed = environments.measure("cheetah_run", steps=100, seed=0)
    assert 0.05 < speed.physics < 1
    assert speed.steps_per_second > 0
    assert mujoco.mj_step is before


def test_frames_are_written(tmp_path):
    try:
        rendering.choose()
    except rendering.RenderingUnavailable as error:
        pytest.skip(str(error))
    render_frames.render("humanoid_sit", "track", tmp_path / "frame.png")
    assert (tmp_path / "frame.png").stat().st_size > 1000
    assert set(render_frames.CAMERAS) == set(reference_returns.TASKS) <= set(envs.TASKS)
