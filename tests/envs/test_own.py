"""Tasks of a user's own: what is served is the environment's own, step by step; what cannot be is told."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

import envs
from envs import Spec, flat_spaces, own
from smiling.evidence.films import record
from smiling.settings import UserError
from smiling.solvers.callables import CallablePolicy

LIMIT = 50  # steps of an episode of `Made`


class Made(gymnasium.Env):
    """Shows its actions and its own noise in whatever spaces it is given; ends as it is told."""

    def __init__(self, observations=None, actions=None, ends=LIMIT, terminates=None, broken=None):
        self.observation_space = spaces.Box(-9, 9, (3,), np.float32) if observations is None else observations
        self.action_space = spaces.Box(-1, 1, (2,), np.float32) if actions is None else actions
        self.ends, self.terminates, self.broken = ends, terminates, broken

    def _observed(self):
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        wrong = {
            "nan": np.full(3, np.nan),
            "grows": np.zeros(3 + self.steps),
            "huge": np.array([0.0, -1e200, 0.0]),
            "none": None,
            "texts": np.array(["a", "b", "c"]),
            "lacks": {"a": [0.0]},
        }
        return wrong.get(self.broken, self.observation_space.sample())

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.taken = 0, []
        return self._observed(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        self.taken.append(action)
        wrong = {"reward": math.inf, "no reward": None, "huge reward": 1e300}
        reward = wrong.get(self.broken, float(self.steps))
        return self._observed(), reward, self.steps == self.terminates, self.steps >= self.ends, {}


@pytest.fixture
def add(monkeypatch):
    """Lets `envs` know a task, for one test: of a callable `make`, or of whatever `env` says."""
    monkeypatch.setattr(envs, "OWN", {})
    module = ModuleType("made_here")
    monkeypatch.setitem(sys.modules, "made_here", module)

    def added(make=Made, name="made", **spec):
        module.make = make
        own.facts.cache_clear()
        own.why_not_shown.cache_clear()
        envs.add(name, Spec(**{"env": "made_here:make", **spec}))
        return name

    return added


def rows(env, seed, actions):
    """All that an episode gives, by these actions, as long as it lasts."""
    found = [env.reset(seed=seed)[0]]
    for action in actions:
        state, reward, terminated, truncated, _ = env.step(action)
        found.append((*state, reward, terminated, truncated))
        if terminated or truncated:
            break
    return found


def same(first, second):
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def drawn(env, count, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *env.action_space.shape)).astype(np.float32)


LIBRARIES = {
    "gymnasium:Pendulum-v1": ((3, 1), 200),
    "gymnasium:Hopper-v5": ((11, 3), 1000),
    "dm_control:acrobot/swingup": ((6, 1), 1000),
    "dm_control:finger/turn_hard": ((12, 2), 1000),
}


@pytest.mark.filterwarnings("ignore:.*Box observation space")
@pytest.mark.parametrize("env", LIBRARIES)
def test_environments_of_the_libraries(env, add):
    name = add(env=env)
    assert (envs.sizes(name), envs.time_limit(name)) == LIBRARIES[env]
    made = envs.make(name, seed=1)
    check_env(made, skip_render_check=True)
    assert made.unwrapped is made
    assert (made.action_space.low == -1).all()
    assert (made.action_space.high == 1).all()
    assert made.reset()[0].dtype == np.float32


def test_pendulum_is_gymnasiums_with_its_actions_scaled(add):
    ours, theirs = envs.make(add(env="gymnasium:Pendulum-v1")), gymnasium.make("Pendulum-v1")
    state, expected = ours.reset(seed=4)[0], theirs.reset(seed=4)[0]
    for step, action in enumerate(drawn(ours, 200), 1):
        np.testing.assert_array_equal(state, expected)
        (state, reward, *ended), (expected, same_reward, *_) = ours.step(action)[:4], theirs.step(2 * action)[:4]
        assert reward == pytest.approx(same_reward, rel=1e-6)
        assert ended == [False, step == 200]


def test_hopper_ends_where_gymnasiums_does_and_by_termination(add):
    ours, theirs = envs.make(add(env="gymnasium:Hopper-v5")), gymnasium.make("Hopper-v5")
    ours.reset(seed=4), theirs.reset(seed=4)
    for action in drawn(ours, 200):
        mine, expected = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(mine[0], expected[0].astype(np.float32))
        assert mine[1:4] == expected[1:4]
        if mine[2]:
            return
    raise AssertionError("it never fell")


def test_dm_controls_task_is_dm_controls(add):
    from dm_control import suite

    ours = envs.make(add(env="dm_control:acrobot/swingup", kwargs={}))
    theirs = suite.load("acrobot", "swingup", task_kwargs={"random": 7})
    state, timestep = ours.reset(seed=7)[0], theirs.reset()
    for action in drawn(ours, 50):
        np.testing.assert_array_equal(state, np.concatenate([*timestep.observation.values()]).astype(np.float32))
        (state, reward, *_), timestep = ours.step(action), theirs.step(action)
        assert reward == timestep.reward


@pytest.mark.parametrize(("discount", "step"), [(0.0, 3), (1.0, 3), (1.0, None)])
def test_dm_controls_termination_is_by_its_discount(discount, step, add, monkeypatch):
    """A task of dm_control's ends an episode with a discount: 0 where nothing can come any more, else as by a limit."""
    env = envs.make(add(env="dm_control:acrobot/swingup", time_limit=5))
    simulated = env._env._env
    ends = lambda physics: discount if simulated._step_count == step else None  # noqa: E731
    monkeypatch.setattr(simulated.task, "get_termination", ends)
    played = rows(env, 0, drawn(env, 9))
    assert len(played) == 1 + (step or 5)
    assert played[-1][-2:] == (discount == 0, discount > 0)


@pytest.mark.parametrize("env", [*LIBRARIES, None])
def test_a_state_that_was_kept_goes_on_elsewhere_to_the_same_trajectory(env, add):
    name = add(time_limit=LIMIT) if env is None else add(env=env)
    kept, other = envs.make(name), envs.make(name, seed=1)
    actions = drawn(kept, 30)
    kept.reset(seed=3)
    other.reset(seed=4)
    for action in actions[:5]:
        kept.step(action)
    other.unwrapped.set_simulation(kept.unwrapped.simulation())
    for action in actions[5:]:
        (state, *rest), (again, *same_rest) = kept.step(action)[:4], other.step(action)[:4]
        assert np.array_equal(state, again)
        assert rest == same_rest
    np.testing.assert_array_equal(kept.simulation(), other.simulation())


@pytest.mark.parametrize("env", [*LIBRARIES, None])
def test_same_seed_same_trajectory_to_the_bit(env, add):
    name = add(time_limit=LIMIT) if env is None else add(env=env)
    first, second = envs.make(name, seed=3), envs.make(name, seed=3)
    actions = drawn(first, 20)
    for seed in (None, None, 5):  # its own, another derived from that, one that is given
        assert same(rows(first, seed, actions), rows(second, seed, actions))
    assert not same(rows(first, 5, actions), rows(second, 6, actions))


@pytest.mark.parametrize(("given", "expected"), [(None, 200), (30, 30), (400, 400)])
def test_time_limit_of_the_environment_or_the_users(given, expected, add):
    name = add(env="gymnasium:Pendulum-v1", time_limit=given)
    env = envs.make(name)
    assert envs.time_limit(name) == expected
    played = rows(env, 0, drawn(env, 500))
    assert len(played) == 1 + expected
    assert played[-1][-2:] == (False, True)


@pytest.mark.parametrize("limit", [7, LIMIT, 3 * LIMIT])
def test_a_callables_episode_ends_by_itself_or_by_the_limit(limit, add):
    env = envs.make(add(time_limit=limit))
    assert len(rows(env, 0, drawn(env, 200))) == 1 + min(limit, LIMIT)


def test_termination_in_the_last_step_is_termination(add):
    env = envs.make(add(kwargs={"terminates": 9}, time_limit=9))
    assert rows(env, 0, drawn(env, 20))[-1][-2:] == (True, False)


def test_a_wrappers_time_limit_is_found(add):
    name = add(lambda: gymnasium.wrappers.TimeLimit(Made(), 12))
    assert envs.time_limit(name) == 12


OBSERVATIONS = {
    "an image of floats": (spaces.Box(0, 1, (4, 5, 2), np.float64), 40),
    "whole numbers": (spaces.Box(-3, 9, (4,), np.int64), 4),
    "bytes in a row": (spaces.Box(0, 255, (6,), np.uint8), 6),
    "one number": (spaces.Box(0, 1, (), np.float32), 1),
    "a dictionary": (spaces.Dict({"b": spaces.Box(0, 1, (2, 2)), "a": spaces.Box(-9, 9, (3,), np.int32)}), 7),
    "nested": (
        spaces.Dict({"z": spaces.Dict({"y": spaces.Box(0, 1, (2,))}), "x": spaces.Tuple([spaces.Box(0, 1, (1,))] * 3)}),
        5,
    ),
}


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_observations_are_what_gymnasium_makes_of_them_flat(kind, add):
    space, size = OBSERVATIONS[kind]
    name = add(lambda: Made(observations=space), time_limit=LIMIT)
    assert envs.sizes(name) == (size, 2)
    ours, theirs = envs.make(name), Made(observations=space)
    for seen, expected in (
        (ours.reset(seed=1), theirs.reset(seed=1)),
        (ours.step([0, 0]), theirs.step(np.float32([0, 0]))),
    ):
        np.testing.assert_array_equal(seen[0], spaces.flatten(space, expected[0]).astype(np.float32))
        assert seen[0].dtype == np.float32


ACTIONS = [
    spaces.Box(-2, 2, (1,), np.float32),
    spaces.Box(np.array([0.0, -3.0]), np.array([1.0, 10.0]), dtype=np.float64),
    spaces.Box(-5, 1e-3, (2, 3), np.float64),
    spaces.Box(0, 10, (2,), np.int32),
    spaces.Box(0, 255, (3,), np.uint8),
    spaces.Box(-(2**53), 2**53, (2,), np.int64),
    spaces.Box(-1e30, 1e30, (1,), np.float32),
]


@pytest.mark.parametrize("space", ACTIONS, ids=str)
def test_actions_reach_every_bound_in_the_environments_own_shape_and_type(space, add):
    inner = Made(actions=space)
    env = envs.make(add(lambda: inner, time_limit=LIMIT))
    env.reset(seed=0)
    size = math.prod(space.shape)
    assert env.action_space == spaces.Box(-1, 1, (size,), np.float32)
    for action, expected in (
        (np.ones(size), space.high),
        (-np.ones(size), space.low),
        (np.full(size, 9.0), space.high),
    ):
        env.step(action)
        np.testing.assert_array_equal(inner.taken[-1], expected)
        assert inner.taken[-1].dtype == space.dtype
    env.step(np.zeros(size))
    middle = (space.high.astype(float) + space.low) / 2
    whole = np.issubdtype(space.dtype, np.integer)
    np.testing.assert_allclose(inner.taken[-1], np.rint(middle) if whole else middle, rtol=1e-6, atol=1e-6)
    assert envs.original_action_space("made") == spaces.flatten_space(space)


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), action=st.floats(-1.5, 1.5))
def test_actions_are_scaled_from_minus_one_to_one(low, width, action):
    space = spaces.Box(np.float64(low), np.float64(low + width), (1,), np.float64)
    held = flat_spaces.scaled(np.array([action]), space)
    clipped = min(max(action, -1.0), 1.0)
    assert space.contains(held)
    np.testing.assert_allclose(held, low + (clipped + 1) / 2 * width, rtol=1e-9, atol=1e-6)


def test_a_module_where_the_command_was_given_is_found(add, tmp_path, monkeypatch):
    (tmp_path / "my_tasks.py").write_text(
        "import gymnasium\ndef pendulum(**given): return gymnasium.make('Pendulum-v1', **given)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    name = add(env="my_tasks:pendulum", kwargs={"g": 5.0})
    assert envs.sizes(name) == (3, 1)
    assert envs.source(name) == tmp_path / "my_tasks.py"
    assert envs.make(name)._env.unwrapped.g == 5.0
    del sys.modules["my_tasks"]


def test_kwargs_are_the_same_each_time_whatever_is_done_with_them(add):
    given = {"config": {"sizes": [LIMIT]}}
    name = add(lambda config: Made(ends=config.pop("sizes").pop()), kwargs=given, time_limit=LIMIT)
    for _ in range(2):
        env = envs.make(name)
        assert len(rows(env, 0, drawn(env, 2 * LIMIT))) == 1 + LIMIT
    assert given == {"config": {"sizes": [LIMIT]}}


@pytest.mark.parametrize(
    ("module", "another"), [("json", json.__file__), ("cv2.tasks", "cv2"), ("time", "built-in"), ("play", "play.py")]
)
def test_a_module_where_the_command_was_given_is_not_taken_for_another(module, another, add, tmp_path, monkeypatch):
    """Which the command itself may need: a library's, loaded or not, Python's own, a script of the suite's."""
    monkeypatch.chdir(tmp_path)
    scripts = str(Path(__file__).parents[2] / "src")
    monkeypatch.setattr(sys, "path", [scripts, *(entry for entry in sys.path if entry != scripts)])
    mine = tmp_path / f"{module.partition('.')[0]}.py"
    mine.write_text("import gymnasium\ndef make(): return gymnasium.make('Pendulum-v1')\n")
    with pytest.raises(envs.UnusableTask) as refused:
        envs.sizes(add(env=f"{module}:make"))
    assert f"module '{mine.stem}' is " in str(refused.value)
    assert another in str(refused.value)
    assert str(refused.value).endswith(f" here, not {mine}: give yours another name")
    mine.unlink()
    with pytest.raises(envs.UnusableTask, match=r"module 'json' has no 'make'; it is .*json/__init__.py"):
        envs.sizes(add(name="other", env="json:make"))


def test_the_same_task_may_be_added_again_and_no_other_under_its_name(add):
    add(kwargs={"ends": 9})
    envs.add("made", Spec("made_here:make", {"ends": 9}))
    with pytest.raises(envs.TaskError, match="there is another task 'made' already"):
        envs.add("made", Spec("made_here:make", {"ends": 8}))
    with pytest.raises(envs.TaskError, match="'cheetah_run' is a task of the suite's own"):
        envs.add("cheetah_run", Spec("made_here:make"))


def test_the_suites_tasks_are_as_they_were(add):
    add(time_limit=LIMIT)
    assert envs.time_limit("cheetah_run") == 1000
    assert envs.source("cheetah_run") is None
    assert envs.modules("humanoid_sit") == ["envs.humanoid_bench"]
    assert not envs.is_absorbing("cheetah_run")
    assert envs.why_not_shown("cheetah_run") is None


SHORT = {"time_limit": LIMIT}


class OldReset(Made):
    def reset(self, **given):
        return super().reset(**given)[0][:2]


class OldStep(Made):
    def step(self, action):
        observation, reward, *_, info = super().step(action)
        return observation, reward, False, info


class Spaceless(gymnasium.Env):
    """Says nothing of its observations."""

    action_space = spaces.Box(-1, 1, (2,))


class Unlit(Made):
    metadata = None


class Unclosed(Made):
    def close(self):
        raise ValueError("cannot close")


# How it is made, what its spec says -> what is said of it.
REFUSED = [
    (Made, {"env": "Hopper-v5"}, "env 'Hopper-v5' names no environment; write gymnasium:Hopper-v5"),
    (Made, {"env": "gymnasium:"}, "names no environment"),
    (Made, {"env": "gymnasium:Hoper-v5"}, "'gymnasium:Hoper-v5' cannot be made: NameNotFound"),
    (Made, {"env": "dm_control:acrobot"}, "write dm_control:domain/task"),
    (Made, {"env": "dm_control:acrobot/fly"}, "'dm_control:acrobot/fly' cannot be made: ValueError: Level 'fly'"),
    (Made, {"env": "dm_control:lqr/lqr_2_1"}, "does not say after how many steps an episode ends"),
    (Made, {"env": "nowhere.tasks:make"}, "module 'nowhere.tasks' cannot be imported: ModuleNotFoundError"),
    (Made, {"env": "made_here:nothing"}, "module 'made_here' has no 'nothing'"),
    (Made, {"env": "made_here:__name__"}, "'made_here:__name__' is no function or class"),
    (Made, {}, "'made_here:make' does not say after how many steps an episode ends: set tasks.made.time_limit"),
    (
        lambda: gymnasium.wrappers.TimeLimit(Made(), 10**6),
        {},
        "'made_here:make' ends an episode after 1000000 steps only: set tasks.made.time_limit, to 100000 at most",
    ),
    (Made, {"kwargs": {"wind": 3}, **SHORT}, "cannot be made with kwargs {'wind': 3}: TypeError"),
    (
        Made,
        {"env": "gymnasium:Pendulum-v1", "kwargs": {"wind": 3}},
        "cannot be made with kwargs {'wind': 3}: TypeError",
    ),
    (
        Made,
        {"env": "gymnasium:Pendulum-v1", "kwargs": {"max_episode_steps": 9}, **SHORT},
        "'max_episode_steps' is not for kwargs of 'gymnasium:Pendulum-v1': set tasks.made.time_limit",
    ),
    (Made, {"env": "gymnasium:Pendulum-v1", "kwargs": {"render_mode": "human"}}, "'render_mode' is not for kwargs of"),
    (Made, {"env": "gymnasium:Pendulum-v1", "kwargs": {"disable_env_checker": True}}, "'disable_env_checker' is not"),
    (Made, {"env": "dm_control:acrobot/swingup", "kwargs": {"random": 9}}, "'random' is not for kwargs of"),
    (lambda: sys.exit(0), SHORT, "'made_here:make' cannot be made: SystemExit: 0"),
    (lambda: 3, SHORT, "'made_here:make' gives a int, which is no gymnasium.Env"),
    (Spaceless, SHORT, "its environment has no observation_space, as a gymnasium.Env has: AttributeError"),
    (gymnasium.Env, SHORT, "its environment has no observation_space"),
    (Unlit, SHORT, "its metadata are None: write a dictionary, or none at all"),
    (Unclosed, SHORT, "close() fails: ValueError: cannot close ("),
    (lambda: Unclosed(ends=None), SHORT, "step 1 of the episode of seed 0 fails"),
    (lambda: Made(broken="nan"), SHORT, "observation nan at place 0 after 0 steps"),
    (
        lambda: Made(broken="huge"),
        SHORT,
        "observation -1e+200 at place 1 after 0 steps of an episode: learning takes f",
    ),
    (lambda: Made(broken="none"), SHORT, "an observation is None, which is not of Box(-9.0, 9.0, (3,), float32)"),
    (lambda: Made(broken="texts"), SHORT, "dtype='<U1'), which is not of Box(-9.0, 9.0, (3,), float32)"),
    (
        lambda: Made(observations=spaces.Dict({"a": spaces.Box(0, 1), "b": spaces.Box(0, 1)}), broken="lacks"),
        SHORT,
        "an observation is {'a': [0.0]}, which is not of Dict(",
    ),
    (OldReset, SHORT, "; in Gymnasium's API it must give 2 values, (observation, info)"),
    (OldStep, SHORT, "it must give 5 values, (observation, reward, terminated, truncated, info)"),
    (lambda: Made(broken="grows"), SHORT, "observation of 4 numbers, where its space has 3; sizes must not change"),
    (lambda: Made(broken="reward"), SHORT, "the reward is inf in step 1"),
    (lambda: Made(ends=1), SHORT, "its episodes end after their first step"),
    (lambda: Made(terminates=1), SHORT, "its episodes end after their first step"),
    (lambda: Made(observations=spaces.Box(0, 255, (8, 8, 3), np.uint8)), SHORT, "has pixels for observations"),
    (lambda: Made(observations=spaces.Discrete(4)), SHORT, "has observations of Discrete(4): Boxes and Dicts"),
    (lambda: Made(observations=spaces.Dict({"a": spaces.Text(4)})), SHORT, "has observations of Text"),
    (lambda: Made(observations=spaces.Dict({})), SHORT, "has no observations"),
    (lambda: Made(actions=spaces.Discrete(3)), SHORT, "has actions of Discrete(3): a Box with bounds is served"),
    (lambda: Made(actions=spaces.Dict({"a": spaces.Box(0, 1)})), SHORT, "has actions of Dict"),
    (lambda: Made(actions=spaces.Box(-np.inf, np.inf, (2,))), SHORT, "has actions without bounds"),
    (lambda: Made(actions=spaces.Box(0, np.inf, (2,))), SHORT, "has actions without bounds"),
    (lambda: Made(actions=spaces.Box(1, 1, (2,))), SHORT, "has actions that leave no choice"),
    (
        lambda: Made(actions=spaces.Box(0, 2**63 - 1, (2,), np.int64)),
        SHORT,
        "actions of whole numbers beyond 2**53, Box",
    ),
    (lambda: Made(broken="no reward"), SHORT, "are None, False and False in step 1 of an episode: write a number and"),
    (lambda: Made(broken="huge reward"), SHORT, "is 1e+300 in step 1 of an episode: learning takes float32, numbers"),
    (lambda: Made(ends=None), SHORT, "step 1 of the episode of seed 0 fails: TypeError: '>=' not supported"),
]


@pytest.mark.parametrize(("make", "spec", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_what_cannot_be_served_is_told_in_a_sentence(make, spec, said, add):
    name = add(make, **spec)
    with pytest.raises(envs.UnusableTask) as refused:
        envs.sizes(name)
    assert said in str(refused.value)
    assert str(refused.value).startswith("task 'made'")
    assert "\n" not in str(refused.value)


def test_a_module_that_fails_says_where(add, tmp_path, monkeypatch):
    (tmp_path / "broken_tasks.py").write_text("import math\nmath.nothing\n")
    (tmp_path / "no_python.py").write_text("def make(:\n")
    (tmp_path / "ends_tasks.py").write_text("import sys\n\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module, line in (("broken_tasks", 2), ("no_python", 1), ("ends_tasks", 3)):
        with pytest.raises(envs.UnusableTask) as refused:
            envs.sizes(add(name=module, env=f"{module}:make"))
        assert f"module '{module}' cannot be imported" in str(refused.value)
        assert f"({tmp_path / module}.py, line {line})" in str(refused.value)


def test_nan_in_the_midst_of_an_episode_is_told_with_its_step(add):
    class Breaks(Made):
        def _observed(self):
            return np.full(3, np.nan if self.steps == 40 else 0, np.float32)

    env = envs.make(add(Breaks, time_limit=LIMIT))
    with pytest.raises(envs.UnusableTask, match="observation nan at place 0 after 40 steps"):
        rows(env, 0, drawn(env, LIMIT))


LATE = """
import numpy as np
from gymnasium import Env
from gymnasium.spaces import Box

class Late(Env):
    observation_space, action_space = Box(-1, 1, (3,)), Box(-1, 1, (2,))

    def __init__(self, what, when, in_reset=False):
        self.what, self.when, self.in_reset, self.taken = what, when, in_reset, 0

    def reset(self, *, seed=None, options=None):
        if self.in_reset and self.taken >= self.when:
            raise KeyError("no such start")
        return np.zeros(3), {}

    def step(self, action):
        self.taken += 1
        late = self.taken == self.when
        if late and self.what == "error":
            np.linalg.inv(np.zeros((2, 2)))
        if late and self.what == "exit":
            raise SystemExit(0)
        if late and self.what == "interrupt":
            raise KeyboardInterrupt
        return np.zeros(3), None if late and self.what == "reward" else 1.0, False, False, {}
"""
LATE_SAID = {
    "error": "step 40 of the episode of seed 7 fails: LinAlgError: Singular matrix ({file}, line 21)",
    "exit": "step 40 of the episode of seed 7 fails: SystemExit: 0 ({file}, line 23)",
    "reward": "reward, terminated and truncated are None, False and False in step 40 of an episode: write a number and "
    "two truth values",
}


@pytest.fixture
def late(add, tmp_path, monkeypatch):
    """Adds a task that fails late, by what its module does; the module's file."""
    (tmp_path / "late_tasks.py").write_text(LATE)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda **kwargs: add(name="late", env="late_tasks:Late", kwargs=kwargs, time_limit=LIMIT)
    sys.modules.pop("late_tasks", None)


@pytest.mark.parametrize("what", LATE_SAID)
def test_what_fails_in_the_midst_of_an_episode_is_told_with_its_place(what, late, tmp_path):
    """Of the user's own file, though the error was raised in a library's."""
    env = envs.make(late(what=what, when=40))
    with pytest.raises(envs.UnusableTask) as refused:
        rows(env, 7, drawn(env, LIMIT))
    assert str(refused.value) == f"task 'late': {LATE_SAID[what].format(file=tmp_path / 'late_tasks.py')}"


def test_a_reset_that_fails_late_is_told_with_its_place(late, tmp_path):
    env = envs.make(late(what=None, when=LIMIT, in_reset=True))
    rows(env, 7, drawn(env, LIMIT))
    with pytest.raises(envs.UnusableTask) as refused:
        env.reset(seed=8)
    place = f"({tmp_path / 'late_tasks.py'}, line 14)"
    assert str(refused.value) == f"task 'late': reset(seed=8) fails: KeyError: 'no such start' {place}"


def test_what_interrupts_an_episode_passes(late):
    env = envs.make(late(what="interrupt", when=2))
    with pytest.raises(KeyboardInterrupt):
        rows(env, 7, drawn(env, LIMIT))


class Shown(Made):
    """Has a picture, or what it is told to have for one."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 7}
    picture = np.zeros((4, 6, 3), np.uint8)

    def __init__(self, render_mode=None):
        super().__init__()
        self.render_mode = render_mode

    def render(self):
        return self.picture if self.render_mode == "rgb_array" else None


def test_pictures_are_the_environments(add):
    name = add(Shown, time_limit=LIMIT)
    assert envs.why_not_shown(name) is None
    env = envs.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (4, 6, 3)
    assert env.metadata["render_fps"] == 7


def test_a_picture_is_asked_for_whatever_kwargs_say(add):
    assert envs.why_not_shown(add(Shown, kwargs={"render_mode": None}, time_limit=LIMIT)) is None


def test_a_task_without_a_picture_says_so(add, monkeypatch):
    assert envs.why_not_shown(add(time_limit=LIMIT)) == (
        "task 'made' has no picture: 'made_here:make' has no render mode 'rgb_array'"
    )
    with pytest.raises(UserError, match="task 'made' has no picture"):
        record("made", CallablePolicy("nothing", np.zeros, (2, 1)), 0)
    monkeypatch.setattr(Shown, "picture", np.zeros((4, 6)))
    assert "task 'flat' has no picture: what it renders is no image" in envs.why_not_shown(
        add(Shown, name="flat", time_limit=LIMIT)
    )
    monkeypatch.setattr(Shown, "render", lambda _: 1 / 0)
    assert "task 'fails' has no picture: render() fails: ZeroDivisionError" in envs.why_not_shown(
        add(Shown, name="fails", time_limit=LIMIT)
    )


@pytest.mark.parametrize("env", LIBRARIES)
def test_the_libraries_tasks_have_pictures(env, add):
    assert envs.why_not_shown(add(env=env)) is None
