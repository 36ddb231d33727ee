"""Demonstrations, checkpoints, policies and settings that are damaged or of another kind: a sentence, or a sound load.

The fuzz is bounded and seeded: bits flipped, ends lost, blocks zeroed, other types, huge values.
"""

import io
import json
import random
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from commands import TASK, read_or_refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import envs
from smiling.experiment import load_experiment
from smiling.runs import checkpoint
from smiling.runs.demonstrations import read_demonstrations
from smiling.settings import UserError
from smiling.solvers.policies import read_policy, write_policy
from smiling.solvers.sac.beside_expert import expert_transitions
from smiling.solvers.sac.networks import Actor

DAMAGES = 150
QUICKLY = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
IDENTITY = {"task": TASK}


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """`whole` with a bit flipped, a block zeroed, its end lost, or something put in."""
    content, place = bytearray(whole), chance.randrange(len(whole))
    how = chance.choice(("flip", "zero", "cut", "insert"))
    if how == "flip":
        content[place] ^= 1 << chance.randrange(8)
    elif how == "zero":
        content[place : place + 64] = bytes(min(64, len(content) - place))
    elif how == "cut":
        del content[place:]
    else:
        content[place:place] = chance.randbytes(chance.randrange(1, 9))
    return bytes(content) if content != whole else damaged(whole, chance)


# Demonstrations


def read(path):
    return read_demonstrations(path, state_size=8, action_size=2)


def sound(demonstrations) -> bool:
    """Whether demonstrations are what every method may count on."""
    starts, rows = demonstrations.episode_starts, len(demonstrations.observations)
    arrays = [value for value in vars(demonstrations).values() if isinstance(value, np.ndarray)]
    return (
        all(np.isfinite(array).all() for array in arrays)
        and all(array.dtype in (np.float32, np.int64) for array in arrays)
        and starts[0] == 0
        and bool((np.diff(starts) > 0).all())
        and starts[-1] < rows
        and (demonstrations.actions is None or np.abs(demonstrations.actions).max() <= 1)
        and (demonstrations.rewards is None or np.isfinite(demonstrations.returns()).all())
    )


def altered(path, **changes):
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"episode_starts": np.array([0, 30, 20], np.uint64)}, "'episode_starts' must rise"),
        ({"episode_starts": np.array([0, 2**63], np.uint64)}, "'episode_starts' must rise"),
        ({"episode_starts": np.array([0, 20, 20], np.uint8)}, "'episode_starts' must rise"),
        ({"episode_starts": np.array(0)}, "'episode_starts' must rise"),
        ({"episode_starts": np.zeros((1, 1), int)}, "'episode_starts' must rise"),
        ({"episode_starts": np.array([0.0, 20.0])}, "as integers"),
        ({"episode_starts": np.array([False])}, "as integers"),
        ({"episode_starts": np.array([], int)}, "'episode_starts' must rise"),
        ({"observations": np.full((40, 8), 1e39)}, "'observations' is not finite .*too large for float32.* in row 0"),
        ({"rewards": np.full(40, -1e300)}, "'rewards' is not finite"),
        ({"next_observations": np.full((40, 8), np.inf)}, "'next_observations' is not finite"),
        ({"actions": np.full((40, 2), -128, np.int8)}, r"'actions' go as far as 128; they must lie in \[-1, 1\]"),
        ({"actions": np.full((40, 2), 255, np.uint8)}, r"'actions' go as far as 255; they must lie in \[-1, 1\]"),
        ({"observations": np.array(1.0)}, r"'observations' has shape \(\), this task needs"),
        ({"rewards": np.array(1.0)}, r"'rewards' has shape \(\)"),
        ({"observations": np.zeros((40, 8), complex)}, "holds complex128, not numbers"),
        ({"observations": np.zeros((40, 8), bool)}, "holds bool, not numbers"),
        ({"observations": np.zeros((40, 8), "M8[s]")}, "not numbers"),
        ({"observations": np.zeros((40, 8), [("x", "f4")])}, "not numbers"),
        ({"observations": np.zeros((0, 8)), "next_observations": None, "actions": None, "rewards": None}, "is empty"),
        ({"made_by": np.array("[1, 2]")}, "'made_by' is no JSON object"),
        ({"made_by": np.array("[" * 100_000)}, "'made_by' is not JSON"),
        ({"made_by": np.array("1" * 5000)}, "'made_by' is not JSON"),
    ],
)
def test_unsound_demonstrations_get_a_sentence(changes, message, demonstrations_file):
    altered(demonstrations_file, **changes)
    with pytest.raises(UserError, match=message) as refused:
        read(demonstrations_file)
    assert str(demonstrations_file) in str(refused.value)


def member(header: bytes) -> bytes:
    """A file of NumPy's that has this header and no data."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': %b, }"


@pytest.mark.parametrize(
    "content",
    [
        b"text",
        b"",
        member(HEADER % b"(1000000000000000000, 8)"),
        member(HEADER % b"(40, 8)"),
        member(HEADER % b"(-1, 8)"),
        member(HEADER % (b"(" * 3000)),
        member(HEADER % (b"(" * 3000 + b")" * 3000)),
        member(b"{" * 60000),
        member(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
        member(b"{'descr': 3, 'fortran_order': False, 'shape': (1,), }"),
        b"\x93NUMPY\x03\x00\xff\xff\xff\xff",
    ],
)
def test_a_member_that_is_no_array_gets_a_sentence(content, tmp_path):
    path, starts = tmp_path / "file.npz", io.BytesIO()
    np.save(starts, np.array([0]))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("observations.npy", content)
        archive.writestr("episode_starts.npy", starts.getvalue())
    with pytest.raises(
        UserError, match="not a whole .npz archive of plain arrays|'observations' is not an array"
    ) as told:
        read(path)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: np.save(path.open("wb"), np.zeros((40, 8))), r"a single array \(.npy\); write an archive"),
        (lambda path: path.write_text("observations"), "not a whole .npz archive"),
        (lambda path: path.write_bytes(b""), "not a whole .npz archive"),
        (lambda path: path.mkdir(), "not a whole .npz archive"),
        (lambda path: torch.save({"observations": torch.zeros(3)}, path), "lacks"),
    ],
)
def test_a_file_of_another_kind_gets_a_sentence(write, message, tmp_path):
    write(tmp_path / "file.npz")
    with pytest.raises(UserError, match=message):
        read(tmp_path / "file.npz")


def test_episodes_of_one_row_without_next_observations_hold_no_transition(demonstrations_file):
    altered(demonstrations_file, next_observations=None, episode_starts=np.arange(40))
    with pytest.raises(UserError, match="one row a trajectory and no 'next_observations'"):
        expert_transitions(read(demonstrations_file), 2, with_actions=False, device="cpu")
    altered(demonstrations_file, episode_starts=np.array([0, 1, 38]))
    assert len(expert_transitions(read(demonstrations_file), 2, with_actions=True, device="cpu").states) == 37


def test_damaged_demonstrations_are_refused_or_what_was_written(demonstrations_file):
    whole, chance, before = demonstrations_file.read_bytes(), random.Random(0), read(demonstrations_file).digest()
    for _ in range(DAMAGES):
        demonstrations_file.write_bytes(damaged(whole, chance))
        loaded = read_or_refused(lambda: read(demonstrations_file))
        assert loaded is None or loaded.digest() == before or sound(loaded)


NUMBERS = arrays_of.integer_dtypes() | arrays_of.unsigned_integer_dtypes() | arrays_of.floating_dtypes()
DTYPES = NUMBERS | arrays_of.complex_number_dtypes() | arrays_of.boolean_dtypes() | arrays_of.unicode_string_dtypes()
SHAPES = st.sampled_from([(), (40,), (40, 8), (40, 2), (2,), (0,), (0, 8), (40, 8, 1)])


@QUICKLY
@given(
    st.sampled_from(["observations", "next_observations", "actions", "rewards", "episode_starts"]),
    st.tuples(DTYPES, SHAPES).flatmap(lambda of: arrays_of.arrays(*of)),
)
def test_whatever_an_array_is_demonstrations_are_refused_or_sound(demonstrations_file, name, array):
    whole = demonstrations_file.read_bytes()
    altered(demonstrations_file, **{name: array})
    loaded = read_or_refused(lambda: read(demonstrations_file))
    assert loaded is None or sound(loaded)
    demonstrations_file.write_bytes(whole)


# Checkpoints


def sealed(content: bytes) -> bytes:
    """Content with its digest before it, as if it were a checkpoint."""
    return checkpoint.DIGEST(content).digest() + content


def saved_by_torch(value) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"text that is longer than a digest, and no checkpoint at all",
        sealed(b""),
        sealed(b"text"),
        sealed(json.dumps({"identity": IDENTITY, "state": {}}).encode()),
        sealed(saved_by_torch([1, 2])),
        sealed(saved_by_torch("text")),
        sealed(saved_by_torch({"state": {}})),
        sealed(saved_by_torch({"identity": IDENTITY})),
        sealed(saved_by_torch({"identity": ["task"], "state": {}})),
        sealed(saved_by_torch({"identity": IDENTITY, "state": [1]})),
        sealed(saved_by_torch(random.Random(0))),  # a pickle of what is no tensor
    ],
)
def test_what_is_no_checkpoint_is_refused(content, tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a checkpoint .*delete it to start over") as refused:
        checkpoint.load(path, IDENTITY)
    assert len(str(refused.value).splitlines()) == 1


def test_damaged_checkpoints_are_refused_whatever_their_digest(tmp_path):
    path, chance = tmp_path / "checkpoint.pt", random.Random(0)
    checkpoint.save(path, IDENTITY, {"weights": torch.ones(20, 20), "step": 3000})
    whole = path.read_bytes()
    for _ in range(DAMAGES):
        path.write_bytes(damaged(whole, chance))
        assert read_or_refused(lambda: checkpoint.load(path, IDENTITY)) is None
        path.write_bytes(sealed(damaged(whole[checkpoint.SIZE :], chance)))
        state = read_or_refused(lambda: checkpoint.load(path, IDENTITY))
        assert state is None or isinstance(state, dict)


# Policies


@pytest.fixture
def policy(tmp_path):
    """An actor of ball_in_cup_catch."""
    path = tmp_path / "policy.safetensors"
    write_policy(path, Actor(8, 2, 16, 2, torch.Generator().manual_seed(0)))
    return path


def described(path, said, kind="actor"):
    """The policy's weights under another description."""
    safetensors.torch.save_file(safetensors.torch.load_file(path), path, {kind: json.dumps(said)})


SIZES = {"state_size": 8, "action_size": 2, "width": 16, "depth": 2}
DESCRIBED = {**SIZES, "log_std_range": (-5.0, 2.0)}


@pytest.mark.parametrize(
    "said",
    [
        [8, 2, 16, 2],
        "text",
        None,
        {},
        {**SIZES, "depth": None},
        {**SIZES, "depth": "2"},
        {**SIZES, "depth": 2.0},
        {**SIZES, "depth": 10**9},
        {**SIZES, "depth": 0},
        {**SIZES, "width": 10**9},
        {**SIZES, "width": -16},
        {**SIZES, "width": [16]},
        {**SIZES, "state_size": 10**30},
        {**SIZES, "state_size": 7},
        {**SIZES, "settings": 3},
        *(
            {**SIZES, "log_std_range": said}
            for said in ([2, -5], [float("nan"), 2], [-5, float("inf")], [-5], "text", 3)
        ),
    ],
)
def test_a_policy_of_another_description_is_refused(said, policy):
    described(policy, said)
    with pytest.raises(UserError, match="not a policy written by this suite") as refused:
        read_policy(policy)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "said", [[], {}, {"state_size": 8}, {"state_size": 8, "action_size": 2, "settings": [1]}, SIZES]
)
def test_an_actor_is_no_dreamers_policy(said, policy):
    described(policy, said, kind="dreamer")
    assert read_or_refused(lambda: read_policy(policy)) is None


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\xff" * 64, json.dumps([1, 2]).encode(), saved_by_torch({"weight": torch.zeros(3)})]
)
def test_what_is_no_policy_is_refused(content, policy):
    policy.write_bytes(content)
    with pytest.raises(UserError, match="not a policy written by this suite"):
        read_policy(policy)


def test_damaged_policies_are_refused_or_of_the_same_shape_and_finite(policy):
    whole, chance = policy.read_bytes(), random.Random(0)
    for _ in range(DAMAGES):
        policy.write_bytes(damaged(whole, chance))
        loaded = read_or_refused(lambda: read_policy(policy))
        if loaded is not None:
            assert loaded.description() | SIZES == loaded.description()
            assert all(value.isfinite().all() for value in loaded.state_dict().values())


def test_a_policy_with_a_weight_that_is_not_finite_is_refused(policy):
    weights = safetensors.torch.load_file(policy)
    next(iter(weights.values())).flatten()[3] = float("nan")
    safetensors.torch.save_file(weights, policy, {"actor": json.dumps(SIZES)})
    with pytest.raises(UserError, match="a weight is not a finite number"):
        read_policy(policy)


def test_a_policy_of_another_task_is_refused(policy):
    assert read_policy(policy, envs.sizes(TASK)).description() == DESCRIBED
    with pytest.raises(UserError, match=r"sizes \(8, 2\), this task's \(17, 6\); it is another task's"):
        read_policy(policy, envs.sizes("cheetah_run"))


# Settings

KEYS = (
    *("sac", "sac.width", "sac.batch", "sac.critic_lr", "sac.discount", "training", "training.evaluate_every"),
    *("training.device", "expert.trajectories", "seeds", "methods", "only_tasks", "tasks", "experiment", "scale"),
    *("tasks.ball_in_cup_catch.env_steps", "tasks.ball_in_cup_catch.seeds", "method_settings"),
    *("method_settings.dac.lr", "method_settings.smiling.cost.samples", "dreamer.num_envs", "nothing"),
)
WORDS = (
    "",
    "1e400",
    "-1",
    "0",
    ".nan",
    "9" * 400,
    "[1",
    "{a: ",
    "null",
    "true",
    "[[]]",
    "{}",
    "../x",
    "a,b",
    "1e9",
    "*x",
    "&a",
    "!!x 1",
)


@QUICKLY
@given(st.sampled_from(KEYS), st.sampled_from(WORDS) | st.text(max_size=6))
def test_whatever_a_setting_is_it_is_refused_or_taken(key, text):
    read_or_refused(lambda: load_experiment("smoke", [f"{key}={text}"]))
