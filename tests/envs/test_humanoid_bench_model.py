"""The robot and the scenes, field by field, against the published ones."""

import mujoco
import numpy as np
import pytest

from envs.humanoid_bench import robot, scenes

LEG = ["hip_yaw", "hip_roll", "hip_pitch", "knee", "ankle"]
ARM = ["shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow"]
JOINTS = [
    *(f"left_{joint}" for joint in LEG),
    *(f"right_{joint}" for joint in LEG),
    "torso",
    *(f"left_{joint}" for joint in ARM),
    *(f"right_{joint}" for joint in ARM),
]
# kp, kv, largest force (N m), lowest and highest angle (rad)
LEG_SERVOS = [
    (200, 5, 200, -0.43, 0.43),
    (200, 5, 200, -0.43, 0.43),
    (200, 5, 200, -3.14, 2.53),
    (300, 6, 300, -0.26, 2.05),
    (40, 2, 40, -0.87, 0.52),
]
SERVOS = np.array(
    [
        *LEG_SERVOS,
        *LEG_SERVOS,
        (300, 6, 200, -2.35, 2.35),
        (100, 2, 40, -2.87, 2.87),
        (100, 2, 40, -0.34, 3.11),
        (100, 2, 18, -1.3, 4.45),
        (100, 2, 18, -1.25, 2.61),
        (100, 2, 40, -2.87, 2.87),
        (100, 2, 40, -3.11, 0.34),
        (100, 2, 18, -4.45, 1.3),
        (100, 2, 18, -1.25, 2.61),
    ]
)
TASKS = list(scenes.SCENES)


def colliding(model: mujoco.MjModel, body: str) -> list[int]:
    return [
        geom
        for geom in range(model.ngeom)
        if model.geom_bodyid[geom] == model.body(body).id and model.geom_contype[geom]
    ]


@pytest.fixture(params=TASKS)
def model(request) -> mujoco.MjModel:
    return scenes.model(request.param)


def test_dimensions_and_order_of_joints(model):
    assert (model.nq, model.nv, model.nu) == (26, 25, 19)
    assert [model.joint(joint).name for joint in range(1, model.njnt)] == JOINTS
    assert [model.actuator(servo).name for servo in range(model.nu)] == JOINTS
    np.testing.assert_array_equal(model.actuator_trnid[:, 0], np.arange(1, 20))


def test_physics_options(model):
    option = model.opt
    assert (option.timestep, option.iterations, option.ls_iterations) == (0.002, 100, 50)
    assert (option.impratio, option.tolerance) == (1, 1e-8)
    assert option.integrator == mujoco.mjtIntegrator.mjINT_EULER
    assert option.solver == mujoco.mjtSolver.mjSOL_NEWTON
    assert option.cone == mujoco.mjtCone.mjCONE_PYRAMIDAL
    assert (option.disableflags, option.enableflags) == (0, 0)
    np.testing.assert_array_equal(option.gravity, [0, 0, -9.81])


def test_position_servos(model):
    kp, kv, force, lowest, highest = SERVOS.T
    zero, one = np.zeros(19), np.ones(19)
    np.testing.assert_array_equal(model.actuator_gainprm[:, :3], np.stack([kp, zero, zero], axis=1))
    np.testing.assert_array_equal(model.actuator_biasprm[:, :3], np.stack([zero, -kp, -kv], axis=1))
    np.testing.assert_array_equal(model.actuator_gear, np.stack([one, *[zero] * 5], axis=1))
    np.testing.assert_array_equal(model.actuator_forcerange, np.stack([-force, force], axis=1))
    np.testing.assert_array_equal(model.actuator_ctrlrange, np.stack([lowest, highest], axis=1))
    assert model.actuator_forcelimited.all()
    assert model.actuator_ctrllimited.all()
    assert (model.actuator_gaintype == mujoco.mjtGain.mjGAIN_FIXED).all()
    assert (model.actuator_biastype == mujoco.mjtBias.mjBIAS_AFFINE).all()
    assert (model.actuator_dyntype == mujoco.mjtDyn.mjDYN_NONE).all()


def test_joints(model):
    np.testing.assert_array_equal(model.jnt_range[1:], SERVOS[:, 3:])
    assert model.jnt_limited[1:].all()
    for field, value in (("damping", 1), ("armature", 0.1), ("frictionloss", 0)):
        np.testing.assert_array_equal(getattr(model, f"dof_{field}"), [0] * 6 + [value] * 19)


def test_masses(model):
    assert model.body("pelvis").subtreemass[0] == pytest.approx(51.649896, abs=1e-9)
    for side in ("left", "right"):
        ankle = model.body(f"{side}_ankle_link")
        assert ankle.mass[0] == 0.552448
        np.testing.assert_allclose(ankle.ipos, [0.048568, 0, -0.045609], atol=1e-12)
        np.testing.assert_allclose(ankle.iquat, [0.489385, 0.510394, 0.510394, 0.489385], atol=1e-6)
        np.testing.assert_allclose(ankle.inertia, [0.00362, 0.00355701, 0.000149987], atol=1e-12)


def test_every_link_collides_as_one_hull_but_the_hip_yaws(model):
    shapes = {}
    for body in range(model.body("pelvis").id, model.body("pelvis").id + 20):
        name = model.body(body).name
        geoms = colliding(model, name)
        assert len(geoms) == 1, name
        shapes[name] = mujoco.mjtGeom(model.geom_type[geoms[0]])
        np.testing.assert_array_equal(model.geom_friction[geoms[0]], [1, 0.005, 0.0001])
        assert model.geom_condim[geoms[0]] == 3
    cylinders = {name for name, shape in shapes.items() if shape == mujoco.mjtGeom.mjGEOM_CYLINDER}
    assert cylinders == {"left_hip_yaw_link", "right_hip_yaw_link"}
    assert sum(shape == mujoco.mjtGeom.mjGEOM_MESH for shape in shapes.values()) == 18
    assert model.nexclude == 0


def test_foot_has_its_dimensions():
    points = robot.foot_points()
    np.testing.assert_allclose(points.min(axis=0), [-0.1, -0.015, -0.07], atol=1e-12)
    np.testing.assert_allclose(points.max(axis=0), [0.2, 0.015, 0.011], atol=1e-12)


def test_foot_has_its_volume():
    spec = mujoco.MjSpec()
    spec.add_mesh(name="foot", uservert=robot.foot_points().ravel())
    spec.worldbody.add_body().add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="foot", density=1)
    assert spec.compile().body_mass[1] == pytest.approx(4.068e-4, rel=2e-3)


def test_keyframe(model):
    leg = [0, 0, -0.4, 0.8, -0.4]
    np.testing.assert_array_equal(model.key_qpos[0], [0, 0, 0.98, 1, 0, 0, 0, *leg, *leg, *[0] * 9])
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    assert data.site("head").xpos[2] == pytest.approx(1.68)
    assert data.site("imu").xpos[2] == pytest.approx(1.2576, abs=5e-5)


def test_floor_is_the_first_geom(model):
    floor = model.geom(0)
    assert floor.type[0] == mujoco.mjtGeom.mjGEOM_PLANE
    np.testing.assert_array_equal(floor.size[:2], [20, 20])


def test_camera_follows_the_robot(model):
    camera = model.camera("track")
    assert model.body(camera.bodyid[0]).name == "pelvis"
    assert camera.mode[0] == mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
    np.testing.assert_array_equal(camera.pos, [2, 3, 0.8])
    axes = np.empty(9)
    mujoco.mju_quat2Mat(axes, camera.quat)
    x, y = np.array([-1, 0.5, 0]), np.array([-0.2, -0.2, 1])
    x /= np.linalg.norm(x)
    y -= (x @ y) * x
    np.testing.assert_allclose(axes.reshape(3, 3)[:, :2].T, [x, y / np.linalg.norm(y)], atol=1e-9)


def boxes(task: str, body: str) -> set[tuple[float, ...]]:
    """Centre in the world and half-size of the colliding boxes of `body`."""
    model = scenes.model(task)
    place = model.body(body).pos
    return {tuple(np.round([*place + model.geom_pos[g], *model.geom_size[g]], 9)) for g in colliding(model, body)}


def test_chair():
    assert boxes("sit_simple", "chair") == {
        (-0.48, 0, 0.65, 0.02, 0.21, 0.20),
        (-0.25, 0, 0.2375, 0.21, 0.21, 0.2375),
    }


def test_heels_start_19_mm_inside_the_chair():
    model = scenes.model("sit_simple")
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    (seat,) = (geom for geom in colliding(model, "chair") if model.geom_pos[geom, 2] == 0.2375)
    depth = {}
    for contact in data.contact:
        if seat in contact.geom:
            other = model.body(model.geom_bodyid[contact.geom[contact.geom != seat][0]]).name
            depth[other] = max(depth.get(other, 0), -contact.dist)
    assert set(depth) == {"left_ankle_link", "right_ankle_link"}
    assert list(depth.values()) == pytest.approx([0.019, 0.019], abs=0.001)


@pytest.mark.parametrize(("task", "body", "expected"), [("walk", "world", 4), ("sit_simple", "chair", 2)])
def test_each_foot_s_contacts_at_the_keyframe(task, body, expected):
    model = scenes.model(task)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    pairs = [{model.body(model.geom_bodyid[geom]).name for geom in contact.geom} for contact in data.contact]
    for side in ("left", "right"):
        assert pairs.count({body, f"{side}_ankle_link"}) == expected


def test_tunnel():
    assert boxes("crawl", "tunnel") == {
        (10.2, 1.35, 0.775, 8, 0.2, 0.775),
        (10.2, -1.35, 0.775, 8, 0.2, 0.775),
        (10.2, 0, 1.35, 8, 1.15, 0.2),
    }


def test_barriers():
    assert boxes("pole", "barriers") == {
        (20, 3.15, 1, 20.75, 0.15, 1),
        (20, -3.15, 1, 20.75, 0.15, 1),
        (-0.6, 0, 1, 0.15, 3, 1),
    }


def test_poles():
    model = scenes.model("pole")
    geoms = colliding(model, "poles")
    assert len(geoms) == 144
    assert (model.geom_type[geoms] == mujoco.mjtGeom.mjGEOM_CYLINDER).all()
    np.testing.assert_array_equal(model.geom_size[geoms, :2], [[0.05, 1]] * 144)
    np.testing.assert_array_equal(model.geom_pos[geoms, 2], 1)
    rows = {x: sorted(y for a, y, _ in model.geom_pos[geoms].tolist() if a == x) for x in range(1, 42)}
    odd, even = [-2.25, -0.75, 0.75, 2.25], [-1.5, 0, 1.5]
    assert rows == {x: odd if x % 2 else even for x in range(1, 42)}


def test_walk_has_a_floor_only():
    model = scenes.model("walk")
    assert model.nbody == 1 + 20
    assert colliding(model, "world") == [0]


def test_robot_is_built_once():
    assert scenes.model("walk") is scenes.model("walk")
    assert robot._robot() is robot._robot()
    assert robot.robot() is not robot._robot()
