"""Our HumanoidBench against the original.

The original's code runs on MuJoCo 3.1.6 and our robot on 3.17, so one process sees one half of the comparison: the
original's rewards in the conda environment of workflow/envs/humanoid-bench.yml, the original's robot in the suite's own
environment with a clone of the original on PYTHONPATH. docs/humanoid-bench.md has both commands.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np
import pytest
from gymnasium.utils import seeding

import envs
from envs.humanoid_bench.rewards import REWARDS
from envs.humanoid_bench.state import StateReader

TASKS = {"humanoid_sit": "sit_simple", "humanoid_crawl": "crawl", "humanoid_pole": "pole", "humanoid_stroll": "walk"}
VERSION = tuple(int(part) for part in mujoco.__version__.split("."))
FOUND = importlib.util.find_spec("humanoid_bench")
RUNS_CODE = FOUND is not None and VERSION < (3, 2, 7)
RUNS_MODELS = FOUND is not None and VERSION >= (3, 17)

needs_code = pytest.mark.skipif(
    not RUNS_CODE, reason="needs the original: run in the environment of workflow/envs/humanoid-bench.yml"
)
needs_models = pytest.mark.skipif(
    not RUNS_MODELS, reason="needs a clone of the original HumanoidBench on PYTHONPATH, and MuJoCo 3.17"
)


@pytest.fixture
def original(request):
    env = envs.make(request.param, seed=0, backend="humanoid-bench")
    yield request.param, env
    env.close()


each_original = pytest.mark.parametrize("original", TASKS, indirect=True)


@needs_code
@each_original
def test_original_gives_our_rewards(original):
    name, env = original
    model, data = env.unwrapped.model, env.unwrapped.data
    read, reward_of = StateReader(model), REWARDS[TASKS[name]]
    touched = 0
    for seed, place in enumerate([(0, 0), (0.95, 0.75), (0, 1.2), (2.5, 0)]):
        env.reset(seed=seed)
        data.qpos[:2] = place
        for action in np.random.default_rng(seed).uniform(-1, 1, (200, 19)):
            _, reward, _, _, info = env.step(action * min(1, seed / 2 + 0.1))
            state = read(data)
            touched += state.touches_pole
            assert reward == pytest.approx(reward_of(state)[0], abs=1e-9)
            assert set(info) == {"reward_parts", "would_terminate"}
    assert touched or name != "humanoid_pole"


@needs_code
@each_original
def test_original_starts_where_ours_does(original):
    _, env = original
    env.reset(seed=7)
    qpos = env.unwrapped.model.key_qpos[0] + seeding.np_random(7)[0].uniform(-0.01, 0.01, 26)
    qpos[3:7] /= np.linalg.norm(qpos[3:7])
    np.testing.assert_allclose(env.unwrapped.data.qpos, qpos, atol=1e-12)


@needs_code
@pytest.mark.parametrize(
    ("original", "body", "expected"),
    [("humanoid_stroll", "world", 3), ("humanoid_sit", "chair", 1)],
    indirect=["original"],
)
def test_original_has_fewer_contacts_at_the_keyframe(original, body, expected):
    model, data = original[1].unwrapped.model, original[1].unwrapped.data
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    pairs = [{model.body(model.geom_bodyid[geom]).name for geom in contact.geom} for contact in data.contact]
    for side in ("left", "right"):
        assert pairs.count({body, f"{side}_ankle_link"}) == expected


@needs_code
@each_original
def test_original_keeps_the_suite_s_contract(original):
    _, env = original
    assert (env.observation_space.shape, env.observation_space.dtype) == ((51,), np.float32)
    first, _ = env.reset()
    np.testing.assert_array_equal(first, env.reset(seed=0)[0])
    ends = []
    for action in np.random.default_rng(0).uniform(-1, 1, (1000, 19)).astype(np.float32):
        observation, _, terminated, truncated, _ = env.step(action)
        assert observation in env.observation_space
        assert not terminated
        ends.append(truncated)
    assert ends == [False] * 999 + [True]


@needs_code
def test_original_terminates_early_when_asked_to():
    env = envs.make("humanoid_sit", backend="humanoid-bench", early_termination=True)
    env.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (200, 19)):
        *_, terminated, _, info = env.step(action)
        assert info["would_terminate"] == terminated == (env.unwrapped.data.qpos[2] < 0.5)
        if terminated:
            return
    pytest.fail("the robot did not fall")


def original_model(task: str) -> mujoco.MjModel:
    assets = Path(FOUND.origin).parent / "assets"
    return mujoco.MjModel.from_xml_path(str(assets / f"envs/h1_pos_{task}.xml"))


def gap(ours: mujoco.MjModel, theirs: mujoco.MjModel, seed: int, amplitude: float) -> float:
    """Largest difference in qpos within ten control steps of the same random controls.

    `amplitude` 0 holds the keyframe, 1 draws targets from the joints' ranges.
    """
    random = np.random.default_rng(seed)
    start = theirs.key_qpos[0] + random.uniform(-0.01, 0.01, 26)
    start[3:7] /= np.linalg.norm(start[3:7])
    held = theirs.key_qpos[0, 7:]
    targets = held + amplitude * (random.uniform(*theirs.actuator_ctrlrange.T, (10, 19)) - held)
    paths = [path(model, start, targets) for model in (ours, theirs)]
    return float(np.abs(paths[0] - paths[1]).max())


def path(model: mujoco.MjModel, start: np.ndarray, targets: np.ndarray) -> np.ndarray:
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    data.qpos[:] = start
    mujoco.mj_forward(model, data)
    steps = []
    for data.ctrl[:] in targets:
        mujoco.mj_step(model, data, 10)
        steps.append(data.qpos.copy())
    return np.array(steps)


@pytest.fixture
def original_foot(monkeypatch) -> Iterator[None]:
    """Our robot, with the mesh of the original's foot in place of ours."""
    from envs.humanoid_bench import robot, scenes

    mesh = str(Path(FOUND.origin).parent / "assets/h1/assets/left_ankle_link.stl")
    monkeypatch.setattr(robot, "_add_foot_mesh", lambda spec: spec.add_mesh(name="foot", file=mesh))
    robot._robot.cache_clear(), scenes.model.cache_clear()
    yield
    robot._robot.cache_clear(), scenes.model.cache_clear()


JOINT_FIELDS = [
    "jnt_range",
    "jnt_limited",
    "jnt_axis",
    "jnt_pos",
    "dof_damping",
    "dof_armature",
    "dof_frictionloss",
    "dof_invweight0",
]
SERVO_FIELDS = [
    "gainprm",
    "biasprm",
    "ctrlrange",
    "ctrllimited",
    "forcerange",
    "forcelimited",
    "gear",
    "trnid",
    "dyntype",
    "acc0",
]
BODY_FIELDS = ["mass", "ipos", "iquat", "inertia", "quat", "invweight0", "subtreemass"]


@needs_models
@pytest.mark.parametrize("task", TASKS.values())
def test_robot_has_the_original_s_fields(task):
    from envs.humanoid_bench import scenes

    ours, theirs = scenes.model(task), original_model(task)
    for field in [*JOINT_FIELDS, *(f"actuator_{field}" for field in SERVO_FIELDS), "key_qpos"]:
        np.testing.assert_allclose(getattr(ours, field), getattr(theirs, field), rtol=1e-12, atol=1e-12, err_msg=field)
    for body in (ours.body(body) for body in range(1, 21)):
        for field in BODY_FIELDS:
            expected = getattr(theirs.body(body.name), field)
            np.testing.assert_allclose(getattr(body, field), expected, rtol=1e-12, atol=1e-12, err_msg=field)


@needs_models
@pytest.mark.usefixtures("original_foot")
@pytest.mark.parametrize("task", TASKS.values())
def test_with_the_original_s_foot_the_robot_is_the_original(task):
    from envs.humanoid_bench import scenes

    ours, theirs = scenes.model(task), original_model(task)
    for seed in range(5):
        assert gap(ours, theirs, seed, amplitude=0) < 1e-12
        assert gap(ours, theirs, seed, amplitude=0.1) < 1e-12
        assert gap(ours, theirs, seed, amplitude=1) < 1e-2  # chaotic: contacts come in another order


@needs_models
@pytest.mark.parametrize("task", TASKS.values())
def test_with_our_foot_the_robot_moves_as_the_original(task):
    from envs.humanoid_bench import scenes

    ours, theirs = scenes.model(task), original_model(task)
    tolerance = 2e-2 if task == "sit_simple" else 1e-2  # there both heels begin inside the chair
    for seed in range(10):
        assert gap(ours, theirs, seed, amplitude=0) < tolerance
        assert gap(ours, theirs, seed, amplitude=0.1) < tolerance
