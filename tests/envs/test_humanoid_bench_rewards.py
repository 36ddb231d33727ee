"""The reward functions against values worked out by hand: inside, at and outside each margin."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.humanoid_bench import rewards
from envs.humanoid_bench.rewards import State

# Full marks in every task but crawl: sitting on the chair, at rest, with servos that do nothing.
SEATED = State(
    pelvis=[-0.25, 0.0, 0.7],
    pelvis_quaternion=np.array([0.75, 0.0, 0.65, 0.0]),
    head=1.65,
    imu=[0.0, 0.0, 1.25],
    upright=1.0,
    velocity=[0.0, 0.0, 0.0],
    forces=np.zeros(19),
    touches_pole=False,
)
STANDING = SEATED._replace(velocity=[1.0, 0.0, 0.0])
CRAWLING = STANDING._replace(head=0.8, imu=[0.0, 0.0, 0.8])
HALF_WAY = 0.1**0.25  # a Gaussian's value at half of its margin


@pytest.mark.parametrize(
    ("x", "expected"),
    [(2, 1), (3, 1), (2.5, 1), (1.5, 0.1), (3.5, 0.1), (1.75, HALF_WAY), (3.25, HALF_WAY), (1, 1e-4), (4, 1e-4)],
)
def test_gaussian_is_one_tenth_at_its_margin(x, expected):
    assert rewards.gaussian(x, 2, 3, margin=0.5) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("x", "expected"), [(2, 1), (5, 1), (1.75, 0.5), (1.5, 0), (1.4, 0), (-7, 0)])
def test_linear_is_zero_at_its_margin(x, expected):
    assert rewards.linear(x, 2, math.inf, margin=0.5) == pytest.approx(expected, abs=1e-12)


def test_quadratic_is_zero_at_its_margin():
    x = np.array([0, 5, -5, 10, -10, 11])
    np.testing.assert_allclose(rewards.quadratic(x, margin=10), [1, 0.75, 0.75, 0, 0, 0], rtol=1e-12)


@pytest.mark.parametrize(
    ("forces", "expected"),
    [(np.zeros(19), 1), (np.full(19, 5.0), 0.95), (np.full(19, -10.0), 0.8), (np.full(19, 200.0), 0.8)],
)
def test_control_rewards_small_forces(forces, expected):
    assert rewards.control(SEATED._replace(forces=forces)) == pytest.approx(expected, rel=1e-12)


def test_control_averages_over_the_19_servos():
    forces = np.zeros(19)
    forces[4] = 10
    assert rewards.control(SEATED._replace(forces=forces)) == pytest.approx((4 + 18 / 19) / 5, rel=1e-12)


@pytest.mark.parametrize(
    ("velocity", "speed", "expected"),
    [(1, 1, 1), (3, 1, 1), (0.5, 1, 3.5 / 6), (0, 1, 1 / 6), (-2, 1, 1 / 6), (0.5, 0.5, 1), (0.25, 0.5, 3.5 / 6)],
)
def test_move_grows_with_the_velocity_along_x(velocity, speed, expected):
    state = SEATED._replace(velocity=[velocity, 9.0, 9.0])
    assert rewards.move(state, speed) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("head", "upright", "expected"),
    [
        (1.65, 0.9, 1),
        (1.8, 1, 1),
        (1.2375, 1, 0.1),
        (1.44375, 1, HALF_WAY),
        (0.825, 1, 1e-4),
        (1.65, -0.05, 0.5),
        (1.65, -1, 0),
        (1.2375, -0.05, 0.05),
    ],
)
def test_stand_wants_head_high_and_torso_upright(head, upright, expected):
    state = SEATED._replace(head=head, upright=upright)
    assert rewards.stand(state) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_walk_is_the_product_of_its_parts():
    assert rewards.walk(STANDING)[0] == 1
    state = STANDING._replace(forces=np.full(19, 5.0), head=1.2375, velocity=[0.5, 0, 0])
    reward, parts = rewards.walk(state)
    assert parts == pytest.approx({"control": 0.95, "stand": 0.1, "move": 3.5 / 6})
    assert reward == pytest.approx(0.95 * 0.1 * 3.5 / 6)


@pytest.mark.parametrize(
    ("change", "part", "value", "reward"),
    [
        ({}, "sitting", 1, 1),
        ({"pelvis": [-0.25, 0, 0.72]}, "sitting", 1, 1),
        ({"pelvis": [-0.25, 0, 0.92]}, "sitting", 0.1, 0.55),
        ({"pelvis": [-0.25, 0, 0.48]}, "sitting", 0.1, 0.55),
        ({"pelvis": [-0.25, 0, 1.12]}, "sitting", 1e-4, 0.50005),
        ({"pelvis": [-0.06, 0, 0.7]}, "on_chair", 1, 1),
        ({"pelvis": [0.14, 0, 0.7]}, "on_chair", 0.1, 0.55),
        ({"pelvis": [-0.64, 0, 0.7]}, "on_chair", 0.1, 0.55),
        ({"pelvis": [-0.25, 0.1, 0.7]}, "on_chair", 0.1, 0.55),
        ({"pelvis": [-0.25, -0.05, 0.7]}, "on_chair", HALF_WAY, 0.5 + 0.5 * HALF_WAY),
        ({"head": 1.70}, "posture", 1, 1),
        ({"head": 2.00}, "posture", 0.1, 0.1),
        ({"head": 1.30}, "posture", 0.1, 0.1),
        ({"upright": 0.95}, "upright", 1, 1),
        ({"upright": 0.5}, "upright", 0.5, 0.5),
        ({"upright": 0.05}, "upright", 0, 0),
        ({"velocity": [2.0, 0, 5]}, "still", 0.55, 0.55),
        ({"velocity": [-2.0, 2.0, 0]}, "still", 0.1, 0.1),
        ({"forces": np.full(19, 5.0)}, "control", 0.95, 0.95),
    ],
)
def test_sit_by_parts(change, part, value, reward):
    total, parts = rewards.sit_simple(SEATED._replace(**change))
    assert parts[part] == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert total == pytest.approx(reward, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "part", "value", "reward"),
    [
        ({}, "height", 1, 1),
        ({"head": 1.0}, "height", 1, 1),
        ({"head": 2.0}, "height", 0.1, 0.775),
        ({"head": -0.4}, "height", 0.1, 0.775),
        ({"imu": [0, 0, 0.1]}, "height", HALF_WAY, 0.75 + 0.25 * HALF_WAY),
        ({"head": 2.0, "imu": [0, 0, 1.5]}, "height", 0.1, 0.775),  # the worse of the two
        ({"pelvis_quaternion": np.array([0.75, 1.0, 0.65, 0.0])}, "pose", 0.1, 0.775),
        ({"pelvis_quaternion": np.array([0.75, 0.0, 0.65, 0.5])}, "pose", HALF_WAY, 0.75 + 0.25 * HALF_WAY),
        ({"velocity": [0.5, 0, 0]}, "move", 3.5 / 6, 0.6 + 0.4 * 3.5 / 6),
        ({"forces": np.full(19, 50.0)}, "control", 0.8, 0.98),
        ({"imu": [0, 1.0, 0.8]}, "in_tunnel", 1, 1),
        ({"imu": [0, -1.0, 0.8]}, "in_tunnel", 1, 1),
        ({"imu": [0, 1.001, 0.8]}, "in_tunnel", 0, 0),
        ({"imu": [0, -1.001, 0.8]}, "in_tunnel", 0, 0),
    ],
)
def test_crawl_by_parts(change, part, value, reward):
    total, parts = rewards.crawl(CRAWLING._replace(**change))
    assert parts[part] == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert total == pytest.approx(reward, rel=1e-9, abs=1e-12)


def test_crawl_takes_the_two_quaternions_of_one_pose_for_two():
    same_pose = CRAWLING._replace(pelvis_quaternion=-CRAWLING.pelvis_quaternion)
    distance = 2 * math.hypot(0.75, 0.65)
    assert rewards.crawl(same_pose)[1]["pose"] == pytest.approx(0.1 ** (distance**2))


@pytest.mark.parametrize(
    ("change", "part", "value", "reward"),
    [
        ({}, "discount", 1, 1),
        ({"touches_pole": True}, "discount", 0.1, 0.1),
        ({"velocity": [0.25, 0, 0]}, "move", 3.5 / 6, 0.5 + 0.5 * 3.5 / 6),
        ({"velocity": [0.5, 0, 0]}, "move", 1, 1),
        ({"head": 1.2375}, "stand", 0.1, 0.55),
        ({"head": 1.2375, "touches_pole": True}, "stand", 0.1, 0.055),
        ({"forces": np.full(19, 5.0)}, "control", 0.95, 0.975),
    ],
)
def test_pole_by_parts(change, part, value, reward):
    total, parts = rewards.pole(STANDING._replace(**change))
    assert parts[part] == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert total == pytest.approx(reward, rel=1e-9, abs=1e-12)


REAL = st.floats(-50, 50)
STATES = st.builds(
    State,
    pelvis=st.lists(REAL, min_size=3, max_size=3),
    pelvis_quaternion=st.lists(REAL, min_size=4, max_size=4).map(np.array),
    head=REAL,
    imu=st.lists(REAL, min_size=3, max_size=3),
    upright=st.floats(-1, 1),
    velocity=st.lists(REAL, min_size=3, max_size=3),
    forces=st.lists(st.floats(-300, 300), min_size=19, max_size=19).map(np.array),
    touches_pole=st.booleans(),
)


@pytest.mark.parametrize("task", rewards.REWARDS)
@given(state=STATES)
@settings(deadline=None)  # a busy machine is no failure
def test_rewards_and_parts_stay_within_zero_and_one(task, state):
    reward, parts = rewards.REWARDS[task](state)
    assert all(type(part) is float and 0 <= part <= 1 for part in parts.values())
    assert type(reward) is float
    assert 0 <= reward <= 1
