"""Demonstrations as others keep them: Minari data sets, by their folder, and HDF5 files as D4RL lays them out.

Both are read by h5py alone, which unpickles nothing. Minari's own reader makes the environment that a data set names
where its spaces are not written down, and so imports code that the data set chooses.

Observations are laid out flat, those of a Dict in the order of its keys, and actions are brought from the bounds in
which they are given to [-1, 1].
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from smiling.runs.demonstrations import ROUNDING
from smiling.settings import UserError, first_line

SIGNATURE = b"\x89HDF\r\n\x1a\n"  # how an HDF5 file begins
SUFFIXES = (".hdf5", ".h5")
METADATA, MAIN = "metadata.json", "main_data.hdf5"  # of a Minari data set
EXTRA = "minari"  # of pyproject.toml: brings h5py and Minari

Arrays = dict[str, np.ndarray]  # under the names of `Demonstrations`
Keys = dict[str, Any]  # of a space of Dict or Tuple, in its order, each with those below; none of another space


class Bounds(NamedTuple):
    """The lowest and the highest action, (action,) each."""

    low: np.ndarray
    high: np.ndarray


def is_foreign(path: Path) -> bool:
    """Whether `path` is a folder or an HDF5 file, by its name or its first bytes."""
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


def read_foreign(path: Path, bounds: Bounds) -> Arrays:
    """The arrays of a Minari data set's folder or of an HDF5 file; their sizes are not checked.

    Args:
        path: the folder, that which holds `metadata.json` or the one above, or the file.
        bounds: the task's own, of actions as its environment takes them; a Minari data set says its own.

    Raises:
        UserError: saying which file and what is wrong with it, or which package is missing.
    """
    try:
        return _minari(path, bounds) if path.is_dir() else _hdf5(path, bounds)
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(
            f"demonstrations {path}: what it declares does not fit into memory ({first_line(error)}); write fewer rows"
        ) from None
    except Exception as error:  # h5py, json and NumPy raise whatever they stumble over
        kind = "Minari data set" if path.is_dir() else "HDF5 file"
        raise UserError(f"demonstrations {path}: not a whole {kind} ({first_line(error)})") from None


def of_extra(package: str, wanted: str) -> Any:
    """A package of the extra that reads and writes others' data sets.

    Raises:
        UserError: if it is not installed: `wanted` says what for, and the sentence goes on with how to have it.
    """
    try:
        return import_module(package)
    except ImportError:
        raise UserError(
            f"{wanted}: pip install 'smiling-benchmark[{EXTRA}]', or in a clone pip install '.[{EXTRA}]'"
        ) from None


@contextmanager
def _opened(path: Path, named: Path) -> Iterator[Any]:
    """An HDF5 file all of whose names are its own."""
    h5py = of_extra("h5py", f"demonstrations {named}: this format needs the package h5py")
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise UserError(f"demonstrations {named}: no such file") from None
    except OSError as error:
        raise UserError(f"demonstrations {named}: not a whole HDF5 file ({first_line(error)})") from None
    with file:
        outward: list[bytes] = []

        def look(name: bytes, link: Any) -> None:
            if link.type == h5py.h5l.TYPE_EXTERNAL:
                outward.append(name)

        file.id.links.visit(look, info=True)  # follows none
        if outward:
            raise _elsewhere(named, outward[0].decode(errors="replace"))
        yield file


def _elsewhere(path: Path, name: str) -> UserError:
    return UserError(f"demonstrations {path}: '{name}' reads from another file; write one that holds all of its arrays")


def _array(path: Path, group: Any, name: str) -> np.ndarray:
    """A dataset of numbers, read."""
    return np.asarray(_stored(path, group, name)[()])


def _stored(path: Path, group: Any, name: str) -> Any:
    """A dataset of numbers with rows."""
    if name not in group or not hasattr(group[name], "dtype"):
        raise UserError(f"demonstrations {path}: {group.name} lacks the array '{name}'")
    if group[name].dtype.kind not in "fiub":
        raise UserError(f"demonstrations {path}: '{name}' holds {group[name].dtype}, not numbers")
    if group[name].external or group[name].is_virtual:
        raise _elsewhere(path, name)
    if not group[name].shape:  # a single number, or HDF5's nothing
        raise UserError(f"demonstrations {path}: '{name}' holds no rows; it must be an array with one for each step")
    return group[name]


def _flat(array: np.ndarray) -> np.ndarray:
    """Rows of numbers, whatever shape each had."""
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def _column(array: np.ndarray) -> np.ndarray:
    """(n, 1) as (n,)."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _hdf5(path: Path, bounds: Bounds) -> Arrays:
    """A file as D4RL lays it out, its actions scaled."""
    with _opened(path, path) as file:
        arrays = _d4rl(path, file)
    return _scaled(path, arrays, bounds)


def _d4rl(path: Path, file: Any) -> Arrays:
    """`observations`, `actions`, `rewards`, `terminals`, `timeouts`, and `next_observations` if there are.

    Rows behind the last end of a trajectory are of one that was not played to its end, and are left out, as D4RL does.
    """
    count = len(_stored(path, file, "observations"))
    for name, meaning in (("terminals", "a termination"), ("timeouts", "a limit of time")):
        if name not in file:
            raise UserError(
                f"demonstrations {path}: no '{name}', so that where trajectories end is not known; add the array, true "
                f"in each row with which {meaning} ended one, else false"
            )
    optional = [name for name in ("actions", "rewards", "next_observations") if name in file]
    others = (*optional, "terminals", "timeouts")
    for name in others:  # before anything is read
        if len(stored := _stored(path, file, name)) != count:
            raise UserError(
                f"demonstrations {path}: '{name}' has shape {stored.shape}, but there are {count} 'observations'"
            )
    observations = _flat(_array(path, file, "observations"))
    found = {name: _array(path, file, name) for name in others}
    terminals, timeouts = (_column(found.pop(name)) != 0 for name in ("terminals", "timeouts"))
    ends = np.flatnonzero(terminals | timeouts) + 1
    if len(ends) == 0:
        raise UserError(f"demonstrations {path}: no whole trajectory: 'terminals' and 'timeouts' are false everywhere")
    shaped = {name: _column(array) if name == "rewards" else _flat(array) for name, array in found.items()}
    rows = {name: array[: ends[-1]] for name, array in {"observations": observations, **shaped}.items()}
    return {**rows, "episode_starts": np.append(0, ends[:-1]), "terminals": terminals[ends - 1]}


def _minari(folder: Path, bounds: Bounds) -> Arrays:
    """A data set's episodes, one after the other."""
    data = folder if (folder / METADATA).is_file() else folder / "data"
    metadata = _metadata(folder, data / METADATA)
    if metadata.get("data_format", "hdf5") != "hdf5":
        raise UserError(
            f"demonstrations {folder}: a Minari data set in the format '{metadata['data_format']}'; write it anew with "
            "data_format='hdf5'"
        )
    observed, acted = (_space(folder, metadata, name) for name in ("observation_space", "action_space"))
    keys = None if observed is None else _keys(observed)
    with _opened(data / MAIN, folder) as file:
        names = sorted((name for name in file if re.fullmatch(r"episode_\d+", name)), key=lambda name: int(name[8:]))
        episodes = [_episode(folder, file[name], keys) for name in names]
    if not episodes:
        raise UserError(f"demonstrations {folder}: the data set has no episodes")
    for name in episodes[0]:
        if len({episode[name].shape[1:] for episode in episodes}) > 1:
            raise UserError(f"demonstrations {folder}: {name} of its episodes differ in size")
    lengths = [len(episode["actions"]) for episode in episodes]
    arrays = {name: np.concatenate([episode[name] for episode in episodes]) for name in episodes[0]}
    arrays["episode_starts"] = np.append(0, np.cumsum(lengths)[:-1])
    if acted is not None:
        bounds = _own_bounds(folder, acted, arrays["actions"].shape[1])
    return _scaled(folder, arrays, bounds)


def _metadata(folder: Path, file: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"demonstrations {folder}: a folder without a Minari data set: no {METADATA} in it, nor in its folder data"
        ) from None
    except (ValueError, RecursionError):
        raise UserError(f"demonstrations {folder}: {file.name} is not JSON") from None
    if not isinstance(metadata, dict):
        raise UserError(f"demonstrations {folder}: {file.name} is no JSON object")
    return metadata


def _space(folder: Path, metadata: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A space as Minari writes it into its metadata; None, if that says none."""
    text = metadata.get(name)
    if text is None:
        return None
    try:
        space = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        space = None
    if not isinstance(space, dict):
        raise UserError(f"demonstrations {folder}: '{name}' in {METADATA} is no space")
    return space


def _keys(space: Any) -> Keys:
    """The keys of an observation space of Dict or Tuple, in its order, each with those below; none of another."""
    below = space.get("subspaces") if isinstance(space, dict) else None
    if isinstance(below, list):
        below = {f"_index_{place}": each for place, each in enumerate(below)}  # as Minari names a Tuple's
    if not isinstance(below, dict):
        return {}
    return {name: _keys(each) for name, each in below.items()}


def _own_bounds(folder: Path, space: dict[str, Any], size: int) -> Bounds:
    """Those of an action space, of actions of `size` numbers."""
    if space.get("type") != "Box":
        raise UserError(
            f"demonstrations {folder}: its action space is {space.get('type')}; actions must be of a Box, as the task's"
        )
    try:
        bounds = Bounds(*(np.ravel(np.asarray(space[name], np.float64)) for name in ("low", "high")))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(f"demonstrations {folder}: its action space's 'low' and 'high' are no numbers") from None
    if {len(bounds.low), len(bounds.high)} != {size}:
        raise UserError(
            f"demonstrations {folder}: its action space has bounds of {len(bounds.low)} and {len(bounds.high)} "
            f"numbers, its actions are {size}"
        )
    return bounds


def _episode(path: Path, group: Any, keys: Keys | None) -> Arrays:
    """The transitions of an episode: it has one observation more than actions."""
    observations = _observations(path, group, "observations", keys)
    actions = _flat(_array(path, group, "actions"))
    rewards, over = (_column(_array(path, group, name)) for name in ("rewards", "terminations"))
    steps = len(actions)
    if steps == 0 or len(observations) != steps + 1 or {len(rewards), len(over)} != {steps}:
        raise UserError(
            f"demonstrations {path}: {group.name[1:]} has {len(observations)} observations, {steps} actions, "
            f"{len(rewards)} rewards and {len(over)} terminations; n actions, rewards and terminations, at least one, "
            "need n + 1 observations"
        )
    if (over[:-1] != 0).any():
        raise UserError(f"demonstrations {path}: {group.name[1:]} goes on behind a termination")
    parts = {"observations": observations[:-1], "next_observations": observations[1:], "actions": actions}
    return {**parts, "rewards": rewards, "terminals": over[-1:] != 0}


def _observations(path: Path, group: Any, name: str, keys: Keys | None) -> np.ndarray:
    """Flat rows of what is an array, or arrays under keys."""
    nested = name in group and not hasattr(group[name], "dtype")
    there = list(group[name]) if nested else []
    if keys is not None and set(keys) != set(there):
        raise UserError(
            f"demonstrations {path}: {group.name}/{name} has {_listed(there)}, but {METADATA} names {_listed(keys)}"
        )
    if not nested:
        return _flat(_array(path, group, name))
    below = [
        _observations(path, group[name], key, None if keys is None else keys[key])
        for key in (there if keys is None else keys)
    ]
    if not below:
        raise UserError(f"demonstrations {path}: {group[name].name} holds no arrays")
    return np.concatenate(below, axis=1)


def _listed(keys: Collection[str]) -> str:
    return f"the keys {', '.join(sorted(keys))}" if keys else "no keys"


def _scaled(path: Path, arrays: Arrays, bounds: Bounds) -> Arrays:
    """The same with actions in [-1, 1]; of another size than the bounds' they are as they were, to be refused."""
    actions = arrays.get("actions")
    if actions is None or actions.shape[1:] != bounds.low.shape:
        return arrays
    if not (np.isfinite(bounds.low).all() and np.isfinite(bounds.high).all() and (bounds.high > bounds.low).all()):
        raise UserError(f"demonstrations {path}: its actions have no finite bounds, by which they could be scaled")
    scaled = (actions - (bounds.high + bounds.low) / 2) / ((bounds.high - bounds.low) / 2)
    farthest = np.abs(scaled).max(initial=0)
    if farthest > 1 + ROUNDING:
        row, column = (int(place[0]) for place in np.nonzero(np.abs(scaled) == farthest))
        raise UserError(
            f"demonstrations {path}: 'actions' are {actions[row, column]:.7g} in row {row}, beyond the bounds "
            f"[{bounds.low[column]:.3g}, {bounds.high[column]:.3g}]"
        )
    return {**arrays, "actions": np.clip(scaled, -1, 1)}
