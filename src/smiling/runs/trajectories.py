"""Demonstrations one trajectory at a time: some of them, some of their transitions, and how they end.

A kept transition is a true one: the state behind it is the one that followed, whatever else is left out. Where the file
does not say that state, it is the next row, and the last row of a trajectory, whose following state nobody knows, is no
transition.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.absorbing import are_absorbing
from smiling.runs.demonstrations import Demonstrations
from smiling.runs.seeding import derive
from smiling.settings import UserError

OF_EPISODES = ("episode_starts", "terminals")  # arrays with an entry for each trajectory; others have one for each row


def split(demonstrations: Demonstrations) -> list[Demonstrations]:
    """Each trajectory by itself."""
    bounds = zip(demonstrations.episode_starts, demonstrations.ends(), strict=True)
    return [_part(demonstrations, place, start, end) for place, (start, end) in enumerate(bounds)]


def _part(demonstrations: Demonstrations, place: int, start: int, end: int) -> Demonstrations:
    ends = demonstrations.terminals
    return dataclasses.replace(
        _of_rows(demonstrations, slice(start, end)),
        episode_starts=np.zeros(1, np.int64),
        terminals=None if ends is None else ends[place : place + 1],
    )


def _of_rows(demonstrations: Demonstrations, rows: slice | np.ndarray) -> Demonstrations:
    """The arrays with an entry for each row, of some."""
    arrays = {name: value for name, value in vars(demonstrations).items() if isinstance(value, np.ndarray)}
    changed: dict[str, Any] = {name: value[rows] for name, value in arrays.items() if name not in OF_EPISODES}
    return dataclasses.replace(demonstrations, **changed)


def joined(trajectories: Sequence[Demonstrations]) -> Demonstrations:
    """Trajectories end to end; each has the arrays of the first."""
    first = trajectories[0]
    arrays = [name for name, value in vars(first).items() if isinstance(value, np.ndarray)]
    changed: dict[str, Any] = {name: np.concatenate([getattr(each, name) for each in trajectories]) for name in arrays}
    lengths = [len(each.observations) for each in trajectories]
    changed["episode_starts"] = np.append(0, np.cumsum(lengths)[:-1]).astype(np.int64)
    return dataclasses.replace(first, **changed)


def first_trajectories(demonstrations: Demonstrations, count: int) -> Demonstrations:
    """The first `count`.

    Raises:
        UserError: if there are fewer.
    """
    there = len(demonstrations.episode_starts)
    if count > there:
        raise UserError(f"{count} trajectories are asked for, but the demonstrations have {there}")
    return joined(split(demonstrations)[:count])


def subsampled(demonstrations: Demonstrations, every: int, absorbing: bool = False) -> Demonstrations:
    """Of each trajectory every so many-th transition, from one of the first of them, drawn at random.

    GAIL's (Ho & Ermon, 2016), which shows 50 of 1000. Rewards are left out: they no longer add up to returns. A
    trajectory's end is a termination only where the transition that terminated it is kept. Of a task with `absorbing`
    states those from there are all kept, as DAC's authors do: else few would be left to say that the expert gets there.

    Raises:
        UserError: if no transition is left.
    """
    kept = enumerate(transitions(demonstrations))
    return joined([_every(trajectory, every, place, absorbing) for place, trajectory in kept])


def transitions(demonstrations: Demonstrations, terminations: bool = False) -> list[Demonstrations]:
    """Each trajectory's transitions, with the states that followed; trajectories that have none are left out.

    Args:
        demonstrations: of any trajectories.
        terminations: whether the transition that terminated a trajectory is kept where the state behind it is not
            recorded: its own state stands there. For those who make no use of that state.

    Raises:
        UserError: if there is none at all.
    """
    trajectories = split(demonstrations)
    if terminations:
        trajectories = [_with_termination(trajectory) for trajectory in trajectories]
    return _with_rows([_transitions(trajectory) for trajectory in trajectories])


def _with_rows(trajectories: Sequence[Demonstrations]) -> list[Demonstrations]:
    """Those that have transitions."""
    kept = [trajectory for trajectory in trajectories if len(trajectory.observations)]
    if not kept:
        raise UserError(
            "the demonstrations have one row a trajectory and no 'next_observations': that is no transition"
        )
    return kept


def _every(trajectory: Demonstrations, every: int, place: int, absorbing: bool) -> Demonstrations:
    count = len(trajectory.observations)
    first = np.random.default_rng(derive(place, "subsample")).integers(min(every, count))
    rows = np.arange(first, count, every)
    if absorbing:
        rows = np.union1d(rows, np.flatnonzero(are_absorbing(trajectory.observations)))
    return dataclasses.replace(_chosen(trajectory, rows), rewards=None)


def _chosen(trajectory: Demonstrations, rows: np.ndarray) -> Demonstrations:
    """Some rows of one trajectory."""
    ends, last = trajectory.terminals, len(trajectory.observations) - 1
    whole = len(rows) > 0 and bool(rows[-1] == last)
    return dataclasses.replace(_of_rows(trajectory, rows), terminals=None if ends is None else ends & whole)


def _transitions(trajectory: Demonstrations) -> Demonstrations:
    """One trajectory with the state that followed each row; where that is not known of the last, without it."""
    if trajectory.next_observations is not None:
        return trajectory
    known = _chosen(trajectory, np.arange(len(trajectory.observations) - 1))
    return dataclasses.replace(known, next_observations=trajectory.observations[1:])


def _with_termination(trajectory: Demonstrations) -> Demonstrations:
    """One trajectory with the state that followed each row, if it terminated: its last row's own behind that."""
    if trajectory.next_observations is not None or not terminated(trajectory):
        return trajectory
    following = np.concatenate([trajectory.observations[1:], trajectory.observations[-1:]])
    return dataclasses.replace(trajectory, next_observations=following)


def terminated(trajectory: Demonstrations) -> bool:
    """Whether one trajectory, by itself, ended by a termination."""
    return trajectory.terminals is not None and bool(trajectory.terminals[0])


def with_absorbing(demonstrations: Demonstrations) -> Demonstrations:
    """The same as a task with absorbing states has them (Discriminator Actor-Critic; Kostrikov et al., 2019).

    States (n, state) become (n, state + 1): the last entry is 1 in the absorbing state, whose others are 0. The
    transition that terminated a trajectory leads there, and one more from there to itself follows, its action and its
    reward 0.

    Raises:
        UserError: if no transition is left.
    """
    return joined([_into_absorbing(trajectory) for trajectory in transitions(demonstrations, terminations=True)])


def _into_absorbing(trajectory: Demonstrations) -> Demonstrations:
    states, following = (_with_flag(part) for part in (trajectory.observations, trajectory.next_observations))
    changed: dict[str, Any] = {"observations": states, "next_observations": following, "terminals": None}
    if not terminated(trajectory):
        return dataclasses.replace(trajectory, **changed)
    absorbing = np.zeros_like(states[:1])
    absorbing[0, -1] = 1
    changed["observations"] = np.concatenate([states, absorbing])
    changed["next_observations"] = np.concatenate([following[:-1], absorbing, absorbing])
    for name in ("actions", "rewards"):
        if (value := getattr(trajectory, name)) is not None:
            changed[name] = np.concatenate([value, np.zeros_like(value[:1])])
    return dataclasses.replace(trajectory, **changed)


def _with_flag(states: np.ndarray | None) -> np.ndarray:
    assert states is not None
    return np.pad(states, ((0, 0), (0, 1)))
