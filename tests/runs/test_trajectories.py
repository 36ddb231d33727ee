"""Some trajectories, some of their transitions, and absorbing states: what is kept is true."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smiling.runs.demonstrations import Demonstrations
from smiling.runs.trajectories import first_trajectories, joined, split, subsampled, with_absorbing
from smiling.settings import UserError

STATES = 3


def counted(lengths, terminals=None, following=True):
    """Trajectories in which a state is (trajectory, step, 0), and the one behind the last has the step after it."""
    place = np.concatenate([[(index, step) for step in range(length)] for index, length in enumerate(lengths)])
    states = np.pad(place, ((0, 0), (0, 1))).astype(np.float32)
    return Demonstrations(
        observations=states,
        next_observations=states + np.array([0, 1, 0], np.float32) if following else None,
        actions=place.astype(np.float32) / 100,
        rewards=np.ones(len(place), np.float32),
        episode_starts=np.cumsum([0, *lengths[:-1]]),
        terminals=None if terminals is None else np.array(terminals),
    )


LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@given(LENGTHS)
def test_split_and_joined_are_inverse(lengths):
    shown = counted(lengths, [length % 2 == 0 for length in lengths])
    assert joined(split(shown)).digest() == shown.digest()


@given(LENGTHS, st.integers(1, 30), st.booleans())
def test_what_is_subsampled_are_true_transitions(lengths, every, following):
    ends = [length % 2 == 0 for length in lengths]
    shown = counted(lengths, ends, following)
    if not following and max(lengths) == 1:
        with pytest.raises(UserError, match="no transition"):
            subsampled(shown, every)
        return
    few = subsampled(shown, every)
    np.testing.assert_array_equal(few.next_observations, few.observations + np.array([0, 1, 0]))
    np.testing.assert_allclose(few.actions, few.observations[:, :2] / 100)
    assert few.rewards is None
    there = [length for length in (lengths if following else [length - 1 for length in lengths]) if length]
    assert len(few.episode_starts) == len(there)
    for trajectory, length in zip(split(few), there, strict=True):
        steps = trajectory.observations[:, 1]
        assert len(steps) in (length // every, -(-length // every))
        assert (np.diff(steps) == every).all()
        index = int(trajectory.observations[0, 0])
        terminated = ends[index] and following and steps[-1] == lengths[index] - 1
        assert trajectory.terminals.tolist() == [terminated]


def test_offsets_differ_and_are_the_same_again():
    shown = counted([1000] * 5)
    few = subsampled(shown, 20)
    assert len(few.observations) == 5 * 50  # as GAIL's papers show
    offsets = few.observations[few.episode_starts, 1]
    assert len(set(offsets)) > 1
    assert subsampled(shown, 20).digest() == few.digest()


def test_first_trajectories():
    shown = counted([3, 1, 4], [True, False, True])
    few = first_trajectories(shown, 2)
    assert few.episode_starts.tolist() == [0, 3]
    assert few.terminals.tolist() == [True, False]
    assert few.returns() == [3.0, 1.0]
    with pytest.raises(UserError, match="4 trajectories are asked for, but the demonstrations have 3"):
        first_trajectories(shown, 4)


@pytest.mark.parametrize("following", [True, False])
def test_a_termination_leads_to_the_absorbing_state(following):
    shown = with_absorbing(counted([3, 2], [True, False], following))
    absorbing = [0, 0, 0, 1]
    terminated, cut = split(shown)
    assert terminated.observations.tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 0, 0], absorbing]
    assert terminated.next_observations.tolist() == [[0, 1, 0, 0], [0, 2, 0, 0], absorbing, absorbing]
    assert terminated.actions[-1].tolist() == [0, 0]
    assert terminated.rewards.tolist() == [1, 1, 1, 0]
    assert cut.observations[:, :3].tolist() == [[1, 0, 0], [1, 1, 0]][: 2 if following else 1]
    assert cut.next_observations[0].tolist() == [1, 1, 0, 0]
    assert shown.terminals is None


@pytest.mark.parametrize("every", [1, 7, 20, 60])
def test_absorbing_states_are_all_kept_beside_what_is_subsampled(every):
    shown = with_absorbing(counted([40] * 6, [True, False] * 3))
    plain, few = subsampled(shown, every), subsampled(shown, every, absorbing=True)
    there = few.observations[:, -1] == 1
    assert there.sum() == 3
    assert few.observations[~there].tolist() == plain.observations[plain.observations[:, -1] == 0].tolist()
    assert (few.next_observations[there] == few.observations[there]).all()


def test_states_alone_can_be_absorbing_too():
    shown = dataclasses.replace(counted([2], [True]), actions=None, rewards=None)
    assert with_absorbing(shown).observations.shape == (3, STATES + 1)
