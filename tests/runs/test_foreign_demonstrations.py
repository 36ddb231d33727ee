"""Demonstrations as others keep them: D4RL's HDF5 files, and data sets that Minari itself writes and loads."""

import json
import re
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from smiling.runs import foreign_demonstrations
from smiling.runs.demonstrations import Demonstrations, checked
from smiling.runs.foreign_demonstrations import Bounds, is_foreign, read_foreign
from smiling.runs.minari_export import write_minari
from smiling.runs.own_demonstrations import read_for
from smiling.settings import UserError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:minari")
h5py = pytest.importorskip("h5py", reason="the extra 'minari' is not installed")
TASK = "ball_in_cup_catch"  # states of 8, actions of 2
UNIT = Bounds(-np.ones(2), np.ones(2))
LENGTHS = (3, 5, 4)  # of the trajectories, of which the second terminates


def d4rl(path: Path, **changes: object) -> Path:
    """A file as D4RL lays it out, with `infos` and `metadata`; its last two rows are of an unfinished trajectory."""
    random, count = np.random.default_rng(0), sum(LENGTHS) + 2
    ends = np.cumsum(LENGTHS) - 1
    arrays = {
        "observations": random.normal(size=(count, 8)),
        "actions": random.uniform(-1, 1, (count, 2)),
        "rewards": random.normal(size=count),
        "terminals": np.isin(np.arange(count), ends[1]),
        "timeouts": np.isin(np.arange(count), ends[[0, 2]]),
        "infos/qpos": random.normal(size=(count, 4)),
        "metadata/algorithm": np.bytes_("SAC"),
    } | changes
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            if array is not None:
                file[name] = array
    return path


def test_d4rl_file_is_cut_where_its_trajectories_end(tmp_path):
    path = d4rl(tmp_path / "hopper.hdf5")
    shown = read_for(path, TASK)
    with h5py.File(path) as file:
        starts = [0, 3, 8]
        assert shown.episode_starts.tolist() == starts
        assert shown.terminals.tolist() == [False, True, False]
        np.testing.assert_array_equal(shown.observations, file["observations"][:12].astype(np.float32))
        np.testing.assert_allclose(shown.actions, file["actions"][:12], atol=1e-7)
        expected = [
            file["rewards"][start : start + length].sum() for start, length in zip(starts, LENGTHS, strict=True)
        ]
    np.testing.assert_allclose(shown.returns(), expected, rtol=1e-6)
    assert shown.next_observations is None


def test_states_alone_and_what_followed_them(tmp_path):
    following = np.random.default_rng(1).normal(size=(14, 8))
    path = d4rl(tmp_path / "no_suffix", actions=None, rewards=None, next_observations=following)
    assert is_foreign(path)
    shown = read_for(path, TASK)
    assert shown.actions is None
    assert shown.rewards is None
    np.testing.assert_array_equal(shown.next_observations, following[:12].astype(np.float32))


def test_actions_are_brought_from_the_bounds_of_the_task_to_ours(tmp_path):
    actions = np.array([[0.0, 4.0]] * 13 + [[-2.0, 3.0]])
    path = d4rl(tmp_path / "a.hdf5", actions=actions, timeouts=np.arange(14) == 13)
    arrays = read_foreign(path, Bounds(np.array([-2.0, 2.0]), np.array([2.0, 4.0])))
    np.testing.assert_allclose(arrays["actions"][[0, 13]], [[0.0, 1.0], [-1.0, 0.0]])


def refused(path: Path, *parts: str, task: str = TASK) -> None:
    """One sentence that names the file and says `parts`."""
    with pytest.raises(UserError) as error:
        read_for(path, task)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence


NAN = np.zeros((14, 8))
NAN[7, 3] = np.nan


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"observations": np.zeros((14, 9))}, "'observations' has shape (12, 9), this task needs (12, 8)"),
        ({"observations": NAN}, "'observations' is not finite (NaN, infinity, or too large for float32) in row 7"),
        ({"observations": None}, "lacks the array 'observations'"),
        ({"observations": np.array([b"a"] * 14)}, "'observations' holds |S1, not numbers"),
        ({"actions": np.zeros((14, 3))}, "'actions' has shape (12, 3), this task needs (12, 2)"),
        ({"actions": np.zeros((13, 2))}, "'actions' has shape (13, 2), but there are 14 'observations'"),
        ({"actions": np.full((14, 2), 1.5)}, "'actions' are 1.5 in row 0, beyond the bounds [-1, 1]"),
        ({"timeouts": None}, "no 'timeouts', so that where trajectories end is not known"),
        ({"terminals": None}, "no 'terminals', so that where trajectories end is not known"),
        ({"timeouts": np.zeros(14), "terminals": np.zeros(14)}, "no whole trajectory"),
        ({"rewards": np.full(14, np.inf)}, "'rewards' is not finite"),
    ],
)
def test_malformed_d4rl_file_gets_a_sentence(changes, said, tmp_path):
    refused(d4rl(tmp_path / "mine.hdf5", **changes), said)


def test_what_is_no_hdf5_file(tmp_path):
    path = tmp_path / "mine.hdf5"
    path.write_text("not one")
    refused(path, "not a whole HDF5 file")
    whole = d4rl(tmp_path / "whole.hdf5").read_bytes()
    for share in (0.2, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        refused(path, "HDF5 file")
    path.unlink()
    refused(path, "no such file")


def test_missing_package_names_the_extra_that_brings_it(tmp_path, monkeypatch, demonstrations_file):
    path = d4rl(tmp_path / "mine.hdf5")
    for name in ("h5py", "minari"):
        monkeypatch.setitem(sys.modules, name, None)  # to import it is then an ImportError
    refused(path, "needs the package h5py: pip install 'smiling-benchmark[minari]'")
    with pytest.raises(UserError, match=re.escape("pip install 'smiling-benchmark[minari]'")):
        write_minari(tmp_path / "out", read_for(demonstrations_file, TASK), TASK, "a test")


def test_the_extra_is_one_of_the_projects():
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert re.search(rf"^{foreign_demonstrations.EXTRA} = \[.*minari.*h5py", text, re.MULTILINE)


@pytest.fixture
def minari(tmp_path, monkeypatch):
    """Minari, whose data sets are in a folder of the test's."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "theirs"))
    return pytest.importorskip("minari", reason="the extra 'minari' is not installed")


def played(observation_space, action_space, seed=0, terminates=False):
    """Episodes of random numbers, as Minari takes them."""
    from minari.data_collector import EpisodeBuffer

    observation_space.seed(seed)
    action_space.seed(seed)
    random = np.random.default_rng(seed)
    episodes = []
    for length in LENGTHS:
        samples = [observation_space.sample() for _ in range(length + 1)]
        if isinstance(samples[0], dict):
            observations = {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}
        else:
            observations = np.stack(samples)
        last = np.arange(length) == length - 1
        episodes.append(
            EpisodeBuffer(
                observations=observations,
                actions=np.stack([action_space.sample() for _ in range(length)]),
                rewards=random.normal(size=length),
                terminations=last & (length == LENGTHS[1]),
                truncations=last & (length != LENGTHS[1]),
            )
        )
    return episodes


def box(size: int, low: float = -1.0, high: float = 1.0, dtype: type = np.float64) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(low, high, (size,), dtype)


def created(minari, observation_space, action_space):
    episodes = played(observation_space, action_space)
    spaces = {"observation_space": observation_space, "action_space": action_space}
    minari.create_dataset_from_buffers("somebody/theirs-v0", episodes, **spaces)
    return episodes


def test_data_set_that_minari_wrote(minari, tmp_path):
    episodes = created(minari, box(8), box(2, -2.0, 2.0))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    for path in (folder, folder / "data"):
        shown = read_for(path, TASK)
        assert shown.episode_starts.tolist() == [0, 3, 8]
        assert shown.terminals.tolist() == [False, True, False]
        states = np.concatenate([episode.observations[:-1] for episode in episodes])
        following = np.concatenate([episode.observations[1:] for episode in episodes])
        np.testing.assert_array_equal(shown.observations, states.astype(np.float32))
        np.testing.assert_array_equal(shown.next_observations, following.astype(np.float32))
        actions = np.concatenate([episode.actions for episode in episodes])
        np.testing.assert_allclose(shown.actions, actions / 2, rtol=1e-6)
        np.testing.assert_allclose(shown.returns(), [episode.rewards.sum() for episode in episodes], rtol=1e-5)


def test_dict_observations_are_laid_out_as_gymnasium_flattens_them(minari, tmp_path):
    space = gymnasium.spaces.Dict(position=box(5), goal=box(2), altitude=box(1))
    episodes = created(minari, space, box(2))
    shown = read_for(tmp_path / "theirs" / "somebody" / "theirs-v0", TASK)
    first = {key: value[0] for key, value in episodes[0].observations.items()}
    np.testing.assert_allclose(shown.observations[0], gymnasium.spaces.flatten(space, first), rtol=1e-6)


def test_tuple_observations_are_in_their_order(minari, tmp_path):
    space = gymnasium.spaces.Tuple([box(1)] * 12)
    row = np.arange(12.0) / 12
    parts = tuple(np.full((4, 1), value) for value in row)
    ends = np.arange(3) == 2
    episode = minari.data_collector.EpisodeBuffer(
        observations=parts,
        actions=np.zeros((3, 2)),
        rewards=np.zeros(3),
        terminations=ends,
        truncations=np.zeros(3, bool),
    )
    spaces = {"observation_space": space, "action_space": box(2)}
    minari.create_dataset_from_buffers("somebody/theirs-v0", [episode], **spaces)
    arrays = read_foreign(tmp_path / "theirs" / "somebody" / "theirs-v0", UNIT)
    np.testing.assert_array_equal(arrays["observations"], np.tile(row, (3, 1)))


def test_data_set_of_another_task(minari, tmp_path):
    created(minari, box(17), box(6))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    refused(folder, "'observations' has shape (12, 17), this task needs (12, 8)")
    assert read_for(folder, "cheetah_run").actions.shape == (12, 6)


def test_damaged_data_set_gets_a_sentence(minari, tmp_path):
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    main, metadata = folder / "data" / "main_data.hdf5", folder / "data" / "metadata.json"
    said = json.loads(metadata.read_text())
    metadata.write_text(json.dumps(said | {"data_format": "arrow"}))
    refused(folder, "in the format 'arrow'; write it anew with data_format='hdf5'")
    metadata.write_text(json.dumps(said))
    with h5py.File(main, "a") as file:
        del file["episode_1/actions"]
    refused(folder, "/episode_1 lacks the array 'actions'")
    with h5py.File(main, "a") as file:
        file["episode_1/actions"] = np.zeros((4, 2))
    refused(folder, "episode_1 has 6 observations, 4 actions, 5 rewards")
    with h5py.File(main, "a") as file:
        for name in list(file):
            del file[name]
    refused(folder, "the data set has no episodes")
    metadata.write_text("{")
    refused(folder, "metadata.json is not JSON")
    metadata.unlink()
    refused(folder, "a folder without a Minari data set: no metadata.json in it")


def rewritten(main: Path, arrays: dict[str, np.ndarray]) -> None:
    """Other arrays in place of some of a data set's."""
    with h5py.File(main, "a") as file:
        for name, array in arrays.items():
            del file[name]
            file[name] = array


@pytest.mark.parametrize(
    ("name", "shape"),
    [("observations", (6, 7)), ("actions", (5, 3)), ("rewards", (5, 2)), ("terminations", (5, 2))],
)
def test_episodes_of_a_data_set_that_differ_in_size_get_a_sentence(name, shape, minari, tmp_path):
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    rewritten(folder / "data" / "main_data.hdf5", {f"episode_1/{name}": np.zeros(shape)})
    refused(folder, "of its episodes differ in size")


def test_a_column_of_rewards_is_their_row(minari, tmp_path):
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    before = read_for(folder, TASK)
    main = folder / "data" / "main_data.hdf5"
    with h5py.File(main) as file:
        names = [f"{episode}/{name}" for episode in file for name in ("rewards", "terminations")]
        columns = {name: file[name][()][:, None] for name in names}
    rewritten(main, columns)
    assert read_for(folder, TASK).digest() == before.digest()
    path = d4rl(tmp_path / "rows.hdf5")
    plain = read_for(path, TASK)
    with h5py.File(path) as file:
        columns = {name: file[name][()][:, None] for name in ("rewards", "terminals", "timeouts")}
    rewritten(path, columns)
    assert read_for(path, TASK).digest() == plain.digest()


@pytest.mark.parametrize("ends", [None, [True, False, True]])
def test_minari_loads_what_is_exported(ends, minari, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    mine = Demonstrations(
        observations=random.normal(size=(12, 8)).astype(np.float32),
        next_observations=random.normal(size=(12, 8)).astype(np.float32),
        actions=random.uniform(-1.3, 1.3, (12, 2)).astype(np.float32),
        rewards=random.normal(size=12).astype(np.float32),
        episode_starts=np.array([0, 3, 8]),
        terminals=None if ends is None else np.array(ends),
    )
    for index, end in enumerate(mine.ends()):  # within a trajectory the following state is the next row's
        start = mine.episode_starts[index]
        mine.next_observations[start : end - 1] = mine.observations[start + 1 : end]
    monkeypatch.chdir(tmp_path)
    for root in (tmp_path / "theirs", Path("theirs")):  # the second time over the first
        folder = write_minari(root, mine, TASK, "a test")
    loaded = minari.load_dataset(folder.name)
    assert [len(episode) for episode in loaded] == list(LENGTHS)
    assert [bool(episode.terminations[-1]) for episode in loaded] == (ends or [False] * 3)
    assert all(episode.truncations[-1] != episode.terminations[-1] for episode in loaded)
    np.testing.assert_allclose([episode.rewards.sum() for episode in loaded], mine.returns(), rtol=1e-6)
    again = read_for(folder, TASK)
    for name in ("observations", "next_observations", "rewards", "episode_starts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(mine, name))
    np.testing.assert_allclose(again.actions, np.clip(mine.actions, -1, 1), atol=1e-7)


def test_export_of_what_minari_cannot_have(minari, tmp_path):
    arrays = {"observations": np.zeros((4, 8)), "episode_starts": np.array([0])}
    with pytest.raises(UserError, match="needs the demonstrations' 'actions', which these do not have"):
        write_minari(tmp_path, checked(Path("mine.npz"), arrays, 8, 2), TASK, "a test")


def test_export_leaves_out_rows_of_which_nobody_knows_what_followed(minari, tmp_path):
    arrays = {
        "observations": np.arange(48.0).reshape(6, 8),
        "actions": np.linspace(-1, 1, 12).reshape(6, 2),
        "rewards": np.arange(6.0),
        "episode_starts": np.array([0, 1, 4]),
        "terminals": np.array([True, True, False]),
    }
    mine = checked(Path("mine.npz"), arrays, 8, 2)
    again = read_for(write_minari(tmp_path, mine, TASK, "a test"), TASK)
    assert again.episode_starts.tolist() == [0, 2]
    assert again.rewards.tolist() == [1, 2, 4]
    np.testing.assert_array_equal(again.next_observations, mine.observations[[2, 3, 5]])
    assert not again.terminals.any()
    with pytest.raises(UserError, match="that is no transition"):
        write_minari(
            tmp_path,
            checked(Path("mine.npz"), arrays | {"episode_starts": np.arange(6), "terminals": np.zeros(6, bool)}, 8, 2),
            TASK,
            "a test",
        )


def test_export_of_trajectories_of_which_rows_were_left_out(minari, tmp_path):
    """Each state that followed is true, but none is the next row's: one array of states would glue them together."""
    states = np.tile(np.arange(6.0)[:, None], 8)
    arrays = {
        "observations": np.concatenate([states, 10 * states]),
        "next_observations": np.concatenate([states + 1, 10 * states + 1]),
        "actions": np.zeros((12, 2)),
        "rewards": np.zeros(12),
        "episode_starts": np.array([0, 6]),
    }
    with pytest.raises(UserError, match="rows have been left out of trajectory 1: a Minari data set holds"):
        write_minari(tmp_path / "root", checked(Path("mine.npz"), arrays, 8, 2), TASK, "a test")
    assert not (tmp_path / "root").exists()


def space(kind: str, **more: object) -> str:
    """A space as Minari writes it into a data set's metadata."""
    return json.dumps({"type": kind, "dtype": "float32", **more})


def described(tmp_path: Path, **said: object) -> Path:
    """A data set of which the metadata say something else."""
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    return folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (space("Discrete", n=2, start=0), "its action space is Discrete; actions must be of a Box"),
        (space("Box", low=[-1, -1], high=[1, 1, 1]), "bounds of 2 and 3 numbers, its actions are 2"),
        (space("Box", low=[-2] * 3, high=[2] * 3), "bounds of 3 and 3 numbers, its actions are 2"),
        (space("Box", low=-2, high=2), "bounds of 1 and 1 numbers, its actions are 2"),
        (space("Box", low="a", high="b"), "'low' and 'high' are no numbers"),
        (space("Box", low=[10**400] * 2, high=[1, 1]), "'low' and 'high' are no numbers"),
        (space("Box", high=[1, 1]), "'low' and 'high' are no numbers"),
        (space("Box", low=["-inf"] * 2, high=["inf"] * 2), "no finite bounds"),
        ("[", "'action_space' in metadata.json is no space"),
        (3, "'action_space' in metadata.json is no space"),
    ],
)
def test_an_action_space_that_cannot_be_gets_a_sentence(text, said, minari, tmp_path):
    created(minari, box(8), box(2))
    refused(described(tmp_path, action_space=text), said)


def keyed(**below: object) -> str:
    return space("Dict", subspaces={name: {"type": "Box"} if each is None else each for name, each in below.items()})


@pytest.mark.parametrize(
    "text",
    [
        keyed(position=None, goal=None),
        keyed(position=None, goal=None, altitude=None, more=None),
        keyed(position=None, goal=None, altitude={"type": "Dict", "subspaces": {"of": {"type": "Box"}}}),
        space("Box"),
    ],
)
def test_observations_of_other_keys_than_the_metadata_name_get_a_sentence(text, minari, tmp_path):
    created(minari, gymnasium.spaces.Dict(position=box(5), goal=box(2), altitude=box(1)), box(2))
    refused(described(tmp_path, observation_space=text), "but metadata.json ")


def test_a_data_set_that_names_no_observation_space_is_read_by_its_keys(minari, tmp_path):
    created(minari, gymnasium.spaces.Dict(altitude=box(1), goal=box(2), position=box(5)), box(2))
    folder = described(tmp_path)
    before = read_for(folder, TASK).digest()
    assert read_for(described(tmp_path, observation_space=None), TASK).digest() == before


def exportable() -> Demonstrations:
    arrays = {
        "observations": np.zeros((4, 8)),
        "actions": np.zeros((4, 2)),
        "rewards": np.zeros(4),
        "episode_starts": np.zeros(1, int),
    }
    return checked(Path("mine.npz"), arrays, 8, 2)


def test_export_replaces_nothing_but_a_data_set(minari, tmp_path):
    folder = tmp_path / f"{TASK}-v0"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=f"{TASK}-v0 is no Minari data set"):
        write_minari(tmp_path, exportable(), TASK, "a test")
    assert (folder / "thesis.tex").read_text() == "years of work"
    folder.rename(tmp_path / "elsewhere")
    for target in ("elsewhere", "nowhere"):
        folder.symlink_to(tmp_path / target)
        with pytest.raises(UserError, match=f"{TASK}-v0 is a symbolic link"):
            write_minari(tmp_path, exportable(), TASK, "a test")
        folder.unlink()
    folder.write_text("a file")
    with pytest.raises(UserError, match=f"{TASK}-v0 is no Minari data set"):
        write_minari(tmp_path, exportable(), TASK, "a test")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{TASK}-v0", "elsewhere"]


def test_the_data_set_that_was_there_stays_where_the_new_one_cannot_take_its_place(minari, tmp_path, monkeypatch):
    folder = write_minari(tmp_path, exportable(), TASK, "the first")
    replace = Path.replace

    def fails_once_moved(self, target):
        if not folder.exists() and self.name == folder.name:
            raise OSError("full")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails_once_moved)
    with pytest.raises(OSError, match="full"):
        write_minari(tmp_path, exportable(), TASK, "the second")
    assert json.loads((folder / "data" / "metadata.json").read_text())["description"] == "the first"
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize("name", ["observations", "actions", "rewards", "terminations"])
def test_a_number_in_place_of_an_array_gets_a_sentence(name, minari, tmp_path):
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    rewritten(folder / "data" / "main_data.hdf5", {f"episode_1/{name}": np.float64(1)})
    refused(folder, f"'{name}' holds no rows")
    for value in (np.float64(1), h5py.Empty("f")):
        refused(d4rl(tmp_path / "mine.hdf5", observations=value), "'observations' holds no rows")


@pytest.mark.parametrize(
    "episode", [h5py.SoftLink("/nowhere"), h5py.SoftLink("/episode_1"), np.float64(1), np.zeros(3)]
)
def test_an_episode_that_is_none_gets_a_sentence(episode, minari, tmp_path):
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    rewritten(folder / "data" / "main_data.hdf5", {"episode_1": episode})
    refused(folder)


DEEP = "[" * 200_000
NESTED = '{"type": "Dict", "subspaces": {"a": ' * 2000 + "{}" + "}}" * 2000


@pytest.mark.parametrize(
    "content", [DEEP, NESTED, json.dumps({"observation_space": DEEP}), json.dumps({"observation_space": NESTED}), None]
)
def test_metadata_that_nobody_can_read_get_a_sentence(content, minari, tmp_path):
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    metadata = folder / "data" / "metadata.json"
    metadata.unlink()
    if content is None:
        metadata.mkdir()
    else:
        metadata.write_text(content)
    refused(folder)


def test_arrays_of_other_files_are_not_read(minari, tmp_path):
    other, said = d4rl(tmp_path / "other.hdf5"), "reads from another file"
    with h5py.File(d4rl(tmp_path / "link.hdf5", actions=None), "a") as file:
        file["there/deep"] = h5py.ExternalLink(str(other), "/actions")
        file["actions"] = h5py.SoftLink("/there/deep")
    refused(tmp_path / "link.hdf5", said)
    (tmp_path / "raw").write_bytes(bytes(14 * 8 * 4))
    with h5py.File(d4rl(tmp_path / "raw.hdf5", observations=None), "a") as file:
        file.create_dataset("observations", (14, 8), "f4", external=[(str(tmp_path / "raw"), 0, 14 * 8 * 4)])
    refused(tmp_path / "raw.hdf5", said)
    with h5py.File(d4rl(tmp_path / "virtual.hdf5", actions=None), "a") as file:
        layout = h5py.VirtualLayout((14, 2), "f8")
        layout[:] = h5py.VirtualSource(other, "actions", (14, 2))
        file.create_virtual_dataset("actions", layout)
    refused(tmp_path / "virtual.hdf5", said)
    created(minari, box(8), box(2))
    folder = tmp_path / "theirs" / "somebody" / "theirs-v0"
    rewritten(folder / "data" / "main_data.hdf5", {"episode_1": h5py.ExternalLink(str(other), "/")})
    refused(folder, said)


def test_more_rows_than_fit_into_memory_get_a_sentence_of_the_file(tmp_path):
    def declared(name: str, rows: int, **changes: object) -> Path:
        with h5py.File(d4rl(tmp_path / name, observations=None, **changes), "a") as file:
            for array in {"observations", *changes}:
                file.create_dataset(array, (rows, 8) if array == "observations" else (rows,), "f4", chunks=True)
        return tmp_path / name

    rows = 10**13  # beyond what any process can address
    refused(declared("some.hdf5", rows), f"but there are {rows} 'observations'")
    every = dict.fromkeys(("actions", "rewards", "terminals", "timeouts"))
    refused(declared("all.hdf5", rows, **every), "does not fit into memory")
