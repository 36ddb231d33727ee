"""What stands around the robot in each task: a floor, and a chair, a tunnel or a field of poles; all of it static."""

from collections.abc import Callable
from functools import cache
from typing import Any

import mujoco

from envs.humanoid_bench.robot import robot
from envs.humanoid_bench.state import POLE

# Cameras that follow the robot: position relative to its pelvis (m), and the image's x and y axes.
CAMERAS = {
    "track": ((2, 3, 0.8), (-1, 0.5, 0, -0.2, -0.2, 1)),  # HumanoidBench's, in front of the robot
    "ahead": ((-2.5, 3.2, 2.2), (-0.8, -1, 0, 0.42, -0.34, 1)),  # from behind it, to see what it walks into
}

_WOOD = (0.72, 0.53, 0.33, 1)
_GLASS = (0.5, 0.6, 0.75, 0.25)
_GREY = (0.5, 0.5, 0.5, 1)
_HIDDEN_GROUP = 3  # renderers leave it out


def chair(spec: mujoco.MjSpec) -> None:
    """A chair behind the robot: a seat block, its top at z = 0.475, and a back collide; the rest is for the eye."""
    body = spec.worldbody.add_body(name="chair", pos=(-0.25, 0, 0))
    for x in (-0.19, 0.19):
        for y in (-0.19, 0.19):
            _box(body, (x, y, 0.225), (0.02, 0.02, 0.225), _WOOD, **_VISUAL)
    _box(body, (0, 0, 0.45), (0.21, 0.21, 0.025), _WOOD, **_VISUAL)
    for y in (-0.19, 0.19):
        _box(body, (-0.23, y, 0.6375), (0.02, 0.02, 0.2125), _WOOD, **_VISUAL)
    _box(body, (-0.23, 0, 0.77), (0.02, 0.21, 0.08), _WOOD, **_VISUAL)
    _box(body, (-0.23, 0, 0.65), (0.02, 0.21, 0.20), _WOOD, group=_HIDDEN_GROUP)
    _box(body, (0, 0, 0.2375), (0.21, 0.21, 0.2375), _WOOD, group=_HIDDEN_GROUP)


def tunnel(spec: mujoco.MjSpec) -> None:
    """A tunnel ahead, free for |y| < 1.15 and z < 1.15, from x = 2.2 to 18.2."""
    body = spec.worldbody.add_body(name="tunnel", pos=(2.2, 0, 0))
    for y in (-1.35, 1.35):
        _box(body, (8, y, 0.775), (8, 0.2, 0.775), _GLASS)
    _box(body, (8, 0, 1.35), (8, 1.15, 0.2), _GLASS)


def poles(spec: mujoco.MjSpec) -> None:
    """144 poles in 41 rows ahead, between two long barriers, and a barrier behind."""
    barriers = spec.worldbody.add_body(name="barriers")
    for y in (-3.15, 3.15):
        _box(barriers, (20, y, 1), (20.75, 0.15, 1), _GLASS)
    _box(barriers, (-0.6, 0, 1), (0.15, 3, 1), _GLASS)
    field = spec.worldbody.add_body(name="poles")
    for row in range(1, 42):
        for column, y in enumerate((2.25, 0.75, -0.75, -2.25) if row % 2 else (1.5, 0, -1.5)):
            cylinder = {"type": mujoco.mjtGeom.mjGEOM_CYLINDER, "size": (0.05, 1, 0), "rgba": _GREY}
            field.add_geom(name=f"{POLE}{row}_c{column}", pos=(row, y, 1), **cylinder)


_VISUAL = {"contype": 0, "conaffinity": 0}


def _box(body: Any, centre: tuple, half_size: tuple, rgba: tuple, **options: int) -> None:
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=centre, size=half_size, rgba=rgba, **options)


# HumanoidBench's name of the task -> what the task adds to the floor.
SCENES: dict[str, Callable[[mujoco.MjSpec], None] | None] = {
    "walk": None,
    "sit_simple": chair,
    "crawl": tunnel,
    "pole": poles,
}


@cache
def model(task: str) -> mujoco.MjModel:
    """The compiled robot and scene of `task`, HumanoidBench's name; compiled once per process, to be copied."""
    spec = robot()
    _add_floor_light_and_camera(spec)
    add_scene = SCENES[task]
    if add_scene:
        add_scene(spec)
    return spec.compile()


def _add_floor_light_and_camera(spec: mujoco.MjSpec) -> None:
    spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, width=32, height=192, **_plain(0.9))
    checker = {"builtin": mujoco.mjtBuiltin.mjBUILTIN_CHECKER, "rgb1": (0.8,) * 3, "rgb2": (0.65,) * 3}
    spec.add_texture(name="floor", type=mujoco.mjtTexture.mjTEXTURE_2D, width=100, height=100, **checker)
    material = spec.add_material(name="floor", texrepeat=(20, 20))
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "floor"
    spec.worldbody.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(20, 20, 1), material="floor")
    # No shadows: those of the translucent walls would darken what they are to show.
    light = {"type": mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, "diffuse": (0.4,) * 3, "castshadow": False}
    spec.worldbody.add_light(pos=(0, 0, 10), dir=(-0.5, -0.5, -1), **light)
    spec.visual.headlight.ambient, spec.visual.headlight.specular = (0.5,) * 3, (0,) * 3
    for name, (position, axes) in CAMERAS.items():
        camera = spec.body("pelvis").add_camera(name=name, pos=position, mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM)
        camera.alt.type, camera.alt.xyaxes = mujoco.mjtOrientation.mjORIENTATION_XYAXES, axes


def _plain(grey: float) -> dict[str, Any]:
    return {"builtin": mujoco.mjtBuiltin.mjBUILTIN_FLAT, "rgb1": (grey,) * 3, "rgb2": (grey,) * 3}
