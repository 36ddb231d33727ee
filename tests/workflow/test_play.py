"""src/play.py: returns, a film, and one sentence where there is no display."""

import re

import cv2
import numpy as np
import pytest
import torch
from commands import TASK, assert_refused, run_here, run_well

from envs.rendering import RenderingUnavailable, choose
from smiling.evidence.window import portable_pixmap
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.networks import Actor


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.safetensors"
    write_policy(path, Actor(8, 2, 8, 2, torch.Generator().manual_seed(0)))
    return path


def test_returns_are_told_and_the_same_again(policy):
    given = ("--task", TASK, "--policy", policy, "--episodes", 2)
    said = run_well("play.py", *given, how=run_here)
    found = re.search(rf"{TASK}: mean return (\S+) .* over 2 episodes: (\S+), (\S+)\n", said)
    mean, *each = map(float, found.groups())
    assert mean == pytest.approx(np.mean(each), abs=0.1)
    assert run_well("play.py", *given, how=run_here) == said


@pytest.mark.long
def test_film_of_an_episode(policy, tmp_path):
    try:
        choose()
    except RenderingUnavailable as error:
        pytest.skip(str(error))
    said = run_well(
        "play.py", "--task", TASK, "--policy", policy, "--episodes", 1, "--out", tmp_path / "a", how=run_here
    )
    assert f"filmed: {tmp_path / 'a.webm'}" in said
    reader, frames = cv2.VideoCapture(str(tmp_path / "a.webm")), 0
    while reader.grab():
        frames += 1
    assert frames == 250  # 1000 steps, 50 a second, of which 12.5 are shown


class Closed:
    """A window that is closed before its third frame."""

    def __init__(self, title):
        self.frames = 0

    def show(self, frame, rate):
        self.frames += 1
        return self.frames < 3


def test_window_that_is_closed_early_tells_no_return_of_an_episode(policy, monkeypatch):
    try:
        choose()
    except RenderingUnavailable as error:
        pytest.skip(str(error))
    monkeypatch.setattr("smiling.evidence.window.Window", Closed)
    said = run_well("play.py", "--task", TASK, "--policy", policy, "--episodes", 1, "--window", how=run_here)
    assert f"{TASK}: the window was closed after 8 steps of an episode\n" in said  # a frame in four steps
    assert "an episode of return" not in said
    assert f"{TASK}: mean return" in said


def test_window_where_there_is_no_display(policy, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    refused = run_here("play.py", "--task", TASK, "--policy", policy, "--window")
    assert_refused(refused, "without a window, a film can be made: --out NAME")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "nowhere.safetensors"), "no such file"),
        (("--episodes", 0), "--episodes is a whole number from 1"),
        (
            ("--task", "cheetah_run"),
            "its states and actions have sizes (8, 2), this task's (17, 6); it is another task's",
        ),
        (("--task", "walker_run"), "unknown task 'walker_run'"),
    ],
)
def test_what_cannot_be_played(arguments, said, policy):
    assert_refused(run_here("play.py", "--task", TASK, "--policy", policy, *arguments), said)


def test_what_a_window_is_given_is_the_frame():
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    read = cv2.imdecode(np.frombuffer(portable_pixmap(frame), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), frame)
