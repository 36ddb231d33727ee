"""Demonstration files: round trip, readable without our code, and one clear sentence for each way to be malformed."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import envs
from collect_demonstrations import play
from smiling.experiment import load_experiment
from smiling.runs.demonstrations import read_demonstrations, write_demonstrations
from smiling.settings import UserError
from smiling.solvers.sac.networks import Actor


def read(path):
    return read_demonstrations(path, state_size=8, action_size=2)


def altered(path, **changes):
    """The file's arrays with some replaced, or dropped where the change is None."""
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


def test_round_trip(demonstrations_file):
    once = read(demonstrations_file)
    write_demonstrations(demonstrations_file, once)
    twice = read(demonstrations_file)
    for name in ("observations", "actions", "rewards", "next_observations", "episode_starts"):
        np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))
    assert twice.made_by == {"task": "ball_in_cup_catch"}


def test_trajectories_of_any_length_that_terminate(demonstrations_file):
    whole = read(demonstrations_file)
    assert whole.terminals is None
    altered(demonstrations_file, episode_starts=np.array([0, 1, 33]), terminals=np.array([1, 0, 1]))
    once = read(demonstrations_file)
    assert once.terminals.tolist() == [True, False, True]
    assert once.ends().tolist() == [1, 33, 40]
    assert once.digest() != dataclasses.replace(once, terminals=np.zeros(3, bool)).digest()
    write_demonstrations(demonstrations_file, once)
    assert read(demonstrations_file).digest() == once.digest()


def test_file_needs_nothing_but_numpy(demonstrations_file):
    with np.load(demonstrations_file, allow_pickle=False) as archive:
        assert archive["observations"].shape == (40, 8)
        assert json.loads(str(archive["made_by"])) == {"task": "ball_in_cup_catch"}


def test_returns_are_sums_over_each_trajectory(demonstrations_file):
    recorded = read(demonstrations_file)
    expected = [recorded.rewards[:20].sum(), recorded.rewards[20:].sum()]
    np.testing.assert_allclose(recorded.returns(), expected, rtol=1e-6)


def test_states_alone_are_enough(demonstrations_file):
    altered(demonstrations_file, actions=None, rewards=None, next_observations=None, made_by=None)
    recorded = read(demonstrations_file)
    assert recorded.actions is None
    with pytest.raises(UserError, match="hold no 'actions'"):
        recorded.require_actions()
    with pytest.raises(UserError, match="carry no 'rewards'"):
        recorded.returns()


NAN = np.zeros((40, 8))
NAN[17, 3] = np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observations": NAN}, "'observations' is not finite .* in row 17"),
        ({"observations": np.zeros((40, 9))}, r"'observations' has shape \(40, 9\), this task needs \(40, 8\)"),
        ({"actions": np.zeros((39, 2))}, r"'actions' has shape \(39, 2\), this task needs \(40, 2\)"),
        ({"actions": np.full((40, 2), 1.5), "made_by": None}, r"go as far as 1.5; they must lie in \[-1, 1\]"),
        ({"actions": np.full((40, 2), 15.0), "made_by": np.array("{}")}, "'actions' go as far as 15; they must"),
        ({"rewards": np.array(["a"] * 40)}, "'rewards' holds <U1, not numbers"),
        ({"episode_starts": np.array([0, 40])}, "'episode_starts' must rise from 0 to below the 40 rows"),
        ({"episode_starts": np.array([1, 20])}, "'episode_starts' must rise"),
        ({"episode_starts": None}, r"lacks \['episode_starts'\]"),
        (
            {"terminals": np.array([True])},
            "'terminals' must say true or false of each of the 2 trajectories; it is bool",
        ),
        ({"terminals": np.array([0.5, 0.0])}, "'terminals' must say true or false"),
        ({"made_by": np.array("the expert")}, "'made_by' is not JSON"),
        ({"states": np.zeros(3)}, r"unknown arrays \['states'\]"),
        ({"observations": np.array([{}], dtype=object)}, "not a whole .npz archive of plain arrays"),
    ],
)
def test_malformed_file_gets_a_sentence(demonstrations_file, changes, message):
    altered(demonstrations_file, **changes)
    with pytest.raises(UserError, match=message) as error:
        read(demonstrations_file)
    assert str(demonstrations_file) in str(error.value)


def test_actions_beyond_the_bounds_by_rounding_are_clipped(demonstrations_file):
    farthest = np.nextafter(np.float32(1), np.float32(2))  # as float32 of what was computed in other precision
    actions = np.tile(np.array([[farthest, -0.5], [0.25, -farthest]], np.float32), (20, 1))
    altered(demonstrations_file, actions=actions, made_by=None)
    np.testing.assert_array_equal(read(demonstrations_file).actions, np.clip(actions, -1, 1))
    altered(demonstrations_file, actions=np.float32(1.0001) * np.sign(actions))
    with pytest.raises(UserError, match=r"'actions' go as far as 1.0001; they must lie in"):
        read(demonstrations_file)


def test_truncated_file_and_missing_file(demonstrations_file, tmp_path):
    whole = demonstrations_file.read_bytes()
    for share in (0.0, 0.3, 0.9):
        demonstrations_file.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match="not a whole .npz archive"):
            read(demonstrations_file)
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "nowhere.npz")


def test_demonstrations_are_five_whole_trajectories_one_after_the_other():
    settings = load_experiment("paper").expert
    task, actor = "ball_in_cup_catch", Actor(8, 2, 8, 2, torch.Generator().manual_seed(0))
    played, held_out = (play(task, actor, settings, name, {}) for name in ("demonstrations", "heldout"))
    assert played.episode_starts.tolist() == [0, 1000, 2000, 3000, 4000]
    assert played.observations.shape == held_out.observations.shape == (5 * envs.EPISODE_STEPS, 8)
    inside = np.setdiff1d(np.arange(1, 5000), played.episode_starts)
    assert np.array_equal(played.observations[inside], played.next_observations[inside - 1])
    assert not np.isin(held_out.observations[held_out.episode_starts], played.observations).all(1).any()
    mean = actor.mean_action(torch.from_numpy(played.observations)).detach().numpy()
    assert np.abs(played.actions - mean).mean() > 0.1  # sampled
