"""Demonstrations as a Minari data set, written by Minari itself."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import envs
from smiling.runs.artefacts import PARTIAL_PREFIX
from smiling.runs.demonstrations import Demonstrations
from smiling.runs.foreign_demonstrations import METADATA, of_extra
from smiling.runs.trajectories import split, terminated, transitions
from smiling.settings import UserError

ROOT_VARIABLE = "MINARI_DATASETS_PATH"  # of the folder in which Minari looks for its data sets


def check_exportable(demonstrations: Demonstrations) -> None:
    """Refuse demonstrations that lack what Minari needs.

    Raises:
        UserError: if there are no actions, no rewards or no transitions, or if a trajectory is not whole.
    """
    for name in ("actions", "rewards"):
        if getattr(demonstrations, name) is None:
            raise UserError(f"a Minari data set needs the demonstrations' '{name}', which these do not have")
    transitions(demonstrations)
    for place, trajectory in enumerate(split(demonstrations)):
        if not _is_whole(trajectory):
            raise UserError(
                f"rows have been left out of trajectory {place}: a Minari data set holds whole ones, in "
                "which each row is the state that followed the one before"
            )


def _is_whole(trajectory: Demonstrations) -> bool:
    """Whether each state is followed by the next row's."""
    following = trajectory.next_observations
    return following is None or np.array_equal(following[:-1], trajectory.observations[1:])


def write_minari(root: Path, demonstrations: Demonstrations, task: str, made_by: str) -> Path:
    """Write the data set TASK-v0 into `root`, whole; its folder, which `read_foreign` and Minari read.

    Observations and actions are those of `envs.make(task)`, actions clipped to [-1, 1] as it clips them. Where the last
    state of a trajectory is not recorded, its last row is left out, for Minari has a state behind each transition.

    Raises:
        UserError: if Minari is not installed, the demonstrations lack what it needs (`check_exportable`), or something
            else lies there (`check_place`).
    """
    minari = _minari()
    check_exportable(demonstrations)
    env, folder = envs.make(task), check_place(root, task)
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
    episodes = [_buffer(minari, trajectory) for trajectory in transitions(demonstrations)]
    root.mkdir(parents=True, exist_ok=True)
    # Resolved: Minari joins the path of its data to itself where it is relative.
    with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=root.resolve()) as partial:
        with mock.patch.dict(os.environ, {ROOT_VARIABLE: partial}), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of all that it could be told of who made it
            minari.create_dataset_from_buffers(folder.name, episodes, **spaces, description=made_by, data_format="hdf5")
        _put(Path(partial, folder.name), folder, Path(partial, "before"))
    return folder


def check_place(root: Path, task: str) -> Path:
    """The folder of the data set TASK-v0 in `root`.

    Raises:
        UserError: if what lies there is no data set, which alone is replaced.
    """
    folder = root / f"{task}-v0"
    if folder.is_symlink():
        raise UserError(f"{folder} is a symbolic link: remove it, or write elsewhere, for a data set takes its place")
    if folder.exists() and not (folder / "data" / METADATA).is_file():
        raise UserError(f"{folder} is no Minari data set: move it away, or write elsewhere, for one takes its place")
    return folder


def _put(new: Path, folder: Path, before: Path) -> None:
    """Move a data set to its place, and what was there to `before`; back, if that fails."""
    if not folder.exists():
        new.replace(folder)
        return
    folder.replace(before)
    try:
        new.replace(folder)
    except OSError:
        before.replace(folder)
        raise


def _minari() -> Any:
    wanted = "writing a Minari data set needs the packages minari and h5py"
    of_extra("h5py", wanted)  # Minari writes by it
    return of_extra("minari", wanted)


def _buffer(minari: Any, trajectory: Demonstrations) -> Any:
    """An episode of Minari's: one observation more than actions."""
    states, following = trajectory.observations, trajectory.next_observations
    assert following is not None
    assert trajectory.actions is not None
    assert trajectory.rewards is not None
    terminations, truncations = np.zeros(len(states), bool), np.zeros(len(states), bool)
    (terminations if terminated(trajectory) else truncations)[-1] = True
    return minari.data_collector.EpisodeBuffer(
        observations=np.concatenate([states, following[-1:]]),
        actions=np.clip(trajectory.actions, -1, 1),
        rewards=trajectory.rewards.astype(np.float64),
        terminations=terminations,
        truncations=truncations,
    )
