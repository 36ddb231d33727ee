"""RGB frames of MuJoCo models without a window.

OpenGL comes from EGL or, where that does not work, from OSMesa. The choice is made at the first frame, so that
simulation without rendering neither needs nor loads either.
"""

import atexit
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import Any

import gymnasium
import mujoco
import numpy as np

from envs import ASKED_OPENGL

PACKAGES = {"egl": "libegl1", "osmesa": "libosmesa6"}  # way to OpenGL, in the order tried -> Debian package
DRIVER = {"egl": " (with a graphics driver)", "osmesa": ""}
SIZE = 256


class RenderingUnavailable(RuntimeError):
    """Neither EGL nor OSMesa works on this machine."""


def _works(way: str) -> bool:
    """Whether `way` gives a context. Tried in a process of its own: PyOpenGL binds a process to the first it loads."""
    probe = f"import mujoco.{way} as gl; gl.GLContext({SIZE}, {SIZE}).make_current()"
    environment = {**os.environ, "MUJOCO_GL": "off"}
    return subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True).returncode == 0


@cache
def choose() -> str:
    """'egl' or 'osmesa': the one that works, or the one that the variable MUJOCO_GL asks for.

    Raises:
        RenderingUnavailable: if there is none, naming the Debian packages that would help, or another is asked for.
    """
    asked = os.environ.get(ASKED_OPENGL, "").lower()
    if asked and asked not in PACKAGES:
        raise RenderingUnavailable(f"cannot render: MUJOCO_GL is '{asked}'; set it to egl or osmesa, or unset it")
    ways = [asked] if asked else list(PACKAGES)
    for way in ways:
        if _works(way):
            return way
    missing = "neither EGL nor OSMesa works here" if not asked else f"MUJOCO_GL is '{asked}', which does not work here"
    install = " or ".join(PACKAGES[way] + DRIVER[way] for way in ways)
    raise RenderingUnavailable(f"cannot render: {missing}; on Debian, install {install}")


@cache
def _opengl() -> Any:
    """The process's OpenGL context, which all renderers share."""
    context = import_module(f"mujoco.{choose()}").GLContext(SIZE, SIZE)
    atexit.register(context.free)  # in time: when objects are collected at exit, EGL is gone
    return context


class Renderer:
    """Frames of one model from one of its cameras, by name or number; None: from where MuJoCo begins to look at it."""

    def __init__(self, model: mujoco.MjModel, camera: str | int | None) -> None:
        self._model = model
        _opengl().make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._camera = mujoco.MjvCamera()
        if camera is None:
            mujoco.mjv_defaultFreeCamera(model, self._camera)
        else:
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
            self._camera.fixedcamid = model.camera(camera).id

    def frame(self, data: mujoco.MjData) -> np.ndarray:
        """Image of `data` as it stands, height x width x 3, uint8. No forward pass: that would alter what follows."""
        _opengl().make_current()
        everything, options, window = mujoco.mjtCatBit.mjCAT_ALL, mujoco.MjvOption(), mujoco.MjrRect(0, 0, SIZE, SIZE)
        mujoco.mjv_updateScene(self._model, data, options, None, self._camera, everything, self._scene)
        mujoco.mjr_render(window, self._scene, self._context)
        image = np.empty((SIZE, SIZE, 3), np.uint8)
        mujoco.mjr_readPixels(image, None, window, self._context)
        return image[::-1].copy()  # OpenGL counts rows from the bottom

    def close(self) -> None:
        """Free what the model takes on the graphics card."""
        _opengl().make_current()
        self._context.free()


# All that MuJoCo's next step depends on; what it derives from that is computed again.
STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class RenderedTask(gymnasium.Env):
    """A task that shows itself; its renderer is made at the first frame. In an episode, its state can be kept."""

    _renderer: Renderer | None = None
    _step = 0  # of the episode

    def _scene(self) -> tuple[mujoco.MjModel, mujoco.MjData, str | int]:
        """What is shown, as it stands, and from which of its cameras."""
        raise NotImplementedError

    def render(self) -> np.ndarray:
        """RGB image of the current state, height x width x 3, uint8."""
        model, data, camera = self._scene()
        if self._renderer is None:
            self._renderer = Renderer(model, camera)
        return self._renderer.frame(data)

    def simulation(self) -> np.ndarray:
        """All that the rest of the episode depends on, float64."""
        model, data, _ = self._scene()
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, data, state, STATE)
        return np.append(state, self._step)

    def set_simulation(self, state: np.ndarray) -> None:
        """Go on from what `simulation` gave, after a reset."""
        model, data, _ = self._scene()
        mujoco.mj_setState(model, data, state[:-1], STATE)
        mujoco.mj_step1(model, data)  # positions and velocities of bodies, as dm_control leaves them behind a step
        self._step = int(state[-1])

    def close(self) -> None:
        """Free the renderer, and what else the task holds."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        super().close()
