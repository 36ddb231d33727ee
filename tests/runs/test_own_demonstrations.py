"""Files of every kind on a task with absorbing states: each is brought into the task's form, or is in it already."""

import numpy as np
import pytest

import envs
from smiling.runs.demonstrations import write_demonstrations
from smiling.runs.own_demonstrations import OwnDemonstrations, adopt, read_for
from smiling.settings import UserError

TASK = "balanced"  # states of 4 and the absorbing state's mark, actions of 1 in [-3, 3]
ROWS, STARTS, TERMINALS = 10, np.array([0, 6]), np.array([True, False])


@pytest.fixture(autouse=True)
def task(monkeypatch):
    monkeypatch.setattr(envs, "OWN", {})
    envs.add(TASK, envs.Spec("gymnasium:InvertedPendulum-v5", absorbing=True))


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    return {
        "observations": random.normal(size=(ROWS, 4)).astype(np.float32),
        "actions": random.uniform(-1, 1, (ROWS, 1)).astype(np.float32),
        "rewards": np.ones(ROWS, np.float32),
    }


def archive(path, arrays):
    np.savez(path, **arrays, episode_starts=STARTS, terminals=TERMINALS)
    return path


def test_an_archive_of_the_environments_own_observations_is_brought_into_the_form(arrays, tmp_path):
    shown = read_for(archive(tmp_path / "mine.npz", arrays), TASK)
    absorbing = [0, 0, 0, 0, 1]
    expected = [*(state.tolist() for state in np.pad(arrays["observations"][:6], ((0, 0), (0, 1)))), absorbing]
    assert shown.observations[:7].tolist() == expected
    assert shown.next_observations[5:7].tolist() == [absorbing] * 2
    np.testing.assert_array_equal(shown.observations[7:, :4], arrays["observations"][6:9])
    assert not shown.observations[7:, 4].any()
    np.testing.assert_array_equal(shown.actions[:6], arrays["actions"][:6])
    assert shown.returns() == [6, 3]


def test_a_file_of_another_kind_is_read_to_the_same(arrays, tmp_path):
    h5py = pytest.importorskip("h5py", reason="the extra 'minari' is not installed")
    ends = np.append(STARTS[1:], ROWS) - 1
    terminated = np.isin(np.arange(ROWS), ends[TERMINALS])
    with h5py.File(tmp_path / "mine.hdf5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file["actions"][...] = 3 * arrays["actions"]
        file["terminals"], file["timeouts"] = terminated, np.isin(np.arange(ROWS), ends[~TERMINALS])
    shown, other = read_for(archive(tmp_path / "mine.npz", arrays), TASK), read_for(tmp_path / "mine.hdf5", TASK)
    for name in ("observations", "next_observations", "rewards", "episode_starts"):
        np.testing.assert_array_equal(getattr(shown, name), getattr(other, name))
    np.testing.assert_allclose(shown.actions, other.actions, atol=1e-7)


def test_an_archive_in_the_form_is_read_as_it_is(arrays, tmp_path):
    shown = read_for(archive(tmp_path / "mine.npz", arrays), TASK)
    write_demonstrations(tmp_path / "again.npz", shown)
    assert read_for(tmp_path / "again.npz", TASK).digest() == shown.digest()


def test_other_sizes_are_refused(arrays, tmp_path):
    arrays["observations"] = np.zeros((ROWS, 3))
    with pytest.raises(UserError, match=r"'observations' has shape \(10, 3\), this task needs \(10, 5\)"):
        read_for(archive(tmp_path / "mine.npz", arrays), TASK)


def test_returns_and_lengths_are_those_of_the_files_whole_trajectories(arrays, tmp_path):
    """Though the last row of the one that did not terminate is no transition, and an absorbing one is put in."""
    file = archive(tmp_path / "mine.npz", arrays)
    for subsample in (1, 3):
        adopted = adopt(OwnDemonstrations(file=file, subsample=subsample), TASK)
        assert (adopted.returns, adopted.lengths) == ([6, 4], [6, 4])
    only = adopt(OwnDemonstrations(file=file, trajectories=1), TASK)
    assert (only.returns, only.lengths) == ([6], [6])
    assert len(only.demonstrations.observations) == 7
    assert adopt(OwnDemonstrations(file=file), TASK).demonstrations.digest() == read_for(file, TASK).digest()


def test_a_file_without_a_transition_is_named(arrays, tmp_path):
    np.savez(tmp_path / "mine.npz", **arrays, episode_starts=np.arange(ROWS))
    with pytest.raises(UserError, match="mine.npz: the demonstrations have one row a trajectory"):
        read_for(tmp_path / "mine.npz", TASK)
