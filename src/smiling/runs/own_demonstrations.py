"""Demonstrations of the user's own: which file, which part of it, and how the task has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BeforeValidator, Field

import envs
from smiling.runs.demonstrations import Demonstrations, checked, read_archive
from smiling.runs.foreign_demonstrations import Bounds, is_foreign, read_foreign
from smiling.runs.trajectories import first_trajectories, subsampled, with_absorbing
from smiling.settings import Settings, UserError

KEPT = 64  # files, in a process


def _expanded(value: Any) -> Any:
    """A path as a shell would have it: ~ is the home folder."""
    return Path(value).expanduser() if isinstance(value, str | Path) else value


class OwnDemonstrations(Settings):
    """What of the user's own is shown."""

    file: Annotated[Path, BeforeValidator(_expanded)] = Field(
        description="an archive of ours, a Minari data set's folder, or an HDF5 file as D4RL's"
    )
    trajectories: int | None = Field(None, ge=1, description="the first so many, instead of all")
    subsample: int = Field(1, ge=1, description="every so many-th transition of each (GAIL's papers: 20)")

    def flags(self) -> list[str]:
        """Of collect_demonstrations.py."""
        few = [] if self.trajectories is None else ["--trajectories", str(self.trajectories)]
        return ["--demos", str(self.file), *few, *(["--subsample", str(self.subsample)] if self.subsample > 1 else [])]

    def subset(self) -> dict[str, int | None]:
        """What of the file is shown."""
        return {"trajectories": self.trajectories, "subsample": self.subsample}


class Adopted(NamedTuple):
    """Demonstrations as the task has them, and what the file's whole trajectories were, of which rows are left out."""

    demonstrations: Demonstrations
    returns: list[float] | None  # of each that is shown, undiscounted; None where there are no rewards
    lengths: list[int]  # of each, transitions


def adopt(asked: OwnDemonstrations, task: str) -> Adopted:
    """Read what is asked for and bring it into the task's form, in which a row whose next state is unknown may be lost.

    Raises:
        UserError: saying which file and what is wrong with it, or that it has fewer trajectories than are asked for.
    """
    shown, bare = _of_file(asked.file, task)
    with about(asked.file):
        if asked.trajectories is not None:
            shown = first_trajectories(shown, asked.trajectories)
        returns = None if shown.rewards is None else shown.returns()
        lengths = (shown.ends() - shown.episode_starts).tolist()
        if bare:
            shown = with_absorbing(shown)
        if asked.subsample > 1:
            shown = subsampled(shown, asked.subsample, envs.is_absorbing(task))
    return Adopted(shown, returns, lengths)


class Known(NamedTuple):
    """What results of demonstrations are known by."""

    digest: str  # of what is shown
    returns: list[float] | None  # of the whole trajectories, which may be shown without their rewards


def known_of(asked: OwnDemonstrations, task: str) -> Known:
    """Of what `adopt` gives; a file that has not changed is read once in a process.

    Raises:
        UserError: as `adopt` does.
    """
    return _known(asked, task, _stamps(asked.file))


@lru_cache(maxsize=KEPT)
def _known(asked: OwnDemonstrations, task: str, stamps: tuple[tuple[int, int], ...]) -> Known:
    adopted = adopt(asked, task)
    return Known(adopted.demonstrations.digest(), adopted.returns)


def _stamps(path: Path) -> tuple[tuple[int, int], ...]:
    """Times and sizes of a file, or of all in a folder; none of what is not there."""
    found = [path, *(path.rglob("*") if path.is_dir() else ())]
    return tuple((each.stat().st_mtime_ns, each.stat().st_size) for each in found if each.exists())


def read_for(path: Path, task: str) -> Demonstrations:
    """All of a file of any kind: an archive of ours, a Minari data set's folder, an HDF5 file as D4RL's.

    For a task with absorbing states, observations without the entry that marks them are given it (`with_absorbing`);
    those that have it are taken as they are.

    Raises:
        UserError: saying which file, which array and what is wrong with it.
    """
    shown, bare = _of_file(path, task)
    with about(path):
        return with_absorbing(shown) if bare else shown


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Has what is refused say of which file."""
    try:
        yield
    except UserError as error:
        raise UserError(f"demonstrations {path}: {error}") from None


def _of_file(path: Path, task: str) -> tuple[Demonstrations, bool]:
    """A file's trajectories, and whether absorbing states are yet to be put in."""
    state_size, action_size = envs.sizes(task)
    arrays, made_by = _read(path, task)
    bare = envs.is_absorbing(task) and arrays["observations"].shape[1:] == (state_size - 1,)
    return checked(path, arrays, state_size - bare, action_size, made_by), bare


def _read(path: Path, task: str) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """The arrays of a file of any kind, and what made it, where that is said."""
    if not is_foreign(path):
        return read_archive(path)
    space = envs.original_action_space(task)
    bounds = Bounds(*(np.ravel(bound).astype(np.float64) for bound in (space.low, space.high)))
    return read_foreign(path, bounds), None
