"""Frames: their content, the choice of OpenGL, and that drawing leaves the simulation alone."""

import os
import subprocess
import sys

import numpy as np
import pytest
from commands import ROOT

import envs
from envs import rendering

HUMANOID_BENCH = [name for name, (module, _) in envs.TASKS.items() if module == "envs.humanoid_bench"]


@pytest.fixture
def _opengl() -> None:
    try:
        rendering.choose()
    except rendering.RenderingUnavailable as error:
        pytest.skip(str(error))


def frame(name: str) -> np.ndarray:
    env = envs.make(name, seed=0)
    env.reset()
    image = env.render()
    env.close()
    return image


@pytest.mark.usefixtures("_opengl")
@pytest.mark.parametrize("name", envs.TASKS)
def test_frame_is_an_rgb_image(name):
    image = frame(name)
    assert (image.shape, image.dtype) == ((256, 256, 3), np.uint8)
    assert image.std() > 10


@pytest.mark.usefixtures("_opengl")
@pytest.mark.parametrize("env", ["gymnasium:Hopper-v5", "gymnasium:Ant-v5", "dm_control:acrobot/swingup"])
def test_frames_of_a_users_own_mujoco_task_show_what_happens_and_change_nothing(env, monkeypatch):
    monkeypatch.setattr(envs, "OWN", {})
    envs.add("own", envs.Spec(env))
    shown, unseen = (envs.make("own", seed=0, render_mode=mode) for mode in ("rgb_array", None))
    images = []
    for each in (shown, unseen):
        each.reset(seed=1)
    for _ in range(15):
        images.append(shown.render())
        action = np.ones(shown.action_space.shape, np.float32)
        assert np.array_equal(shown.step(action)[0], unseen.step(action)[0])
    assert (images[0].shape, images[0].dtype) == ((256, 256, 3), np.uint8)
    assert images[0].std() > 10
    assert not np.array_equal(images[0], images[-1])
    shown.close()


@pytest.mark.usefixtures("_opengl")
def test_robot_stands_upright_in_the_middle_under_the_sky():
    image = frame("humanoid_stroll")
    assert image[0].std() < 3 < image[-1].std()  # plain sky above, the floor's pattern below
    dark = (image < 60).all(axis=2)
    rows, columns = np.nonzero(dark)
    assert 40 < rows.min() < 80
    assert 180 < rows.max() < 220
    assert 120 < columns.mean() < 190


@pytest.mark.usefixtures("_opengl")
def test_chair_is_wooden_and_stands_only_where_one_sits():
    def wooden(image: np.ndarray) -> int:
        red, _, blue = np.moveaxis(image.astype(int), 2, 0)
        return int((red > blue + 50).sum())

    assert wooden(frame("humanoid_sit")) > 300
    assert wooden(frame("humanoid_stroll")) == 0


@pytest.mark.long
@pytest.mark.usefixtures("_opengl")
@pytest.mark.parametrize("name", HUMANOID_BENCH)
def test_drawing_changes_no_bit_of_the_simulation(name):
    drawn, blind = envs.make(name, seed=0), envs.make(name, seed=0)
    drawn.reset(), blind.reset()
    for action in np.random.default_rng(0).uniform(-1, 1, (20, 19)):
        drawn.render()
        one, other = drawn.step(action), blind.step(action)
        assert (one[0].tobytes(), one[1]) == (other[0].tobytes(), other[1])
    drawn.close()


def test_opengl_is_egl_else_osmesa_else_a_clear_error(monkeypatch):
    working = {"egl", "osmesa"}
    monkeypatch.setattr(rendering, "_works", lambda way: way in working)
    monkeypatch.delenv(envs.ASKED_OPENGL, raising=False)
    choose = rendering.choose.__wrapped__
    assert choose() == "egl"
    working.remove("egl")
    assert choose() == "osmesa"
    working.remove("osmesa")
    with pytest.raises(rendering.RenderingUnavailable, match="libegl1 .* libosmesa6"):
        choose()


def test_opengl_of_the_user_s_choice_is_the_only_one_tried(monkeypatch):
    monkeypatch.setattr(rendering, "_works", lambda way: True)
    monkeypatch.setenv(envs.ASKED_OPENGL, "OSMesa")
    assert rendering.choose.__wrapped__() == "osmesa"


@pytest.mark.parametrize(
    ("asked", "said"),
    [("osmesa", "'osmesa', which does not work here.* libosmesa6$"), ("garbage", "'garbage'; set it")],
)
def test_opengl_that_cannot_be_had_is_told(asked, said, monkeypatch):
    monkeypatch.setattr(rendering, "_works", lambda way: False)
    monkeypatch.setenv(envs.ASKED_OPENGL, asked)
    with pytest.raises(rendering.RenderingUnavailable, match=said):
        rendering.choose.__wrapped__()


@pytest.mark.parametrize("asked", ["osmesa", "EGL", "garbage"])
def test_simulation_loads_no_opengl_whatever_is_asked_for(asked):
    code = (
        "import envs, sys; envs.make('ball_in_cup_catch').reset(); "
        "print([name for name in sys.modules if 'OpenGL' in name or name in ('mujoco.egl', 'mujoco.osmesa', 'glfw')])"
    )
    environment = {**os.environ, "MUJOCO_GL": asked, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_opengl_that_does_not_load_is_seen_not_to_work():
    assert not rendering._works("no_such_library")
