"""The rewards of HumanoidBench's tasks, as functions of what they read from the physics.

Each task's function returns the reward and its parts by name, all dimensionless and within [0, 1].
Source: HumanoidBench (Sferrazza et al., 2024, arXiv 2403.10506), whose tolerance functions are dm_control's.
"""

from collections.abc import Callable
from math import exp, inf, log, sqrt
from typing import NamedTuple

import numpy as np

POSE_OF_A_CRAWLER = np.array([0.75, 0.0, 0.65, 0.0])  # the pelvis's quaternion, as published: not of unit length

Parts = dict[str, float]


class State(NamedTuple):
    """What the rewards read: SI units, world frame.

    `pelvis` is the state after a step; all else belongs to the last forward pass, one physics step (2 ms) earlier, as
    in the original.
    """

    pelvis: list[float]  # position, 3
    pelvis_quaternion: np.ndarray  # w x y z
    head: float  # height of the head
    imu: list[float]  # position of a point in the chest, 3
    upright: float  # cosine of the torso's tilt
    velocity: list[float]  # of the robot's centre of mass, 3
    forces: np.ndarray  # of the 19 servos, after their limits, N m
    touches_pole: bool


def _distance(x: float, lower: float, upper: float, margin: float) -> float:
    return max(lower - x, x - upper, 0.0) / margin


def gaussian(x: float, lower: float, upper: float, margin: float) -> float:
    """1 within [lower, upper], 0.1 at `margin` outside of it, and a Gaussian's fall between and beyond."""
    return exp(-0.5 * (_distance(x, lower, upper, margin) * sqrt(-2 * log(0.1))) ** 2)


def linear(x: float, lower: float, upper: float, margin: float) -> float:
    """1 within [lower, upper], falling along a line to 0 at `margin` outside of it."""
    return max(0.0, 1.0 - _distance(x, lower, upper, margin))


def quadratic(x: np.ndarray, margin: float) -> np.ndarray:
    """1 where x is 0, falling along a parabola to 0 where |x| is `margin`; elementwise."""
    return np.maximum(0.0, 1.0 - (x / margin) ** 2)


def control(state: State) -> float:
    """Small servo forces: from 0.8 (all of 10 N m or more) to 1 (none)."""
    return (4 + float(quadratic(state.forces, margin=10).mean())) / 5


def move(state: State, speed: float) -> float:
    """Velocity along x: from 1/6 (standing still, or going backwards) to 1 (`speed` in m/s, or faster)."""
    return (5 * linear(state.velocity[0], speed, inf, margin=speed) + 1) / 6


def stand(state: State) -> float:
    """The head high, the torso upright."""
    return gaussian(state.head, 1.65, inf, margin=0.4125) * linear(state.upright, 0.9, inf, margin=1.9)


def walk(state: State) -> tuple[float, Parts]:
    """h1-walk: stand and move forward at 1 m/s."""
    parts = {"control": control(state), "stand": stand(state), "move": move(state, speed=1.0)}
    return parts["control"] * parts["stand"] * parts["move"], parts


def sit_simple(state: State) -> tuple[float, Parts]:
    """h1-sit_simple: sit still and upright on the chair at (-0.25, 0)."""
    x, y, z = state.pelvis
    sitting = gaussian(z, 0.68, 0.72, margin=0.2)
    on_chair = gaussian(x + 0.25, -0.19, 0.19, margin=0.2) * gaussian(y, 0, 0, margin=0.1)
    posture = gaussian(state.head - state.imu[2], 0.35, 0.45, margin=0.3)
    upright = linear(state.upright, 0.95, inf, margin=0.9)
    still = sum(gaussian(v, 0, 0, margin=2) for v in state.velocity[:2]) / 2
    parts = {
        "control": control(state),
        "sitting": sitting,
        "on_chair": on_chair,
        "posture": posture,
        "upright": upright,
        "still": still,
    }
    return parts["control"] * (0.5 * sitting + 0.5 * on_chair) * upright * posture * still, parts


def crawl(state: State) -> tuple[float, Parts]:
    """h1-crawl: through the tunnel along x at 1 m/s, head and chest low, prone."""
    height = min(gaussian(state.head, 0.6, 1.0, margin=1), gaussian(state.imu[2], 0.6, 1.0, margin=1))
    # A quaternion and its negative are one orientation but not one reward: the original compares numbers.
    error = state.pelvis_quaternion - POSE_OF_A_CRAWLER
    pose = gaussian(float(np.linalg.norm(error)), 0, 0, margin=1)
    parts = {
        "control": control(state),
        "height": height,
        "move": move(state, speed=1.0),
        "pose": pose,
        "in_tunnel": float(-1 <= state.imu[1] <= 1),
    }
    return (0.1 * parts["control"] + 0.25 * height + 0.4 * parts["move"] + 0.25 * pose) * parts["in_tunnel"], parts


def pole(state: State) -> tuple[float, Parts]:
    """h1-pole: walk at 0.5 m/s between the poles; touching one costs nine tenths of the reward."""
    parts = {
        "control": control(state),
        "stand": stand(state),
        "move": move(state, speed=0.5),
        "discount": 0.1 if state.touches_pole else 1.0,
    }
    return (0.5 * parts["control"] * parts["stand"] + 0.5 * parts["move"]) * parts["discount"], parts


# HumanoidBench's name of the task -> its reward.
REWARDS: dict[str, Callable[[State], tuple[float, Parts]]] = {
    "walk": walk,
    "sit_simple": sit_simple,
    "crawl": crawl,
    "pole": pole,
}

# HumanoidBench's name of the task -> the height of the pelvis in m below which the original ends the episode.
FALLEN_BELOW: dict[str, float] = {"walk": 0.2, "sit_simple": 0.5, "crawl": -inf, "pole": 0.5}
