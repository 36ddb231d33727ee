"""The replay against a list of transitions kept beside it."""

from collections.abc import Sequence
from itertools import accumulate, cycle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smiling.solvers.sac.agent import SACSettings
from smiling.solvers.sac.replay import Replay


def filled(
    capacity: int, length: int, count: int, lengths: Sequence[int] = ()
) -> tuple[Replay, list[tuple[float, ...]]]:
    """A replay made for episodes of `length`, and all the transitions that it was given.

    (state, action, reward, next state, continues), in episodes of these `lengths`, again and again, every other of
    which is terminated; or of `length`, none of them.
    """
    replay, record, ends = Replay(capacity, length, 1, 1), [], cycle(lengths or [length])
    left, episode = 0, 0
    for step in range(count):
        if left == 0:
            left, episode = next(ends), episode + 1
            state = 1000.0 * episode
            replay.begin(torch.tensor([state]))
        left -= 1
        terminated = bool(lengths) and left == 0 and episode % 2 == 0
        record.append((state, float(step), float(-step), state + 1, float(not terminated)))
        replay.add(torch.tensor([float(step)]), float(-step), torch.tensor([state + 1]), terminated)
        state += 1
    return replay, record


def as_rows(replay: Replay, indices: torch.Tensor) -> list[tuple[float, ...]]:
    batch = replay.batch(indices)
    columns = batch.states[:, 0], batch.actions[:, 0], batch.rewards, batch.next_states[:, 0], batch.continues
    return [tuple(float(value) for value in row) for row in zip(*columns, strict=True)]


@settings(max_examples=60, deadline=None)
@given(episodes=st.integers(1, 4), length=st.integers(2, 7), count=st.integers(1, 40))
def test_latest_transitions_are_those_that_were_added(episodes, length, count):
    replay, record = filled(episodes * length, length, count)
    kept = min(count, episodes * length - 1)
    assert len(replay) == kept
    assert as_rows(replay, replay.latest(10**6)) == record[-kept:]


@settings(max_examples=100, deadline=None)
@given(
    episodes=st.integers(1, 4),
    length=st.integers(1, 7),
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=9),
    count=st.integers(1, 80),
)
def test_transitions_of_episodes_of_any_length_are_kept_as_long_as_both_their_states_are(
    episodes, length, lengths, count
):
    """Shorter and longer than those that there are rows for; longer than the ring. Against a list of rows."""
    replay, record = filled(episodes * length, length, count, lengths)
    begun = list(accumulate(state % 1000 == 0 for state, *_ in record))  # episodes, and so rows more than transitions
    written = count + begun[-1]
    whole = [
        transition
        for index, transition in enumerate(record)
        if index + begun[index] - 1 >= written - episodes * (length + 1)
    ]
    kept = min(len(whole), episodes * length - 1)
    assert len(replay) == kept
    assert as_rows(replay, replay.latest(10**6)) == whole[len(whole) - kept :]


@settings(max_examples=40, deadline=None)
@given(length=st.integers(2, 6), count=st.integers(4, 40), window=st.integers(2, 20), skip=st.integers(0, 1))
def test_draws_are_transitions_within_the_window(length, count, window, skip):
    replay, record = filled(3 * length, length, count)
    drawn = set(as_rows(replay, replay.draw(300, torch.Generator().manual_seed(count), window, skip)))
    size = min(window, len(replay))
    allowed = set(record[len(record) - size : len(record) - skip])
    assert drawn <= allowed


def test_next_states_are_the_batchs():
    replay, _ = filled(20, 5, 33)
    places = replay.latest(19)
    assert torch.equal(replay.next_states(places), replay.batch(places).next_states)


def test_draws_are_uniform():
    replay, _ = filled(100, 10, 50)
    counts = torch.bincount(replay.draw(50_000, torch.Generator().manual_seed(0)), minlength=50)
    chi_square = ((counts - 1000.0) ** 2 / 1000).sum().item()
    assert chi_square < 85.4  # 99.9 % point of chi-square with 49 degrees of freedom


def test_empty_replay_and_a_transition_from_nowhere_are_refused():
    replay = Replay(10, 5, 1, 1)
    with pytest.raises(ValueError, match="nothing to draw"):
        replay.draw(1, torch.Generator())
    with pytest.raises(ValueError, match="before an episode has begun"):
        replay.add(torch.zeros(1), 0.0, torch.zeros(1))


@pytest.mark.parametrize("lengths", [(), (3, 9, 1)])
@pytest.mark.parametrize("count", [10, 45])
def test_restored_replay_goes_on_like_the_saved_one(count, lengths):
    first, record = filled(20, 5, count, lengths)
    second = Replay(20, 5, 1, 1)
    second.load_state_dict(first.state_dict())
    assert as_rows(second, second.latest(100)) == record[-len(first) :]
    for replay in (first, second):
        replay.begin(torch.tensor([7.0]))
        replay.add(torch.tensor([8.0]), 9.0, torch.tensor([10.0]))
    assert as_rows(first, first.latest(100)) == as_rows(second, second.latest(100))


def test_states_are_stored_once():
    replay = Replay(1000, 100, 67, 21)
    assert replay._states.numel() == 1010 * 67  # one more row an episode, not two states a transition


def test_replay_of_three_million_humanoid_steps_is_below_1_2_gb():
    """States with one more row an episode, actions, rewards and rows, four bytes a number, and whether one terminated:
    1 083 804 000 bytes.
    """
    replay = Replay(SACSettings().replay_capacity, 1000, 67, 21, device="meta")  # sizes, without the memory
    held = sum(part.nbytes for part in vars(replay).values() if torch.is_tensor(part))
    assert held == 4 * (3_003_000 * 67 + 3_000_000 * 21 + 2 * 3_000_000) + 3_000_000 < 1.2e9
    assert len(replay) == 0
    replay.added = 10_000_000
    assert len(replay) == 3_000_000 - 1
