"""Demonstrations: whole trajectories in a NumPy archive that needs nothing of ours to be read.

A file holds `observations` and `next_observations` (n, state), `actions` (n, action), `rewards` (n,), `episode_starts`
(episodes,), the row in which each trajectory begins, `terminals` (episodes,), whether its last row is the transition
that terminated it, and `made_by`, a JSON text that says what made it. All but `observations` and `episode_starts` may
be missing: without `terminals` none terminated. Trajectories may be of any length. Nothing in it is pickled.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smiling.runs.artefacts import whole
from smiling.settings import UserError, first_line

# Actions lie in [-1, 1], but for those of a DreamerV3 expert of the suite's, which are kept as sampled: their means lie
# within, their standard deviations go up to 1, and tasks clip.
FARTHEST_ACTION = 10.0
ROUNDING = 1e-5  # by which others' may be beyond 1: of float32 bounds, and what computes with them


@dataclass(frozen=True)
class Demonstrations:
    """Trajectories laid end to end; n transitions."""

    observations: np.ndarray  # (n, state) float32
    episode_starts: np.ndarray  # (episodes,) int64, the first is 0
    actions: np.ndarray | None = None  # (n, action) float32
    rewards: np.ndarray | None = None  # (n,) float32
    next_observations: np.ndarray | None = None  # (n, state) float32
    terminals: np.ndarray | None = None  # (episodes,) bool: its last row is the transition that terminated it
    made_by: dict[str, Any] | None = None

    def returns(self) -> list[float]:
        """Undiscounted return of each trajectory.

        Raises:
            UserError: if the demonstrations carry no rewards.
        """
        if self.rewards is None:
            raise UserError("these demonstrations carry no 'rewards', so their return is unknown")
        return np.add.reduceat(self.rewards.astype(np.float64), self.episode_starts).tolist()

    def ends(self) -> np.ndarray:
        """The row behind the last of each trajectory, (episodes,)."""
        return np.append(self.episode_starts[1:], len(self.observations))

    def digest(self) -> str:
        """Of the arrays, 16 hexadecimal digits: the same for the same content, whoever wrote it and when."""
        found = hashlib.sha256()
        for name, value in sorted(vars(self).items()):
            if isinstance(value, np.ndarray):
                found.update(f"{name} {value.dtype} {value.shape}".encode())
                found.update(np.ascontiguousarray(value).tobytes())
        return found.hexdigest()[:16]

    def require_actions(self) -> np.ndarray:
        """The actions.

        Raises:
            UserError: if the demonstrations carry none.
        """
        if self.actions is None:
            raise UserError("this needs the expert's actions, but the demonstrations hold no 'actions'")
        return self.actions


def write_demonstrations(path: Path, demonstrations: Demonstrations) -> None:
    """Write a demonstrations file, whole."""
    arrays = {name: value for name, value in vars(demonstrations).items() if isinstance(value, np.ndarray)}
    with whole(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, made_by=np.array(json.dumps(demonstrations.made_by)), **arrays)  # type: ignore[arg-type] # numpy's stub takes an array for its flag


def read_demonstrations(path: Path, state_size: int, action_size: int) -> Demonstrations:
    """Read and check a demonstrations file. What is checked is what it is read as: float32, and int64.

    Raises:
        UserError: saying which file, which array and what is wrong with it.
    """
    arrays, made_by = read_archive(path)
    return checked(path, arrays, state_size, action_size, made_by)


def read_archive(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """The arrays of a demonstrations file, by the names of `Demonstrations`, their sizes not checked; what made it.

    Raises:
        UserError: saying which file and what is wrong with it.
    """
    arrays = _arrays(path)
    made_by = _made_by(path, arrays.pop("made_by", "null"))
    return arrays, made_by


def checked(
    path: Path, arrays: dict[str, np.ndarray], state_size: int, action_size: int, made_by: dict[str, Any] | None = None
) -> Demonstrations:
    """Demonstrations of the arrays that were read from `path`, by the names of `Demonstrations`.

    Raises:
        UserError: saying which file, which array and what is wrong with it.
    """
    count = _rows(arrays["observations"])
    shapes = {
        "observations": (count, state_size),
        "next_observations": (count, state_size),
        "actions": (count, action_size),
        "rewards": (count,),
    }
    floats = {name: _floats(path, name, arrays[name], shape) for name, shape in shapes.items() if name in arrays}
    _check_bounds(path, arrays["episode_starts"], count)
    farthest = np.abs(floats["actions"]).max(initial=0) if "actions" in floats else 0
    if farthest > (1 + ROUNDING if made_by is None else FARTHEST_ACTION):
        raise UserError(f"demonstrations {path}: 'actions' go as far as {farthest:.7g}; they must lie in [-1, 1]")
    if made_by is None and farthest > 1:
        floats["actions"] = np.clip(floats["actions"], -1, 1)
    starts = arrays["episode_starts"].astype(np.int64)
    terminals = _flags(path, arrays["terminals"], len(starts)) if "terminals" in arrays else None
    return Demonstrations(**floats, episode_starts=starts, terminals=terminals, made_by=made_by)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an archive that has those that are needed and no others."""
    try:
        with _archive(path) as archive:
            _check_names(path, set(archive.files))
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UserError(f"demonstrations {path}: no such file") from None
    except UserError:
        raise
    except Exception as error:  # NumPy, zipfile and zlib raise whatever they stumble over
        raise UserError(
            f"demonstrations {path}: not a whole .npz archive of plain arrays ({first_line(error)})"
        ) from None
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy hands out other files' bytes
            raise UserError(f"demonstrations {path}: '{name}' is not an array")
    return arrays


def _archive(path: Path) -> np.lib.npyio.NpzFile:
    opened = np.load(path, allow_pickle=False)
    if isinstance(opened, np.ndarray):
        raise UserError(f"demonstrations {path}: a single array (.npy); write an archive with numpy.savez")
    return opened


def _check_names(path: Path, names: set[str]) -> None:
    unknown = names - set(Demonstrations.__dataclass_fields__)
    missing = {"observations", "episode_starts"} - names
    if missing or unknown:
        problem = f"lacks {sorted(missing)}" if missing else f"holds unknown arrays {sorted(unknown)}"
        raise UserError(f"demonstrations {path}: the file {problem}")


def _made_by(path: Path, text: Any) -> dict[str, Any] | None:
    try:
        made_by = json.loads(str(text))
    except (ValueError, RecursionError) as error:
        raise UserError(f"demonstrations {path}: 'made_by' is not JSON ({first_line(error)})") from None
    if not isinstance(made_by, dict | None):
        raise UserError(f"demonstrations {path}: 'made_by' is no JSON object, which says what made it")
    return made_by


def _rows(array: np.ndarray) -> int:
    return len(array) if array.ndim else 1


def _floats(path: Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`array` in float32, if it has the shape and holds numbers."""
    if array.shape != shape:
        raise UserError(f"demonstrations {path}: '{name}' has shape {array.shape}, this task needs {shape}")
    if array.dtype.kind not in "fiu":
        raise UserError(f"demonstrations {path}: '{name}' holds {array.dtype}, not numbers")
    with np.errstate(over="ignore"):
        floats = array.astype(np.float32)
    if not np.isfinite(floats).all():
        row = int(np.argwhere(~np.isfinite(floats))[0][0])
        raise UserError(
            f"demonstrations {path}: '{name}' is not finite (NaN, infinity, or too large for float32) in row {row}"
        )
    return floats


def _flags(path: Path, terminals: np.ndarray, episodes: int) -> np.ndarray:
    """`terminals`, if there is a truth value for each trajectory."""
    if terminals.shape != (episodes,) or terminals.dtype.kind not in "biu":
        raise UserError(
            f"demonstrations {path}: 'terminals' must say true or false of each of the {episodes} trajectories; it is "
            f"{terminals.dtype} of shape {terminals.shape}"
        )
    return terminals.astype(bool)


def _check_bounds(path: Path, starts: np.ndarray, count: int) -> None:
    if count == 0:
        raise UserError(f"demonstrations {path}: 'observations' is empty")
    good = starts.ndim == 1 and starts.dtype.kind in "iu" and len(starts) > 0 and starts[0] == 0
    # Compared, not subtracted: differences of unsigned integers wrap.
    if not (good and (starts[1:] > starts[:-1]).all() and starts[-1] < count):
        raise UserError(
            f"demonstrations {path}: 'episode_starts' must rise from 0 to below the {count} rows, as integers"
        )
